//! `blockhouse link`: lists and revokes links of a running node, over its administrator address.

use crate::{
    ask,
    cli::{LinkArgs, LinkCommand, LinkListArgs, RevokeArgs},
};
use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use std::{
    io::{Read as _, stdin},
    process::ExitCode,
};

/// Bytes of a link at most.
const LINK_BYTES_MAX: u64 = 16 << 10;

/// What is listed of each kind: the field, and the width of its column.
type Columns = &'static [(&'static str, usize)];

const MADE: Columns = &[
    ("link", 32),
    ("method", 6),
    ("expires_at", 20),
    ("key_id", 20),
    ("bucket", 0),
    ("key", 0),
];

const SEEN: Columns = &[
    ("link", 32),
    ("uses", 5),
    ("last_used", 20),
    ("last_source", 15),
    ("expires_at", 20),
    ("bucket", 0),
    ("key", 0),
    ("used", 0),
];

const REVOKED: Columns = &[
    ("until", 20),
    ("signed_until", 20),
    ("link", 0),
    ("once_sha256", 0),
    ("key_id", 0),
    ("bucket", 0),
    ("prefix", 0),
];

/// Lists or revokes.
pub(crate) fn run(args: &LinkArgs) -> Result<ExitCode> {
    match &args.command {
        LinkCommand::Revoke(args) => revoke(args)?,
        LinkCommand::List(args) => list(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn revoke(args: &RevokeArgs) -> Result<()> {
    let url = match args.url.as_deref() {
        Some("-") => Some(from_stdin()?),
        url => url.map(str::to_owned),
    };
    let fields = [
        ("url", url.as_ref()),
        ("link", args.id.as_ref()),
        ("once", args.once.as_ref()),
        ("key_id", args.key.as_ref()),
        ("bucket", args.bucket.as_ref()),
        ("prefix", args.prefix.as_ref()),
        ("signed_until", args.signed_until.as_ref()),
    ];
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?.as_str()))));
    let mut document: Map<String, Value> = given.collect();
    document.insert("keep_running".to_owned(), args.keep_running.into());
    let body = Value::from(document).to_string();
    let revoked = ask::admin(&args.node, "POST", "/links/revocations", &body)?;
    println!(
        "revoked; it is remembered until {}",
        cell(&revoked, "until")
    );
    if !args.keep_running {
        println!("connections ended: {}", cell(&revoked, "connections_ended"));
    }
    Ok(())
}

fn from_stdin() -> Result<String> {
    let mut text = String::new();
    stdin()
        .take(LINK_BYTES_MAX)
        .read_to_string(&mut text)
        .context("reading the link")?;
    Ok(text.trim().to_owned())
}

fn list(args: &LinkListArgs) -> Result<()> {
    let links = ask::admin(&args.node, "GET", "/links", "")?;
    if args.json {
        println!("{links:#}");
        return Ok(());
    }
    for (title, name, columns) in [
        ("made by this node since its start", "made", MADE),
        ("seen in use since its start", "seen", SEEN),
        ("revoked", "revoked", REVOKED),
    ] {
        let rows = links[name].as_array().map_or(&[][..], Vec::as_slice);
        println!("{title}: {}", rows.len());
        for row in rows {
            println!("  {}", line(row, columns).trim_end());
        }
    }
    Ok(())
}

fn line(row: &Value, columns: Columns) -> String {
    let cells = columns.iter().map(|(name, width)| match name {
        // What has no column of its own says what it is.
        _ if *width == 0 => match cell(row, name) {
            text if text.is_empty() => text,
            text => format!("{name}={text}"),
        },
        _ => format!("{:<width$}", cell(row, name)),
    });
    let mut cells: Vec<String> = cells.filter(|cell| !cell.is_empty()).collect();
    if row["revoked"] == true {
        cells.push("revoked".to_owned());
    }
    cells.join(" ")
}

/// A field as text; nothing for one that is not there. Control characters in a key would be the
/// terminal's to obey.
fn cell(row: &Value, name: &str) -> String {
    match &row[name] {
        Value::Null => String::new(),
        Value::String(text) if text.chars().any(char::is_control) => format!("{text:?}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_says_what_there_is() {
        let row =
            json!({"link": "ab", "uses": 3, "bucket": "b", "key": "a\u{1b}[2J", "revoked": true});
        let line = line(&row, SEEN);
        assert!(line.starts_with("ab "), "{line}");
        assert!(line.contains(" 3 ") && line.contains("bucket=b"), "{line}");
        assert!(
            line.contains(r#"key="a\u{1b}[2J""#) && line.ends_with(" revoked"),
            "{line}"
        );
    }
}

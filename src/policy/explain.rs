//! `blockhouse policy explain`: why a request that happened was decided as it was, from the audit alone.
//! The node is not asked: what is told is what was recorded then, whatever the policies say by now.

use crate::cli::ExplainArgs;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::ExitCode,
};

/// Files of the audit that are looked into, the newest first: as many as a node keeps.
const FILES_MAX: usize = 8;

/// Bytes of one line that are read at most; a longer one is passed over.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Exits with 0 when the request was found, 1 when not.
pub(super) fn explain(args: &ExplainArgs) -> Result<ExitCode> {
    let folder = args.data.join("audit");
    let Some(record) = find(&folder, &args.request_id)? else {
        println!("no request {} in {}", args.request_id, folder.display());
        return Ok(ExitCode::FAILURE);
    };
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&record)?),
        false => print!("{}", told(&record)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The record of a request; of several, the last.
fn find(folder: &Path, request: &str) -> Result<Option<Value>> {
    for number in 0..FILES_MAX {
        let name = match number {
            0 => "audit.jsonl".to_owned(),
            number => format!("audit.{number}.jsonl"),
        };
        let path = folder.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if number > 0 && error.kind() == std::io::ErrorKind::NotFound => break,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let found = find_in(file, request);
        let found = found.with_context(|| format!("cannot read {}", path.display()))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn find_in(file: impl std::io::Read, request: &str) -> Result<Option<Value>> {
    let mut file = BufReader::new(file);
    let (mut line, mut found) = (Vec::new(), None);
    loop {
        line.clear();
        let len = file
            .by_ref()
            .take(LINE_BYTES_MAX as u64)
            .read_until(b'\n', &mut line)?;
        if len == 0 {
            return Ok(found);
        }
        // Most lines are of other requests: they are not worth reading as JSON.
        let may_be = line
            .windows(request.len().max(1))
            .any(|w| w == request.as_bytes());
        // What a kill cut off is no record.
        let record = may_be
            .then(|| serde_json::from_slice::<Value>(&line).ok())
            .flatten();
        found = record
            .filter(|record| record["request"] == request)
            .or(found);
    }
}

/// The record for a person to read.
fn told(record: &Value) -> String {
    let text = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
    let mut out = format!("{} {}\n", summary(record), code(record));
    let mut line = |what: &str, text: String| out += &format!("  {what:<6}{text}\n");
    line("when", text("time"));
    line(
        "who",
        match record["principal"].as_str() {
            Some(principal) => format!("{principal} by key {}", text("key_id")),
            None => format!("nobody that was believed; key {}", text("key_id")),
        },
    );
    line("from", text("source"));
    line(
        "what",
        match (record["bucket"].as_str(), record["key"].as_str()) {
            (Some(bucket), Some(key)) => format!("{} on {bucket}/{key}", text("action")),
            (Some(bucket), None) => format!("{} on {bucket}", text("action")),
            _ => text("action"),
        },
    );
    if record["link"].is_string() {
        line("link", text("link"));
    }
    if record["why"].is_object() {
        policies(&record["why"], &mut out);
    }
    out
}

fn code(record: &Value) -> String {
    let code = record["code"].as_str();
    code.map_or_else(String::new, |code| format!("The client was told {code}."))
}

fn summary(record: &Value) -> String {
    if let Some(summary) = record["why"]["summary"].as_str() {
        return summary.to_owned();
    }
    match (record["verdict"].as_str(), record["check"].as_str()) {
        (Some("allowed"), _) => "Allowed.".to_owned(),
        (_, Some(check)) => format!("Refused by the check {check}: {}.", meaning(check)),
        (verdict, None) => format!("{}.", verdict.unwrap_or("Undecided")),
    }
}

/// What a check looks at.
fn meaning(check: &str) -> &'static str {
    let (check, reason) = check.split_once(':').unwrap_or((check, ""));
    match (check, reason) {
        ("verify", "revoked") => "the link was revoked",
        ("verify", _) => "the signature, and the terms of a link",
        ("permit", "address") => "the bucket's list of addresses does not name where it came from",
        ("permit", "anonymous") => "nobody signed, and nothing here is for everybody",
        ("permit", _) => "whether they may",
        ("room", _) => "there was no room for one more request",
        ("preflight", _) => "the bucket's rules for other origins",
        ("form", _) => "the form in the body is none",
        ("parse", _) => "the head makes no sense",
        ("condition", _) => "a condition of the request's own",
        ("body", _) => "what was promised of the body",
        ("state", _) => {
            "what there is; if the caller may not list the bucket, it must not learn that"
        }
        ("node", _) => "the node could not",
        ("gone", _) => "the client went away",
        _ => "a check that this program does not know",
    }
}

/// The statements that were met, with what their conditions compared.
fn policies(why: &Value, out: &mut String) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let shown = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let texts = |value: &Value| list(value).iter().map(shown).collect::<Vec<_>>().join(", ");
    for policy in list(&why["policies"]) {
        let (layer, id, sha256) = (
            shown(&policy["layer"]),
            shown(&policy["id"]),
            shown(&policy["sha256"]),
        );
        *out += &format!("{layer} \"{id}\" (SHA-256 {sha256})\n");
        for statement in list(&policy["statements"]) {
            let mark = match (&statement["decided"], &statement["matched"]) {
                (Value::Bool(true), _) => "=>",
                (_, Value::Bool(true)) => " *",
                _ => "  ",
            };
            let number = statement["number"].as_u64().map_or(0, |number| number + 1);
            let sid = statement["sid"].as_str().unwrap_or_default();
            *out += &format!("{mark} {} {number} {sid}\n", shown(&statement["effect"]));
            for condition in list(&statement["conditions"]) {
                let holds = if condition["holds"] == true {
                    "yes"
                } else {
                    "no"
                };
                let found = match &condition["found"] {
                    Value::Null => "absent".to_owned(),
                    found => texts(found),
                };
                *out += &format!(
                    "     {holds:<3} {} {} [{}], is {found}\n",
                    shown(&condition["operator"]),
                    shown(&condition["key"]),
                    texts(&condition["wanted"]),
                );
            }
        }
    }
    let missing = texts(&why["missing"]);
    if !missing.is_empty() {
        *out += &format!("absent: {missing}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_record_of_a_request_is_found() {
        let lines = "{\"request\":\"A\",\"bytes\":1}\nnot json A\n{\"request\":\"A\",\"bytes\":2}\n{\"request\":\"B\"}\n{\"requ";
        let found = find_in(lines.as_bytes(), "A").unwrap().unwrap();
        assert_eq!(found["bytes"], 2);
        assert!(find_in(lines.as_bytes(), "C").unwrap().is_none());
    }

    #[test]
    fn what_is_told() {
        let record = serde_json::json!({
            "time": "t", "request": "A", "principal": null, "key_id": "AK", "source": "127.0.0.1:1",
            "bucket": "b", "key": "k", "action": "s3:GetObject", "verdict": "refused",
            "check": "permit:address", "code": "AccessDenied",
        });
        let text = told(&record);
        assert!(
            text.contains("list of addresses") && text.contains("s3:GetObject on b/k"),
            "{text}"
        );
    }
}

//! `blockhouse address-list`: reads, sets and removes a bucket's list of addresses, as an S3 client.

use crate::{
    ask,
    cli::{AddressListArgs, AddressListCommand, BucketArgs, SetAddressListArgs},
};
use anyhow::{Context as _, Result, bail};
use blockhouse_policy::address_list::Entry;
use blockhouse_s3::xml::{addresses_xml, parse_addresses};
use bytes::Bytes;
use std::{
    fs::File,
    io::{self, Read, Write as _},
    path::Path,
    process::ExitCode,
};

/// The subresource.
pub(crate) const SUBRESOURCE: &str = "bh-addresses";

/// Bytes of a file of entries at most.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Does what was asked.
pub(crate) fn run(args: &AddressListArgs) -> Result<ExitCode> {
    match &args.command {
        AddressListCommand::Get(args) => get(args)?,
        AddressListCommand::Set(args) => set(args)?,
        AddressListCommand::Delete(args) => {
            ask(args, "DELETE", Bytes::new())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn get(args: &BucketArgs) -> Result<()> {
    let entries = parse_addresses(&ask(args, "GET", Bytes::new())?);
    let entries = entries.map_err(|error| anyhow::anyhow!("{}", error.text()))?;
    let mut out = io::stdout().lock();
    for entry in entries {
        writeln!(out, "{entry}")?;
    }
    Ok(())
}

fn set(args: &SetAddressListArgs) -> Result<()> {
    let mut entries = args.entries.clone();
    if let Some(file) = &args.file {
        entries.extend(lines(file).with_context(|| format!("{}", file.display()))?);
    }
    if entries.is_empty() && !args.nobody {
        bail!("no entry is given; --nobody sets a list that lets nobody in");
    }
    let parsed: Result<Vec<Entry>, _> = entries.iter().map(|entry| entry.parse()).collect();
    ask(&args.bucket, "PUT", addresses_xml(parsed?))?;
    Ok(())
}

fn ask(args: &BucketArgs, method: &str, body: Bytes) -> Result<Bytes> {
    ask::bucket(&args.s3, method, (&args.bucket, SUBRESOURCE), body)
}

fn lines(file: &Path) -> Result<Vec<String>> {
    let source: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(file)?),
    };
    let mut text = String::new();
    source.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        bail!("it is longer than {FILE_BYTES_MAX} bytes");
    }
    let entries = text.lines().map(|line| {
        let (entry, _) = line.split_once('#').unwrap_or((line, ""));
        entry.trim().to_owned()
    });
    Ok(entries.filter(|entry| !entry.is_empty()).collect())
}

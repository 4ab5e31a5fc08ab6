//! The way back: the record of a request, found in the files by its id.
//!
//! The files are read while a node may be writing and turning them over. They are opened from the newest
//! on, so that one that is turned over meanwhile is read twice rather than never. A line that was cut off,
//! is longer than any that is written, or is of another version, is passed over.

use super::files::{FILES_MAX, name};
use blockhouse_policy::Explanation;
use blockhouse_types::RequestId;
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

/// The longest line that is read, in bytes; none that is written is as long.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// A record as it was written. Texts are as in the line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// When the request began.
    pub time: String,
    /// The identity of the link.
    pub link: Option<String>,
    /// The key that it was signed with, as far as it said so.
    pub key_id: Option<String>,
    /// Who signed.
    pub principal: Option<String>,
    /// The other end of the connection.
    pub source: String,
    /// The VPC that it came out of, if it came by a VPC endpoint.
    pub vpc: Option<String>,
    /// That endpoint.
    pub vpce: Option<String>,
    /// The subnet of the source.
    pub subnet: Option<String>,
    /// The bucket.
    pub bucket: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// The first permission that it needs.
    pub action: Option<String>,
    /// `allowed`, `refused` or `unanswered`.
    pub verdict: String,
    /// The check that said no.
    pub check: Option<String>,
    /// What allowed it.
    pub allowed_by: Option<AllowedBy>,
    /// Why policies denied it.
    pub why: Option<Explanation>,
    /// What the client was told.
    pub code: Option<String>,
    /// Bytes that a success acknowledged.
    pub bytes: u64,
}

/// What allowed a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AllowedBy {
    /// The caller is the root of its account.
    pub root: bool,
    /// The statements.
    pub statements: Vec<AllowingStatement>,
}

/// A statement that allowed a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AllowingStatement {
    /// Which of the policies.
    pub layer: String,
    /// Where it is attached.
    pub kind: String,
    /// What it is called.
    pub policy: String,
    /// Which text it was.
    pub fingerprint: String,
    /// Which statement, counted from zero.
    pub statement: u32,
    /// Its name.
    pub sid: Option<String>,
}

/// The record of the request in the audit's `folder`, as the line is and as it is read; `None` when
/// there is none. Of a request that has several, the last.
///
/// # Errors
/// The folder or a file in it cannot be read.
pub fn find(folder: &Path, request: RequestId) -> io::Result<Option<(Value, Told)>> {
    let mut files = Vec::with_capacity(FILES_MAX);
    for number in 0..FILES_MAX {
        match File::open(name(folder, number)) {
            Ok(file) => files.push(file),
            // The newest is always there where there is an audit.
            Err(error) if error.kind() == io::ErrorKind::NotFound && number > 0 => {}
            Err(error) => return Err(error),
        }
    }
    for file in files {
        if let Some(found) = find_in(BufReader::with_capacity(1 << 16, file), request)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn find_in(mut from: impl BufRead, request: RequestId) -> io::Result<Option<(Value, Told)>> {
    let wanted = format!("\"request\":\"{request}\"");
    let (mut line, mut found) = (Vec::new(), None);
    loop {
        line.clear();
        let len = from
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)?;
        if len == 0 {
            return Ok(found);
        }
        // An id that somebody wrote into a key stands there with its quotes escaped.
        let has_it = || {
            line.windows(wanted.len())
                .any(|part| part == wanted.as_bytes())
        };
        if line.len() < wanted.len() || !has_it() {
            continue;
        }
        if let Some(told) = read(&line) {
            found = Some(told);
        }
    }
}

/// A line, if it is a whole record.
pub fn read(line: &[u8]) -> Option<(Value, Told)> {
    let document: Value = serde_json::from_slice(line).ok()?;
    let told = serde_json::from_slice(line).ok()?;
    Some((document, told))
}

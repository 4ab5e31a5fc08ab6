//! Conditions of reads, copies and writes.

use super::fields::Fields;
use crate::{
    condition::{ETagSet, IfRange, ReadConditions, WriteCondition},
    error::S3Error,
};
use blockhouse_types::{ETag, Timestamp};
use std::time::UNIX_EPOCH;

/// The four names that conditions have.
struct Names {
    matches: &'static str,
    none_match: &'static str,
    modified_since: &'static str,
    unmodified_since: &'static str,
}

const OF_READ: Names = Names {
    matches: "if-match",
    none_match: "if-none-match",
    modified_since: "if-modified-since",
    unmodified_since: "if-unmodified-since",
};

const OF_COPY: Names = Names {
    matches: "x-amz-copy-source-if-match",
    none_match: "x-amz-copy-source-if-none-match",
    modified_since: "x-amz-copy-source-if-modified-since",
    unmodified_since: "x-amz-copy-source-if-unmodified-since",
};

/// `If-*` of a read.
pub(super) fn of_read(fields: &Fields<'_>) -> Result<ReadConditions, S3Error> {
    read(fields, &OF_READ)
}

/// `x-amz-copy-source-if-*`.
pub(super) fn of_copy_source(fields: &Fields<'_>) -> Result<ReadConditions, S3Error> {
    read(fields, &OF_COPY)
}

fn read(fields: &Fields<'_>, names: &Names) -> Result<ReadConditions, S3Error> {
    let tags = |name| Ok::<_, S3Error>(fields.some(name)?.map(|text| ETagSet::parse(&text)));
    // RFC 9110, 13.1.3: "A recipient MUST ignore the If-Modified-Since header field if the received
    // field value is not a valid HTTP-date".
    let date = |name| Ok::<_, S3Error>(fields.some(name)?.and_then(|text| date_of(&text)));
    Ok(ReadConditions {
        if_match: tags(names.matches)?,
        if_none_match: tags(names.none_match)?,
        if_modified_since: date(names.modified_since)?,
        if_unmodified_since: date(names.unmodified_since)?,
    })
}

/// `If-Range`.
pub(super) fn if_range(fields: &Fields<'_>) -> Result<Option<IfRange>, S3Error> {
    let Some(text) = fields.some("if-range")? else {
        return Ok(None);
    };
    let parsed = match (date_of(&text), ETag::parse(text.trim())) {
        (Some(date), _) => IfRange::Date(date),
        (None, Ok(tag)) => IfRange::Tag(tag),
        (None, Err(_)) => IfRange::Never,
    };
    Ok(Some(parsed))
}

/// `If-Match` or `If-None-Match: *` of a write. Both at once, a tag in `If-None-Match` and dates
/// are 501, as on AWS.
pub(super) fn of_write(fields: &Fields<'_>) -> Result<WriteCondition, S3Error> {
    let matches = fields.some("if-match")?;
    let none_match = fields.some("if-none-match")?;
    match (matches, none_match) {
        (None, None) => Ok(WriteCondition::None),
        (Some(tag), None) => Ok(WriteCondition::if_match(&tag)),
        (None, Some(star)) if star.trim() == "*" => Ok(WriteCondition::Absent),
        (_, Some(_)) => Err(S3Error::not_implemented_header("If-None-Match")),
    }
}

/// Any of the three forms of an HTTP date, from 1970 on.
pub(super) fn date_of(text: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(since.as_secs()))
}

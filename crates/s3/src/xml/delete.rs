//! The body of DeleteObjects.

use super::{Element, parse_document};
use crate::{
    condition::WriteCondition,
    error::{ErrorKind, S3Error},
    output::DeleteOutcome,
};
use blockhouse_types::{InvalidObjectKey, ObjectKey, VersionId};

/// Objects of one request at most; more is `MalformedXML`, as on AWS.
const OBJECTS_MAX: usize = 1000;

/// The body of DeleteObjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteObjects {
    /// Show failures only.
    pub quiet: bool,
    /// What to delete, in order; 1 to 1000.
    pub entries: Vec<DeleteEntry>,
}

/// One thing to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteEntry {
    /// A legal target.
    Target {
        /// The key.
        key: ObjectKey,
        /// A version to remove for good.
        version: Option<VersionId>,
        /// `If-Match` by the entry's `ETag`.
        condition: WriteCondition,
    },
    /// One that cannot exist: the request as a whole goes on, this entry fails.
    Refused(DeleteOutcome),
}

impl DeleteObjects {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, S3Error> {
        let root = parse_document(body, "Delete")?;
        let children = root.parts(&["Object", "Quiet"])?;
        let quiet = root.child_bool("Quiet")?.unwrap_or(false);
        let objects = children.iter().filter(|child| child.name == "Object");
        let entries = objects.map(entry).collect::<Result<Vec<_>, _>>()?;
        if !(1..=OBJECTS_MAX).contains(&entries.len()) {
            return Err(ErrorKind::MalformedXml.into());
        }
        Ok(Self { quiet, entries })
    }
}

fn entry(object: &Element) -> Result<DeleteEntry, S3Error> {
    object.parts(&["Key", "VersionId", "ETag", "LastModifiedTime", "Size"])?;
    let key = object.required_text("Key")?;
    let version = object
        .child_text("VersionId")?
        .filter(|text| !text.is_empty());
    let etag = object.child_text("ETag")?;
    let refused = |error: S3Error| {
        let (key, version) = (key.to_owned(), version.map(str::to_owned));
        Ok(DeleteEntry::Refused(DeleteOutcome::Failed {
            key,
            version,
            error,
        }))
    };
    // Conditions of directory buckets: not to be taken for granted.
    if object.child("LastModifiedTime")?.is_some() || object.child("Size")?.is_some() {
        return refused(ErrorKind::NotImplemented.into());
    }
    let parsed = match ObjectKey::parse(key) {
        Ok(key) => key,
        Err(InvalidObjectKey::TooLong) => return refused(ErrorKind::KeyTooLongError.into()),
        Err(_) => return Err(ErrorKind::MalformedXml.into()),
    };
    let version = match version.map(VersionId::parse).transpose() {
        Ok(version) => version,
        Err(_) => return refused(ErrorKind::NoSuchVersion.into()),
    };
    let condition = etag.map_or(WriteCondition::None, WriteCondition::if_match);
    Ok(DeleteEntry::Target {
        key: parsed,
        version,
        condition,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_targets() {
        let body = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Object><Key> a/../b&#xD;&amp; </Key></Object>\
            <Object><Key>k</Key><VersionId>null</VersionId><ETag>*</ETag></Object>\
            <Object><Key>k</Key><VersionId>nope</VersionId></Object>\
            <Quiet>true</Quiet></Delete>";
        let parsed = DeleteObjects::parse(body.as_bytes()).unwrap();
        assert!(parsed.quiet);
        let key = |k: &str| ObjectKey::parse(k).unwrap();
        assert_eq!(
            parsed.entries[..2],
            [
                DeleteEntry::Target {
                    key: key(" a/../b\r& "),
                    version: None,
                    condition: WriteCondition::None,
                },
                DeleteEntry::Target {
                    key: key("k"),
                    version: Some(VersionId::NULL),
                    condition: WriteCondition::Present,
                },
            ]
        );
        assert!(matches!(parsed.entries[2], DeleteEntry::Refused(_)));
    }

    #[test]
    fn one_to_a_thousand() {
        let body = |n: usize| {
            format!(
                "<Delete>{}</Delete>",
                "<Object><Key>k</Key></Object>".repeat(n)
            )
        };
        for (n, ok) in [(0, false), (1, true), (1000, true), (1001, false)] {
            assert_eq!(DeleteObjects::parse(body(n).as_bytes()).is_ok(), ok, "{n}");
        }
        for body in [
            "<Delete><Object/></Delete>",
            "<Delete><Object><Key/></Object></Delete>",
        ] {
            assert!(DeleteObjects::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}

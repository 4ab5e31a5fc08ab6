//! Tag sets of buckets and objects.

use super::{Element, Writer, parse_document};
use crate::error::{ErrorKind, S3Error};
use bytes::Bytes;

/// Tags of one object at most.
pub(crate) const OBJECT_TAGS_MAX: usize = 10;
/// Tags of one bucket at most.
const BUCKET_TAGS_MAX: usize = 50;
/// The longest key, in UTF-16 units as AWS counts characters.
const KEY_UNITS_MAX: usize = 128;
/// The longest value, likewise.
const VALUE_UNITS_MAX: usize = 256;

/// The body of PutBucketTagging.
pub fn parse_bucket_tagging(body: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let tags = tags_of_document(body)?;
    check_tags(&tags, BUCKET_TAGS_MAX)?;
    Ok(tags)
}

/// The body of PutObjectTagging.
pub fn parse_object_tagging(body: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let tags = tags_of_document(body)?;
    check_tags(&tags, OBJECT_TAGS_MAX)?;
    Ok(tags)
}

/// A tag set as a document: the answer of the two Get operations.
pub fn tagging_xml(tags: &[(String, String)]) -> Bytes {
    let mut xml = Writer::new(256 + tags.len() * 64);
    xml.root("Tagging");
    xml.open("TagSet");
    for (key, value) in tags {
        xml.open("Tag");
        xml.text("Key", key);
        xml.text("Value", value);
        xml.close("Tag");
    }
    xml.close("TagSet");
    xml.close("Tagging");
    xml.finish()
}

fn tags_of_document(body: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let tagging = parse_document(body, "Tagging")?;
    tagging.parts(&["TagSet"])?;
    let set = tagging.child("TagSet")?.ok_or(ErrorKind::MalformedXml)?;
    set.parts(&["Tag"])?.iter().map(tag_of).collect()
}

/// One `Tag` element.
pub(crate) fn tag_of(tag: &Element) -> Result<(String, String), S3Error> {
    tag.parts(&["Key", "Value"])?;
    Ok((
        tag.required_text("Key")?.to_owned(),
        tag.required_text("Value")?.to_owned(),
    ))
}

/// Checks number, lengths and distinctness. AWS also refuses characters outside letters, digits,
/// spaces and `+ - = . _ : / @`; so do we.
pub(crate) fn check_tags(tags: &[(String, String)], max: usize) -> Result<(), S3Error> {
    if tags.len() > max {
        return Err(too_many(max));
    }
    for (i, (key, value)) in tags.iter().enumerate() {
        if !(1..=KEY_UNITS_MAX).contains(&units(key)) || !key.chars().all(allowed) {
            return Err(invalid("The TagKey you have provided is invalid", key));
        }
        if units(value) > VALUE_UNITS_MAX || !value.chars().all(allowed) {
            return Err(invalid("The TagValue you have provided is invalid", key));
        }
        if key
            .get(..4)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
        {
            return Err(invalid(
                "System tags cannot be added/updated by requester",
                key,
            ));
        }
        if tags.iter().take(i).any(|(earlier, _)| earlier == key) {
            return Err(invalid(
                "Cannot provide multiple Tags with the same key",
                key,
            ));
        }
    }
    Ok(())
}

fn too_many(max: usize) -> S3Error {
    if max == OBJECT_TAGS_MAX {
        S3Error::from(ErrorKind::BadRequest).message("Object tags cannot be greater than 10")
    } else {
        S3Error::from(ErrorKind::BadRequest).message("Bucket tag count cannot be greater than 50")
    }
}

fn invalid(message: &'static str, key: &str) -> S3Error {
    S3Error::from(ErrorKind::InvalidTag)
        .message(message)
        .element("TagKey", key)
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn allowed(character: char) -> bool {
    character.is_alphanumeric()
        || matches!(
            character,
            ' ' | '+' | '-' | '=' | '.' | '_' | ':' | '/' | '@'
        )
        || (character.is_whitespace() && !character.is_control())
        || is_mark(character)
}

/// Combining marks belong to the letters of many scripts and are not alphanumeric by themselves.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}'
        | '\u{3099}'..='\u{309a}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(tags: &[(&str, &str)]) -> String {
        let tags: String = tags
            .iter()
            .map(|(k, v)| format!("<Tag><Key>{k}</Key><Value>{v}</Value></Tag>"))
            .collect();
        format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
    }

    #[test]
    fn reads_what_it_writes() {
        let tags = parse_object_tagging(document(&[("k", ""), ("ключ", "v 1+/@")]).as_bytes());
        let tags = tags.unwrap();
        assert_eq!(tags.len(), 2);
        assert_eq!(parse_object_tagging(&tagging_xml(&tags)).unwrap(), tags);
        assert_eq!(parse_object_tagging(document(&[]).as_bytes()).unwrap(), []);
    }

    #[test]
    fn refuses() {
        let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
        for (tags, kind) in [
            (vec![("", "v")], ErrorKind::InvalidTag),
            (vec![(long_key.as_str(), "v")], ErrorKind::InvalidTag),
            (vec![("k", long_value.as_str())], ErrorKind::InvalidTag),
            (vec![("aws:x", "v")], ErrorKind::InvalidTag),
            (vec![("k", "1"), ("k", "2")], ErrorKind::InvalidTag),
            (vec![("k{", "1")], ErrorKind::InvalidTag),
            (vec![("k", "v"); 11], ErrorKind::BadRequest),
        ] {
            let error = parse_object_tagging(document(&tags).as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{tags:?}");
        }
        for body in [
            "",
            "<Tagging/>",
            "<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>",
            "<Tagging><TagSet><Tag><Key>k</Key><Value/><X/></Tag></TagSet></Tagging>",
            "<Tagging><TagSet/><TagSet/></Tagging>",
            "<Tagging><TagSet>x</TagSet></Tagging>",
        ] {
            let error = parse_object_tagging(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MalformedXml, "{body}");
        }
    }
}

//! What a client says of an object beyond its bytes.

use super::fields::Fields;
use crate::{
    error::{ErrorKind, S3Error},
    operation::Attributes,
    xml::{OBJECT_TAGS_MAX, check_tags},
};
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

/// User metadata at most: names without their prefix, and values.
const METADATA_BYTES_MAX: usize = 2 << 10;
/// All kept headers together at most; what a store must take.
const HEADERS_BYTES_MAX: usize = 8 << 10;
/// The longest redirect.
const REDIRECT_BYTES_MAX: usize = 2 << 10;
const META: &str = "x-amz-meta-";
const REDIRECT: &str = "x-amz-website-redirect-location";

/// Headers that S3 gives back as they came.
const KEPT: [&str; 5] = [
    "content-type",
    "content-language",
    "content-disposition",
    "cache-control",
    "expires",
];

/// Headers and tags of a new object.
pub(super) fn read(fields: &Fields<'_>) -> Result<Attributes, S3Error> {
    refuse_acl(fields)?;
    check_storage_class(fields)?;
    let mut headers = metadata(fields)?;
    headers.extend(redirect(fields)?.map(|value| (REDIRECT.to_owned(), value)));
    Ok(Attributes {
        headers,
        tags: tags(fields)?,
    })
}

/// Headers to give back, without the redirect.
pub(super) fn metadata(fields: &Fields<'_>) -> Result<Vec<(String, String)>, S3Error> {
    let mut headers = Vec::new();
    for name in KEPT {
        headers.extend(
            fields
                .some(name)?
                .map(|value| (name.to_owned(), value.into_owned())),
        );
    }
    if let Some(value) = fields.some("content-encoding")? {
        headers.extend(without_aws_chunked(&value).map(|v| ("content-encoding".to_owned(), v)));
    }
    let meta = fields.with_prefix(META)?;
    let bytes: usize = meta
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(S3Error::from(ErrorKind::MetadataTooLarge)
            .element("Size", bytes.to_string())
            .element("MaxSizeAllowed", METADATA_BYTES_MAX.to_string()));
    }
    headers.extend(
        meta.into_iter()
            .map(|(name, value)| (format!("{META}{name}"), value)),
    );
    headers
        .iter()
        .try_for_each(|(name, value)| check_header(name, value))?;
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > HEADERS_BYTES_MAX - REDIRECT.len() - REDIRECT_BYTES_MAX {
        return Err(ErrorKind::RequestHeaderSectionTooLarge.into());
    }
    Ok(headers)
}

/// What a presigned link carries in its query may be no header at all.
fn check_header(name: &str, value: &str) -> Result<(), S3Error> {
    let legal = name.strip_prefix(META) != Some("")
        && HeaderName::from_bytes(name.as_bytes()).is_ok()
        && HeaderValue::from_bytes(value.as_bytes()).is_ok();
    if legal {
        return Ok(());
    }
    Err(S3Error::from(ErrorKind::InvalidArgument)
        .message("The name or value cannot stand in a header")
        .element("ArgumentName", name))
}

/// `aws-chunked` frames this one request; the object never has it.
fn without_aws_chunked(value: &str) -> Option<String> {
    let kept: Vec<&str> = value
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

/// `x-amz-website-redirect-location`.
pub(super) fn redirect(fields: &Fields<'_>) -> Result<Option<String>, S3Error> {
    let Some(value) = fields.some(REDIRECT)? else {
        return Ok(None);
    };
    let legal = ["/", "http://", "https://"]
        .iter()
        .any(|start| value.starts_with(start));
    if !legal || value.len() > REDIRECT_BYTES_MAX {
        return Err(ErrorKind::InvalidRedirectLocation.into());
    }
    check_header(REDIRECT, &value)?;
    Ok(Some(value.into_owned()))
}

/// `x-amz-tagging`: tags as a query string.
pub(super) fn tags(fields: &Fields<'_>) -> Result<Vec<(String, String)>, S3Error> {
    let Some(header) = fields.some("x-amz-tagging")? else {
        return Ok(Vec::new());
    };
    let malformed = || {
        S3Error::invalid_argument(
            "x-amz-tagging",
            header.as_ref(),
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query \
             parameters without tag name duplicates.",
        )
    };
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced)
            .decode_utf8()
            .map(String::from)
            .map_err(|_| malformed())
    };
    let mut tags: Vec<(String, String)> = Vec::new();
    for pair in header.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decode(key)?;
        if tags.iter().any(|(known, _)| *known == key) {
            return Err(malformed());
        }
        tags.push((key, decode(value)?));
        if tags.len() > OBJECT_TAGS_MAX {
            break;
        }
    }
    check_tags(&tags, OBJECT_TAGS_MAX)?;
    Ok(tags)
}

/// There are no ACLs: `private` says what holds anyway, everything else is refused.
pub(super) fn refuse_acl(fields: &Fields<'_>) -> Result<(), S3Error> {
    let canned = fields.some("x-amz-acl")?;
    let other = canned.is_some_and(|acl| acl.trim() != "private");
    if other || fields.has_prefix("x-amz-grant-").is_some() {
        return Err(ErrorKind::AccessControlListNotSupported.into());
    }
    Ok(())
}

/// There is one storage class.
pub(super) fn check_storage_class(fields: &Fields<'_>) -> Result<(), S3Error> {
    match fields.some("x-amz-storage-class")? {
        Some(class) if class.trim() != "STANDARD" => {
            Err(S3Error::from(ErrorKind::InvalidStorageClass)
                .element("StorageClassRequested", class.into_owned()))
        }
        _ => Ok(()),
    }
}

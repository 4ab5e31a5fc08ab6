//! A browser's form upload.
//!
//! [`form`] reads the head, which says no more than that a form follows; [`parse_form`] what the form
//! asks for. Its fields stand for the headers of a PutObject and are read by the same functions, so
//! that nothing can be said by one that the other refuses.

use super::{
    Parsed, attributes, fields::Fields, object, promise::BodyPromise, query::Query, route,
};
use crate::{
    condition::WriteCondition,
    error::{ErrorKind, S3Error},
    form::{self, Boundary},
    operation::{Operation, PostForm, PostObject, PutObject, Success},
    post_policy::{Policy, Submission},
    xml,
};
use blockhouse_types::{BucketName, InvalidObjectKey, ObjectKey, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Stands in a key for the name of the file.
const FILENAME: &str = "${filename}";

/// Fields that are headers of a PutObject by another name.
const RENAMED: [(&str, &str); 1] = [("acl", "x-amz-acl")];

/// Fields, beside `x-amz-*`, that are headers of a PutObject.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// `POST /bucket`.
pub(super) fn form(bucket: BucketName, fields: &Fields<'_>) -> Result<Operation, S3Error> {
    let kind = fields.get("content-type")?.unwrap_or_default();
    match Boundary::of_content_type(&kind) {
        Some(boundary) => Ok(Operation::PostForm(PostForm {
            bucket,
            boundary: boundary?,
        })),
        None => Err(S3Error::precondition_failed(
            "Bucket POST must be of the enclosure-type multipart/form-data",
        )),
    }
}

/// What a form asks for at `now`. Call it once its signature was judged, which is over its policy:
/// only then does the policy count, and only then is the client told what it lacks.
pub fn parse_form(
    head: Parsed,
    form: &form::Fields,
    tls: bool,
    now: Timestamp,
) -> Result<Parsed, S3Error> {
    let Operation::PostForm(PostForm { bucket, boundary }) = head.operation else {
        return Err(ErrorKind::InternalError.into());
    };
    let policy = form.get("policy").ok_or(ErrorKind::AccessDenied)?;
    let key = key_text(form)?;
    let submission = Submission {
        bucket: &bucket,
        key: Some(&key),
        fields: form,
    };
    let length = Policy::parse(policy)?.allows(&submission, now)?;

    let (headers, query) = (headers(form)?, Query::parse("")?);
    let fields = Fields::new(&headers, &query, tls);
    route::refuse_unbuilt(&fields)?;
    let mut attributes = attributes::read(&fields)?;
    if let Some(tagging) = form.get("tagging") {
        attributes.tags = xml::parse_object_tagging(tagging.as_bytes())?;
    }
    let promise = BodyPromise::of_form(&fields)?;
    let checksum = object::checksum_algorithm(&fields)?;
    if let (Some(kept), Some(promised)) = (checksum, promise.checksum_algorithm())
        && kept != promised
    {
        return Err(S3Error::invalid_request(
            "Value for x-amz-checksum-algorithm header is invalid.",
        ));
    }
    let put = PutObject {
        key: key_of(&key)?,
        bucket,
        attributes,
        condition: WriteCondition::None,
    };
    Ok(Parsed {
        operation: Operation::PostObject(PostObject {
            put,
            boundary,
            length,
            checksum,
            success: success(form),
        }),
        promise,
        ..head
    })
}

/// The key with the file's name put in. A file without a name leaves it as it is, as on AWS.
fn key_text(form: &form::Fields) -> Result<String, S3Error> {
    let key = form.get("key").ok_or_else(|| {
        S3Error::invalid_argument(
            "key",
            "",
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the \
             order of the fields.",
        )
    })?;
    let file = form.file().ok_or_else(|| {
        S3Error::invalid_argument(
            "file",
            "0",
            "POST requires exactly one file upload per request.",
        )
    })?;
    Ok(match &file.filename {
        Some(name) => key.replace(FILENAME, name),
        None => key.to_owned(),
    })
}

fn key_of(text: &str) -> Result<ObjectKey, S3Error> {
    ObjectKey::parse(text).map_err(|error| match error {
        InvalidObjectKey::TooLong => ErrorKind::KeyTooLongError.into(),
        InvalidObjectKey::Empty | InvalidObjectKey::NotUtf8 => {
            S3Error::invalid_argument("key", text, "User key must have a length greater than 0.")
        }
    })
}

/// The fields as the headers that a PutObject would have.
fn headers(form: &form::Fields) -> Result<HeaderMap, S3Error> {
    let mut headers = HeaderMap::new();
    for field in form.iter() {
        let name = field.name.to_ascii_lowercase();
        let renamed = RENAMED.iter().find(|(known, _)| *known == name);
        let name = renamed.map_or(name.as_str(), |(_, header)| header);
        if !name.starts_with("x-amz-") && !HEADERS.contains(&name) {
            continue;
        }
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(field.value.as_bytes());
        let (Ok(parsed), Ok(value)) = (parsed, value) else {
            return Err(S3Error::from(ErrorKind::InvalidArgument)
                .message("The name or value cannot stand in a header")
                .element("ArgumentName", &field.name));
        };
        headers.append(parsed, value);
    }
    Ok(headers)
}

/// Amazon S3 user guide, "Creating an HTML form": "If Amazon S3 cannot interpret the URL, it acts as if
/// the field is not present", and any other status than the three means 204. A redirect outranks a
/// status.
fn success(form: &form::Fields) -> Success {
    let redirect = form
        .get("success_action_redirect")
        .or_else(|| form.get("redirect"));
    match (
        redirect.filter(|url| is_absolute(url)),
        form.get("success_action_status"),
    ) {
        (Some(url), _) => Success::Redirect(url.to_owned()),
        (None, Some("200")) => Success::Empty,
        (None, Some("201")) => Success::Document,
        (None, _) => Success::NoContent,
    }
}

/// Whether a browser can be sent there: http or https, a host, and nothing that a header cannot hold.
fn is_absolute(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
        && !host.is_empty()
        && url.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests;

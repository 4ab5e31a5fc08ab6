//! Method, address and subresource choose the operation.

use super::{
    address::Address,
    bucket,
    fields::{Fields, begins},
    form, list, multipart, object, preflight,
    query::Query,
};
use crate::{
    error::{ErrorKind, S3Error},
    link,
    operation::Operation,
};
use blockhouse_types::{BucketName, ObjectKey};
use http::{Method, header};

/// Writes the enum and its names from one list.
macro_rules! subresources {
    ($($kind:ident = $name:literal,)*) => {
        /// A query parameter that chooses another operation. All that S3 has are named, those that
        /// this node refuses as well: an unknown one must not fall through.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Subresource {
            $($kind,)*
        }

        impl Subresource {
            #[cfg(test)]
            pub(super) const NAMES: &[&str] = &[$($name),*];

            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }
        }
    };
}

subresources! {
    Abac = "abac",
    Accelerate = "accelerate",
    Acl = "acl",
    Analytics = "analytics",
    Annotation = "annotation",
    Append = "append",
    Attributes = "attributes",
    BhAddresses = "bh-addresses",
    BhEtag = "bh-etag",
    Cors = "cors",
    Delete = "delete",
    Encryption = "encryption",
    IntelligentTiering = "intelligent-tiering",
    Inventory = "inventory",
    LegalHold = "legal-hold",
    Lifecycle = "lifecycle",
    Location = "location",
    Logging = "logging",
    MetadataConfiguration = "metadataConfiguration",
    MetadataInventoryTable = "metadataInventoryTable",
    MetadataJournalTable = "metadataJournalTable",
    MetadataTable = "metadataTable",
    Metrics = "metrics",
    Notification = "notification",
    ObjectLock = "object-lock",
    OwnershipControls = "ownershipControls",
    Policy = "policy",
    PolicyStatus = "policyStatus",
    PublicAccessBlock = "publicAccessBlock",
    RenameObject = "renameObject",
    Replication = "replication",
    RequestPayment = "requestPayment",
    Restore = "restore",
    Retention = "retention",
    Select = "select",
    Session = "session",
    Tagging = "tagging",
    Torrent = "torrent",
    UploadId = "uploadId",
    Uploads = "uploads",
    Versioning = "versioning",
    Versions = "versions",
    Website = "website",
}

/// Parameters that refine an operation and may be empty. Any other name without a value could be a
/// subresource that S3 has and we don't know; one with a value is a client's own and is ignored.
const PARAMETERS: [&str; 27] = [
    "bucket-region",
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "id",
    "key-marker",
    "list-type",
    "marker",
    "max-buckets",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "partNumber",
    "prefix",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "start-after",
    "upload-id-marker",
    "version-id-marker",
    "versionId",
    "x-id",
];

/// Chooses the operation and reads its input.
pub(super) fn route(
    method: &Method,
    (bucket, address): (Option<BucketName>, &Address<'_>),
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    let Some(bucket) = bucket else {
        return service(method, query);
    };
    let key = address.key()?;
    if method == Method::OPTIONS {
        return preflight::preflight(bucket, key, fields);
    }
    let subresource = subresource(query)?;
    refuse_unbuilt(fields)?;
    match key {
        None => on_bucket(method, subresource, bucket, query, fields),
        Some(key) => on_object(method, subresource, (bucket, key), query, fields),
    }
}

fn service(method: &Method, query: &Query<'_>) -> Result<Operation, S3Error> {
    match (method, subresource(query)?) {
        (&Method::GET, None) => list::list_buckets(query),
        (_, Some(_)) => Err(ErrorKind::NotImplemented.into()),
        (method, None) => Err(method_not_allowed(method, "SERVICE")),
    }
}

/// The one subresource that the query names.
fn subresource(query: &Query<'_>) -> Result<Option<Subresource>, S3Error> {
    let mut found: Option<(&str, Subresource)> = None;
    for (name, value) in query.iter() {
        match (Subresource::from_name(name), found) {
            (Some(kind), None) => found = Some((name, kind)),
            (Some(kind), Some((earlier, known))) if kind != known => {
                return Err(S3Error::invalid_argument(
                    "ResourceType",
                    earlier,
                    format!("Conflicting query string parameters: {earlier}, {name}"),
                ));
            }
            (None, _) if value.is_empty() && !is_parameter(name) => {
                return Err(S3Error::from(ErrorKind::NotImplemented)
                    .message("A query you provided implies functionality that is not implemented")
                    .element("Query", name));
            }
            _ => {}
        }
    }
    Ok(found.map(|(_, kind)| kind))
}

fn is_parameter(name: &str) -> bool {
    PARAMETERS.contains(&name) || begins(name, "x-amz-") || begins(name, link::PREFIX)
}

/// Requests for things that the whole node lacks. An answer never claims encryption, so a request
/// that asks for it is refused.
pub(super) fn refuse_unbuilt(fields: &Fields<'_>) -> Result<(), S3Error> {
    let customer = fields
        .has_prefix("x-amz-server-side-encryption-customer-")
        .or_else(|| fields.has_prefix("x-amz-copy-source-server-side-encryption-customer-"));
    if customer.is_some() && !fields.tls {
        return Err(S3Error::invalid_request(
            "Requests specifying Server Side Encryption with Customer provided keys must be made \
             over a secure connection.",
        ));
    }
    if let Some(name) = customer.or_else(|| fields.has_prefix("x-amz-server-side-encryption")) {
        return Err(S3Error::not_implemented_header(name));
    }
    if let Some(name) = fields.has_prefix("x-amz-object-lock-") {
        return Err(
            S3Error::invalid_request("Bucket is missing Object Lock Configuration")
                .element("Header", name),
        );
    }
    for name in ["x-amz-write-offset-bytes", "x-amz-rename-source"] {
        if fields.has(name) {
            return Err(S3Error::not_implemented_header(name));
        }
    }
    Ok(())
}

fn on_bucket(
    method: &Method,
    subresource: Option<Subresource>,
    bucket: BucketName,
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    use Subresource as S;
    match (method.as_str(), subresource) {
        ("GET", None) => list::list_objects(bucket, query),
        ("GET", Some(S::Versions)) => list::list_versions(bucket, query),
        ("GET", Some(S::Uploads)) => list::list_uploads(bucket, query),
        ("HEAD", None) => bucket::named(Operation::HeadBucket, bucket),
        ("PUT", None) => bucket::create(bucket, fields),
        ("DELETE", None) => bucket::named(Operation::DeleteBucket, bucket),
        ("POST", Some(S::Delete)) => bucket::named(Operation::DeleteObjects, bucket),
        ("POST", None) => form::form(bucket, fields),
        ("GET" | "PUT" | "DELETE", Some(kind)) => bucket::setting(method, kind, bucket, query),
        (_, Some(_)) => Err(ErrorKind::NotImplemented.into()),
        _ => Err(method_not_allowed(method, "BUCKET")),
    }
}

fn on_object(
    method: &Method,
    subresource: Option<Subresource>,
    object: (BucketName, ObjectKey),
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    use Subresource as S;
    match (method.as_str(), subresource) {
        ("GET", None) => object::get(object, query, fields).map(Operation::GetObject),
        ("HEAD", None) => object::get(object, query, fields).map(Operation::HeadObject),
        ("PUT", None) if fields.has("x-amz-copy-source") => object::copy(object, query, fields),
        ("PUT", None) => object::put(object, query, fields),
        ("DELETE", None) => object::delete(object, query, fields),
        ("GET", Some(S::Attributes)) => object::attributes(object, query, fields),
        ("GET", Some(S::Acl)) => object::named(Operation::GetObjectAcl, object, query),
        ("PUT", Some(S::Acl)) => Err(ErrorKind::AccessControlListNotSupported.into()),
        ("GET", Some(S::Tagging)) => object::named(Operation::GetObjectTagging, object, query),
        ("PUT", Some(S::Tagging)) => object::named(Operation::PutObjectTagging, object, query),
        ("DELETE", Some(S::Tagging)) => {
            object::named(Operation::DeleteObjectTagging, object, query)
        }
        ("GET" | "PUT", Some(S::LegalHold | S::Retention)) => Err(S3Error::invalid_request(
            "Bucket is missing Object Lock Configuration",
        )),
        ("POST", Some(S::Uploads)) => multipart::create(object, fields),
        ("PUT", Some(S::UploadId)) if fields.has("x-amz-copy-source") => {
            multipart::copy_part(object, query, fields)
        }
        ("PUT", Some(S::UploadId)) => multipart::part(object, query),
        ("GET", Some(S::UploadId)) => multipart::list(object, query),
        ("POST", Some(S::UploadId)) => multipart::complete(object, query, fields),
        ("DELETE", Some(S::UploadId)) => multipart::abort(object, query),
        (_, Some(_)) => Err(ErrorKind::NotImplemented.into()),
        _ => Err(method_not_allowed(method, "OBJECT")),
    }
}

pub(super) fn method_not_allowed(method: &Method, resource: &'static str) -> S3Error {
    let allow = match resource {
        "SERVICE" => "GET",
        "BUCKET" => "GET, HEAD, PUT, POST, DELETE, OPTIONS",
        "ACCESSPOINT" => "GET, HEAD, PUT, POST, DELETE",
        _ => "GET, HEAD, PUT, DELETE, OPTIONS",
    };
    S3Error::from(ErrorKind::MethodNotAllowed)
        .element("Method", method.as_str())
        .element("ResourceType", resource)
        .header(header::ALLOW, allow)
}

//! The list of addresses that a bucket may be reached from: our own subresource `bh-addresses`.
//!
//! Setting, reading and removing it is never subject to the list
//! itself: a wrong one could not be mended otherwise.

use super::{Job, bucket_documents::change};
use crate::body::Stream;
use blockhouse_policy::address_list::{AddressList, Entry, Networks, kept};
use blockhouse_s3::{
    Response,
    error::{ErrorKind, S3Error},
    operation::BodyUse,
    xml::{addresses_xml, parse_addresses},
};
use blockhouse_store::{DocumentKind, ObjectStore};
use blockhouse_verifier_wire::Verifier;
use http::StatusCode;

/// `GET ?bh-addresses`.
pub(super) fn get<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    let bucket = job.grant.bucket()?;
    let Some(list) = bucket.documents.get(&DocumentKind::Addresses) else {
        return Err(S3Error::from(ErrorKind::NoSuchConfiguration)
            .element("BucketName", bucket.name.as_str()));
    };
    let entries = kept::read(list).map_err(|_| ErrorKind::InternalError)?;
    Ok(Response::xml(addresses_xml(entries)))
}

/// `PUT ?bh-addresses`. A list without an entry lets nobody in, and is not the same as none.
pub(super) async fn set<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    body: BodyUse,
) -> Result<Response, S3Error> {
    let mut entries = Vec::new();
    for text in parse_addresses(&job.document(body).await?)? {
        let entry: Entry = text.parse().map_err(|error| {
            let message =
                "An entry is an address or CIDR, vpc-ID, vpc-ID/CIDR, vpce-ID, group:NAME or own";
            tracing::debug!(id = %job.id, %error, "a list was refused");
            S3Error::invalid_argument("Entry", &text, message)
        })?;
        entries.push(entry);
    }
    let none = Networks::default();
    let networks = job.state.networks(job.grant.bucket()?.owner);
    AddressList::compile(&entries, networks.map_or(&none, |networks| networks))
        .map_err(|error| S3Error::invalid_request(error.to_string()))?;
    let kind = DocumentKind::Addresses;
    let document = kept::write(&entries);
    if document.len() > kind.bytes_max() {
        return Err(ErrorKind::MaxMessageLengthExceeded.into());
    }
    change(job, kind, Some(document.into()), StatusCode::OK).await
}

/// `DELETE ?bh-addresses`: any address again.
pub(super) async fn delete<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    change(job, DocumentKind::Addresses, None, StatusCode::NO_CONTENT).await
}

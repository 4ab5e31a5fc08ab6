//! XML both ways: a strict reader for requests, a plain writer for answers, and the documents that
//! clients send.
//!
//! The reader turns a whole document into a small tree within bounds on bytes, depth and elements,
//! knows the five entities and character references and nothing of DTDs, and takes any namespace or
//! none. Each document then takes its tree apart and refuses what its schema does not know:
//! everything that is wrong is `MalformedXML`, and nothing is guessed.

mod addresses;
mod bucket;
mod complete;
mod delete;
mod etag;
mod reader;
mod tagging;
mod writer;

pub use addresses::{addresses_xml, parse_addresses};
pub use bucket::{CreateBucketConfiguration, VersioningConfiguration};
pub use complete::{CompleteMultipartUploadBody, NamedPart};
pub use delete::{DeleteEntry, DeleteObjects};
pub use etag::{EtagMode, etag_xml, parse_etag};
pub use reader::{DEPTH_MAX, ELEMENTS_MAX, Element, parse_document};
pub use tagging::{parse_bucket_tagging, parse_object_tagging, tagging_xml};
pub use writer::{NAMESPACE, Writer};

pub(crate) use tagging::{OBJECT_TAGS_MAX, check_tags, tag_of};

/// The answer of GetBucketPolicyStatus.
pub fn policy_status_xml(is_public: bool) -> bytes::Bytes {
    let mut xml = Writer::new(160);
    xml.root("PolicyStatus");
    xml.text("IsPublic", if is_public { "true" } else { "false" });
    xml.close("PolicyStatus");
    xml.finish()
}

/// The longest document that a bucket keeps, in bytes, as we write it; what a store takes.
pub const KEPT_DOCUMENT_BYTES_MAX: usize = 256 << 10;

/// Refuses a setting that could be read but not kept.
pub fn check_kept(document: &[u8]) -> Result<(), crate::error::S3Error> {
    if document.len() > KEPT_DOCUMENT_BYTES_MAX {
        return Err(crate::error::ErrorKind::MaxMessageLengthExceeded.into());
    }
    Ok(())
}

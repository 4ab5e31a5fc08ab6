//! Inputs of a browser's form upload, before and after its form was read.

use super::PutObject;
use crate::{form::Boundary, post_policy::LengthRange};
use blockhouse_types::{BucketName, ChecksumAlgorithm};

/// `POST /bucket` with a form that nobody has read: who signed it and what it asks for stand in its
/// body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostForm {
    /// The bucket.
    pub bucket: BucketName,
    /// What separates the parts of the form.
    pub boundary: Boundary,
}

/// What the form asks for, once its signature was judged and its policy allowed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostObject {
    /// The object, as PutObject would make it.
    pub put: PutObject,
    /// What ends the file within the body.
    pub boundary: Boundary,
    /// How long the policy lets the file be.
    pub length: LengthRange,
    /// The checksum to keep when the form promises none.
    pub checksum: Option<ChecksumAlgorithm>,
    /// How success is told.
    pub success: Success,
}

/// How a browser learns that its upload succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Success {
    /// 204: `success_action_status` is that, absent, or none of the three.
    NoContent,
    /// 200 without a body.
    Empty,
    /// 201 with a document.
    Document,
    /// 303 to `success_action_redirect`, an absolute URL of http or https.
    Redirect(String),
}

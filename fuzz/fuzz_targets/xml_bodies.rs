//! Every XML document that a client may send.
#![no_main]

use blockhouse_s3::cors::Cors;
use blockhouse_s3::lifecycle::Lifecycle;
use blockhouse_s3::xml::{
    CompleteMultipartUploadBody, CreateBucketConfiguration, DeleteObjects, VersioningConfiguration,
    parse_bucket_tagging, parse_document, parse_object_tagging,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let _ = parse_document(body, "Delete");
    let _ = DeleteObjects::parse(body);
    let _ = CompleteMultipartUploadBody::parse(body);
    let _ = CreateBucketConfiguration::parse(body);
    let _ = VersioningConfiguration::parse(body);
    let _ = parse_bucket_tagging(body);
    let _ = parse_object_tagging(body);
    let _ = Cors::parse(body);
    let _ = blockhouse_s3::xml::parse_etag(body);
    let _ = Lifecycle::parse(body);
});

//! Answers about multipart uploads.

use super::{
    CHECKSUM_ALGORITHM, CHECKSUM_TYPE, COPY_SOURCE_VERSION_ID, Response, etag_value,
    put_expiration, put_version, value, write_checksum, write_checksum_and_type,
};
use crate::{
    output::{
        CompleteMultipartUploadOutput, CreateMultipartUploadOutput, UploadPartCopyOutput,
        UploadPartOutput,
    },
    xml::Writer,
};
use http::{HeaderName, HeaderValue, StatusCode, header};

impl CreateMultipartUploadOutput {
    /// 200 with the upload's id.
    pub fn response(&self) -> Response {
        let mut xml = Writer::new(512);
        xml.root("InitiateMultipartUploadResult");
        xml.plain("Bucket", &self.bucket);
        xml.text("Key", self.key.as_str());
        xml.plain("UploadId", self.upload);
        xml.close("InitiateMultipartUploadResult");
        let mut response = Response::xml(xml.finish());
        if let Some((algorithm, kind)) = self.checksum {
            let (algorithm, kind) = (algorithm.name(), kind.name());
            response
                .headers
                .insert(CHECKSUM_ALGORITHM, HeaderValue::from_static(algorithm));
            response
                .headers
                .insert(CHECKSUM_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

impl UploadPartOutput<'_> {
    /// 200.
    pub fn response(&self) -> Response {
        let mut response = Response::empty(StatusCode::OK);
        response
            .headers
            .insert(header::ETAG, etag_value(&self.etag));
        if let Some(checksum) = self.checksum {
            let name = HeaderName::from_static(checksum.algorithm().header());
            response
                .headers
                .insert(name, value(crate::checksum::to_base64(checksum)));
        }
        response
    }
}

impl UploadPartCopyOutput<'_> {
    /// 200 with the part.
    pub fn response(&self) -> Response {
        let mut xml = Writer::new(512);
        xml.root("CopyPartResult");
        xml.plain("LastModified", self.modified.to_iso());
        xml.quoted("ETag", self.etag);
        write_checksum(&mut xml, self.checksum);
        xml.close("CopyPartResult");
        let mut response = Response::xml(xml.finish());
        if let Some(version) = self.source_version {
            response
                .headers
                .insert(COPY_SOURCE_VERSION_ID, value(version));
        }
        response
    }
}

impl CompleteMultipartUploadOutput<'_> {
    /// 200 with the object.
    pub fn response(&self) -> Response {
        let mut xml = Writer::new(1024);
        xml.root("CompleteMultipartUploadResult");
        xml.text("Location", &self.location);
        xml.plain("Bucket", &self.bucket);
        xml.text("Key", self.key.as_str());
        xml.quoted("ETag", self.etag);
        write_checksum_and_type(&mut xml, self.checksum);
        xml.close("CompleteMultipartUploadResult");
        let mut response = Response::xml(xml.finish());
        put_version(&mut response.headers, self.version);
        put_expiration(&mut response.headers, self.expiration);
        response
    }
}

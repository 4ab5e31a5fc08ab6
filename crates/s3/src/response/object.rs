//! Answers about one object.

use super::{
    COPY_SOURCE_VERSION_ID, DELETE_MARKER, OBJECT_SIZE, PARTS_COUNT, Response, TAGGING_COUNT,
    VERSION_ID, etag_value, http_date, put_checksum, put_expiration, put_version, value,
    write_checksum, write_checksum_and_type,
};
use crate::{
    error::{ErrorKind, S3Error},
    operation::ObjectAttribute,
    output::{
        CopyObjectOutput, DeleteObjectOutput, DeleteObjectsOutput, DeleteOutcome,
        GetObjectAttributesOutput, ObjectOutput, PutObjectOutput,
    },
    xml::Writer,
};
use blockhouse_types::{Timestamp, VersionId};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// What S3 says of an object of which the client said nothing.
const DEFAULT_CONTENT_TYPE: HeaderValue = HeaderValue::from_static("binary/octet-stream");

impl ObjectOutput<'_> {
    /// 200, or 206 for a range or a part; the body is the caller's.
    pub fn response(&self) -> Response {
        let mut headers = HeaderMap::with_capacity(16 + self.headers.len());
        self.put_state(&mut headers);
        self.put_kept(&mut headers);
        let sent = self.range.clone().unwrap_or(0..self.size);
        headers.insert(
            header::CONTENT_LENGTH,
            HeaderValue::from(sent.end - sent.start),
        );
        if self.tag_count > 0 {
            headers.insert(TAGGING_COUNT, HeaderValue::from(self.tag_count));
        }
        if let Some(count) = self.parts_count {
            headers.insert(PARTS_COUNT, HeaderValue::from(count));
        }
        // The checksum is of the whole object or part: beside a piece of it, it would mislead.
        if self.question.checksum_mode && self.question.range.is_none() {
            put_checksum(&mut headers, self.checksum);
        }
        let status = match &self.range {
            None => StatusCode::OK,
            Some(range) => {
                let last = range.end.saturating_sub(1);
                let shown = value(format_args!("bytes {}-{last}/{}", range.start, self.size));
                headers.insert(header::CONTENT_RANGE, shown);
                StatusCode::PARTIAL_CONTENT
            }
        };
        Response {
            status,
            headers,
            body: bytes::Bytes::new(),
        }
    }

    /// 304.
    pub fn not_modified(&self) -> Response {
        let mut response = Response::empty(StatusCode::NOT_MODIFIED);
        self.put_state(&mut response.headers);
        // RFC 9110, 15.4.5: also those that a cache needs to keep its entry.
        for name in [header::CACHE_CONTROL, header::EXPIRES] {
            let kept = self
                .headers
                .iter()
                .find(|(known, _)| name == known.as_str());
            let kept = kept.and_then(|(_, text)| HeaderValue::from_bytes(text.as_bytes()).ok());
            response.headers.extend(kept.map(|kept| (name, kept)));
        }
        response
    }

    /// Which state of the object this is.
    fn put_state(&self, headers: &mut HeaderMap) {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::LAST_MODIFIED, value(http_date(self.modified)));
        headers.insert(header::ETAG, etag_value(&self.etag));
        put_version(headers, self.version);
        put_expiration(headers, self.expiration);
    }

    /// What the client gave with the object, and what its query puts in its place.
    fn put_kept(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, DEFAULT_CONTENT_TYPE);
        for (name, text) in self.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            let text = HeaderValue::from_bytes(text.as_bytes());
            if let (Ok(name), Ok(text)) = (name, text) {
                headers.insert(name, text);
            }
        }
        for (name, text) in &self.question.overrides.0 {
            headers.insert(name, text.clone());
        }
    }
}

impl PutObjectOutput<'_> {
    /// 200.
    pub fn response(&self) -> Response {
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(header::ETAG, etag_value(&self.etag));
        put_version(&mut headers, self.version);
        put_checksum(&mut headers, self.checksum);
        put_expiration(&mut headers, self.expiration);
        if let Some(size) = self.size {
            headers.insert(OBJECT_SIZE, HeaderValue::from(size));
        }
        Response {
            status: StatusCode::OK,
            headers,
            body: bytes::Bytes::new(),
        }
    }
}

impl CopyObjectOutput<'_> {
    /// 200 with the result.
    pub fn response(&self) -> Response {
        let mut xml = Writer::new(512);
        xml.root("CopyObjectResult");
        xml.plain("LastModified", self.modified.to_iso());
        xml.quoted("ETag", self.etag);
        write_checksum_and_type(&mut xml, self.checksum);
        xml.close("CopyObjectResult");
        let mut response = Response::xml(xml.finish());
        put_version(&mut response.headers, self.version);
        put_expiration(&mut response.headers, self.expiration);
        if let Some(version) = self.source_version {
            response
                .headers
                .insert(COPY_SOURCE_VERSION_ID, value(version));
        }
        response
    }
}

impl DeleteObjectOutput {
    /// 204.
    pub fn response(&self) -> Response {
        let mut response = Response::empty(StatusCode::NO_CONTENT);
        if self.marker.is_some() {
            response
                .headers
                .insert(DELETE_MARKER, HeaderValue::from_static("true"));
        }
        put_version(&mut response.headers, self.marker.or(self.version));
        response
    }
}

impl DeleteObjectsOutput {
    /// 200 with what became of each target.
    pub fn response(&self) -> Response {
        let mut xml = Writer::new(256 + self.results.len() * 128);
        xml.root("DeleteResult");
        for outcome in &self.results {
            match outcome {
                DeleteOutcome::Deleted { .. } if self.quiet => {}
                DeleteOutcome::Deleted {
                    key,
                    version,
                    marker,
                } => {
                    xml.open("Deleted");
                    xml.text("Key", key.as_str());
                    write_deleted(&mut xml, *version, *marker);
                    xml.close("Deleted");
                }
                DeleteOutcome::Failed {
                    key,
                    version,
                    error,
                } => {
                    xml.open("Error");
                    xml.text("Key", key);
                    if let Some(version) = version {
                        xml.text("VersionId", version);
                    }
                    xml.text("Code", error.kind().code());
                    xml.text("Message", error.text());
                    xml.close("Error");
                }
            }
        }
        xml.close("DeleteResult");
        Response::xml(xml.finish())
    }
}

fn write_deleted(xml: &mut Writer, version: Option<VersionId>, marker: Option<VersionId>) {
    if let Some(version) = version {
        xml.plain("VersionId", version);
    }
    if let Some(marker) = marker {
        xml.plain("DeleteMarker", true);
        xml.plain("DeleteMarkerVersionId", marker);
    }
}

impl GetObjectAttributesOutput<'_> {
    /// 200 with what was asked for, in the schema's order.
    pub fn response(&self) -> Response {
        let asked = |attribute| self.question.attributes.contains(&attribute);
        let mut xml = Writer::new(1024);
        xml.root("GetObjectAttributesResponse");
        if asked(ObjectAttribute::ETag) {
            xml.plain("ETag", self.etag);
        }
        if asked(ObjectAttribute::Checksum) && self.checksum.is_some() {
            xml.open("Checksum");
            write_checksum_and_type(&mut xml, self.checksum);
            xml.close("Checksum");
        }
        if asked(ObjectAttribute::ObjectParts) && !self.parts.is_empty() {
            self.write_parts(&mut xml);
        }
        if asked(ObjectAttribute::StorageClass) {
            xml.plain("StorageClass", "STANDARD");
        }
        if asked(ObjectAttribute::ObjectSize) {
            xml.plain("ObjectSize", self.size);
        }
        xml.close("GetObjectAttributesResponse");
        let mut response = Response::xml(xml.finish());
        response
            .headers
            .insert(header::LAST_MODIFIED, value(http_date(self.modified)));
        put_version(&mut response.headers, self.version);
        response
    }

    fn write_parts(&self, xml: &mut Writer) {
        let (marker, max) = (self.question.part_marker, self.question.max_parts);
        let mut rest = self.parts.iter().filter(|part| part.number > marker);
        let page: Vec<_> = rest.by_ref().take(max).collect();
        xml.open("ObjectParts");
        xml.plain("PartsCount", self.parts.len());
        xml.plain("PartNumberMarker", marker);
        xml.plain(
            "NextPartNumberMarker",
            page.last().map_or(0, |part| part.number),
        );
        xml.plain("MaxParts", max);
        xml.plain("IsTruncated", rest.next().is_some());
        for part in page {
            xml.open("Part");
            xml.plain("PartNumber", part.number);
            xml.plain("Size", part.size);
            write_checksum(xml, part.checksum.as_ref());
            xml.close("Part");
        }
        xml.close("ObjectParts");
    }
}

impl S3Error {
    /// 404 because the current version is a delete marker.
    pub fn deleted(marker: Option<VersionId>) -> Self {
        Self::from(ErrorKind::NoSuchKey).with_marker(marker)
    }

    /// 405 because the version that was asked for is a delete marker.
    pub fn version_is_delete_marker(marker: VersionId, modified: Timestamp) -> Self {
        Self::from(ErrorKind::MethodNotAllowed)
            .with_marker(Some(marker))
            .header(header::ALLOW, "DELETE")
            .header(header::LAST_MODIFIED, &http_date(modified).to_string())
    }

    fn with_marker(self, marker: Option<VersionId>) -> Self {
        let error = self.header(DELETE_MARKER, "true");
        match marker {
            Some(version) => error.header(VERSION_ID, &version.to_string()),
            None => error,
        }
    }
}

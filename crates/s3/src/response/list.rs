//! Listings.

use super::{Response, bucket::write_owner};
use crate::{
    output::{
        ListMultipartUploadsOutput, ListObjectVersionsOutput, ListObjectsV1Output,
        ListObjectsV2Output, ListPartsOutput, ListedVersion,
    },
    parse::token_of,
    xml::Writer,
};
use blockhouse_types::{AccountId, ChecksumAlgorithm, ChecksumType};

/// A guess of an entry's size in bytes, so that a full page is written into one allocation.
const ENTRY_BYTES: usize = 320;

impl ListObjectsV1Output<'_> {
    /// 200 with the page.
    pub fn response(&self) -> Response {
        let (asked, url) = (self.question, self.question.encoding_url);
        let mut xml = Writer::new(1024 + self.objects.len() * (ENTRY_BYTES + 160));
        xml.root("ListBucketResult");
        xml.plain("Name", &asked.bucket);
        xml.name("Prefix", &asked.prefix, url);
        xml.name("Marker", &asked.marker, url);
        // As on AWS, only a delimiter makes the marker necessary; it never hurts.
        if let Some(next) = self.next {
            xml.name("NextMarker", next, url);
        }
        xml.plain("MaxKeys", asked.max_keys);
        write_delimiter(&mut xml, &asked.delimiter, url);
        xml.plain("IsTruncated", self.next.is_some());
        for object in self.objects {
            write_object(&mut xml, object, Some(self.owner), url);
        }
        write_common_prefixes(&mut xml, self.common_prefixes, url);
        xml.close("ListBucketResult");
        Response::xml(xml.finish())
    }
}

impl ListObjectsV2Output<'_> {
    /// 200 with the page.
    pub fn response(&self) -> Response {
        let (asked, url) = (self.question, self.question.encoding_url);
        let mut xml = Writer::new(1024 + self.objects.len() * ENTRY_BYTES);
        xml.root("ListBucketResult");
        xml.plain("Name", &asked.bucket);
        xml.name("Prefix", &asked.prefix, url);
        if let Some(token) = &asked.token {
            xml.text("ContinuationToken", token);
        }
        if let Some(next) = self.next {
            xml.plain("NextContinuationToken", token_of(next));
        }
        if !asked.start_after.is_empty() {
            xml.name("StartAfter", &asked.start_after, url);
        }
        xml.plain("KeyCount", self.objects.len() + self.common_prefixes.len());
        xml.plain("MaxKeys", asked.max_keys);
        write_delimiter(&mut xml, &asked.delimiter, url);
        xml.plain("IsTruncated", self.next.is_some());
        let owner = asked.fetch_owner.then_some(self.owner);
        for object in self.objects {
            write_object(&mut xml, object, owner, url);
        }
        write_common_prefixes(&mut xml, self.common_prefixes, url);
        xml.close("ListBucketResult");
        Response::xml(xml.finish())
    }
}

impl ListObjectVersionsOutput<'_> {
    /// 200 with the page.
    pub fn response(&self) -> Response {
        let (asked, url) = (self.question, self.question.encoding_url);
        let mut xml = Writer::new(1024 + self.versions.len() * (ENTRY_BYTES + 224));
        xml.root("ListVersionsResult");
        xml.plain("Name", &asked.bucket);
        xml.name("Prefix", &asked.prefix, url);
        xml.name("KeyMarker", &asked.key_marker, url);
        match asked.version_marker {
            Some(version) => xml.plain("VersionIdMarker", version),
            None => xml.plain("VersionIdMarker", ""),
        }
        if let Some((key, version)) = self.next {
            xml.name("NextKeyMarker", key, url);
            if let Some(version) = version {
                xml.plain("NextVersionIdMarker", version);
            }
        }
        xml.plain("MaxKeys", asked.max_keys);
        write_delimiter(&mut xml, &asked.delimiter, url);
        xml.plain("IsTruncated", self.next.is_some());
        for version in self.versions {
            write_version(&mut xml, version, self.owner, url);
        }
        write_common_prefixes(&mut xml, self.common_prefixes, url);
        xml.close("ListVersionsResult");
        Response::xml(xml.finish())
    }
}

impl ListMultipartUploadsOutput<'_> {
    /// 200 with the page.
    pub fn response(&self) -> Response {
        let (asked, url) = (self.question, self.question.encoding_url);
        let mut xml = Writer::new(1024 + self.uploads.len() * (ENTRY_BYTES + 320));
        xml.root("ListMultipartUploadsResult");
        xml.plain("Bucket", &asked.bucket);
        xml.name("KeyMarker", &asked.key_marker, url);
        match asked.upload_marker {
            Some(upload) => xml.plain("UploadIdMarker", upload),
            None => xml.plain("UploadIdMarker", ""),
        }
        if let Some((key, upload)) = self.next {
            xml.name("NextKeyMarker", key, url);
            if let Some(upload) = upload {
                xml.plain("NextUploadIdMarker", upload);
            }
        }
        xml.name("Prefix", &asked.prefix, url);
        write_delimiter(&mut xml, &asked.delimiter, url);
        xml.plain("MaxUploads", asked.max_uploads);
        xml.plain("IsTruncated", self.next.is_some());
        for upload in self.uploads {
            xml.open("Upload");
            xml.name("Key", upload.key.as_str(), url);
            xml.plain("UploadId", upload.upload);
            write_owner(&mut xml, "Initiator", self.owner);
            write_owner(&mut xml, "Owner", self.owner);
            xml.plain("StorageClass", "STANDARD");
            xml.plain("Initiated", upload.initiated.to_iso());
            write_algorithm(&mut xml, upload.checksum);
            xml.close("Upload");
        }
        write_common_prefixes(&mut xml, self.common_prefixes, url);
        xml.close("ListMultipartUploadsResult");
        Response::xml(xml.finish())
    }
}

impl ListPartsOutput<'_> {
    /// 200 with the page.
    pub fn response(&self) -> Response {
        let (asked, url) = (self.question, self.question.encoding_url);
        let mut xml = Writer::new(1024 + self.parts.len() * ENTRY_BYTES);
        xml.root("ListPartsResult");
        xml.plain("Bucket", &asked.bucket);
        xml.name("Key", asked.key.as_str(), url);
        xml.plain("UploadId", asked.upload);
        write_owner(&mut xml, "Initiator", self.owner);
        write_owner(&mut xml, "Owner", self.owner);
        xml.plain("StorageClass", "STANDARD");
        xml.plain("PartNumberMarker", asked.after);
        let last = self.parts.last().map_or(0, |part| part.number);
        xml.plain("NextPartNumberMarker", last);
        xml.plain("MaxParts", asked.max_parts);
        xml.plain("IsTruncated", self.truncated);
        write_algorithm(&mut xml, self.checksum);
        for part in self.parts {
            xml.open("Part");
            xml.plain("PartNumber", part.number);
            xml.plain("LastModified", part.modified.to_iso());
            xml.quoted("ETag", part.etag);
            xml.plain("Size", part.size);
            super::write_checksum(&mut xml, part.checksum.as_ref());
            xml.close("Part");
        }
        xml.close("ListPartsResult");
        Response::xml(xml.finish())
    }
}

fn write_delimiter(xml: &mut Writer, delimiter: &str, url: bool) {
    if !delimiter.is_empty() {
        xml.name("Delimiter", delimiter, url);
    }
    if url {
        xml.plain("EncodingType", "url");
    }
}

fn write_common_prefixes(xml: &mut Writer, prefixes: &[String], url: bool) {
    for prefix in prefixes {
        xml.open("CommonPrefixes");
        xml.name("Prefix", prefix, url);
        xml.close("CommonPrefixes");
    }
}

fn write_algorithm(xml: &mut Writer, checksum: Option<(ChecksumAlgorithm, ChecksumType)>) {
    if let Some((algorithm, kind)) = checksum {
        xml.plain("ChecksumAlgorithm", algorithm.name());
        xml.plain("ChecksumType", kind.name());
    }
}

/// What objects and versions have in common.
fn write_properties(xml: &mut Writer, entry: &ListedVersion) {
    xml.plain("LastModified", entry.modified.to_iso());
    xml.quoted("ETag", entry.etag);
    write_algorithm(xml, entry.checksum);
    xml.plain("Size", entry.size);
    xml.plain("StorageClass", "STANDARD");
}

fn write_object(xml: &mut Writer, entry: &ListedVersion, owner: Option<AccountId>, url: bool) {
    xml.open("Contents");
    xml.name("Key", entry.key.as_str(), url);
    write_properties(xml, entry);
    if let Some(owner) = owner {
        write_owner(xml, "Owner", owner);
    }
    xml.close("Contents");
}

fn write_version(xml: &mut Writer, entry: &ListedVersion, owner: AccountId, url: bool) {
    let element = if entry.delete_marker {
        "DeleteMarker"
    } else {
        "Version"
    };
    xml.open(element);
    xml.name("Key", entry.key.as_str(), url);
    xml.plain("VersionId", entry.version);
    xml.plain("IsLatest", entry.latest);
    if entry.delete_marker {
        xml.plain("LastModified", entry.modified.to_iso());
    } else {
        write_properties(xml, entry);
    }
    write_owner(xml, "Owner", owner);
    xml.close(element);
}

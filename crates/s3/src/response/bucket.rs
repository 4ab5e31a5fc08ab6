//! Answers about the service and buckets.

use super::{BUCKET_REGION, Response, put_version, value};
use crate::{
    output::{
        AclOutput, CreateBucketOutput, GetBucketLocationOutput, GetBucketVersioningOutput,
        HeadBucketOutput, ListBucketsOutput, TaggingOutput, VersioningState,
    },
    parse::token_of,
    xml::{Writer, tagging_xml},
};
use blockhouse_types::AccountId;
use http::{StatusCode, header};

/// `<Name><ID/><DisplayName/></Name>`.
pub(super) fn write_owner(xml: &mut Writer, name: &str, owner: AccountId) {
    xml.open(name);
    xml.plain("ID", owner.canonical_user());
    xml.plain("DisplayName", owner);
    xml.close(name);
}

impl ListBucketsOutput {
    /// 200 with the list.
    pub fn response(&self) -> Response {
        let mut xml = Writer::new(512 + self.buckets.len() * 160);
        xml.root("ListAllMyBucketsResult");
        write_owner(&mut xml, "Owner", self.owner);
        xml.open("Buckets");
        for bucket in &self.buckets {
            xml.open("Bucket");
            xml.plain("Name", &bucket.name);
            xml.plain("CreationDate", bucket.created.to_iso());
            xml.text("BucketRegion", &self.region);
            xml.close("Bucket");
        }
        xml.close("Buckets");
        if !self.prefix.is_empty() {
            xml.text("Prefix", &self.prefix);
        }
        if let Some(next) = &self.next {
            xml.plain("ContinuationToken", token_of(next.as_str()));
        }
        xml.close("ListAllMyBucketsResult");
        Response::xml(xml.finish())
    }
}

impl CreateBucketOutput {
    /// 200 with `Location`.
    pub fn response(&self) -> Response {
        let mut response = Response::empty(StatusCode::OK);
        response
            .headers
            .insert(header::LOCATION, value(format_args!("/{}", self.bucket)));
        response
    }
}

impl HeadBucketOutput {
    /// 200 with the region.
    pub fn response(&self) -> Response {
        let mut response = Response::empty(StatusCode::OK);
        response.headers.insert(BUCKET_REGION, value(&self.region));
        response
    }
}

impl GetBucketLocationOutput {
    /// 200 with the region.
    pub fn response(&self) -> Response {
        let mut xml = Writer::new(192);
        xml.root("LocationConstraint");
        if self.region != "us-east-1" {
            xml.raw_text(&self.region);
        }
        xml.close("LocationConstraint");
        Response::xml(xml.finish())
    }
}

impl GetBucketVersioningOutput {
    /// 200 with the state.
    pub fn response(&self) -> Response {
        let mut xml = Writer::new(192);
        xml.root("VersioningConfiguration");
        match self.state {
            None => {}
            Some(VersioningState::Enabled) => xml.plain("Status", "Enabled"),
            Some(VersioningState::Suspended) => xml.plain("Status", "Suspended"),
        }
        xml.close("VersioningConfiguration");
        Response::xml(xml.finish())
    }
}

impl TaggingOutput {
    /// 200 with the tags.
    pub fn response(&self) -> Response {
        let mut response = Response::xml(tagging_xml(&self.tags));
        put_version(&mut response.headers, self.version);
        response
    }
}

impl AclOutput {
    /// 200 with the owner's FULL_CONTROL.
    pub fn response(&self) -> Response {
        let mut xml = Writer::new(768);
        xml.root("AccessControlPolicy");
        write_owner(&mut xml, "Owner", self.owner);
        xml.raw(
            "<AccessControlList><Grant>\
             <Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xsi:type=\"CanonicalUser\">",
        );
        xml.plain("ID", self.owner.canonical_user());
        xml.plain("DisplayName", self.owner);
        xml.raw("</Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>");
        xml.close("AccessControlPolicy");
        let mut response = Response::xml(xml.finish());
        put_version(&mut response.headers, self.version);
        response
    }
}

//! Small documents about buckets.

use super::{check_tags, parse_document, tag_of};
use crate::{
    error::{ErrorKind, S3Error},
    output::VersioningState,
};

/// Tags that may be given with a new bucket, as with PutBucketTagging.
const TAGS_MAX: usize = 50;

/// The body of CreateBucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateBucketConfiguration {
    /// `LocationConstraint`.
    pub location: Option<String>,
    /// Tags for the bucket.
    pub tags: Vec<(String, String)>,
}

impl CreateBucketConfiguration {
    /// Reads the body; an empty one is the default. Directory buckets (`Location`, `Bucket`) are
    /// 501 NotImplemented.
    pub fn parse(body: &[u8]) -> Result<Self, S3Error> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let root = parse_document(body, "CreateBucketConfiguration")?;
        root.parts(&["LocationConstraint", "Location", "Bucket", "Tags"])?;
        if root.child("Location")?.is_some() || root.child("Bucket")?.is_some() {
            return Err(ErrorKind::NotImplemented.into());
        }
        let location = root.child_text("LocationConstraint")?.map(str::trim);
        let location = location.filter(|text| !text.is_empty()).map(str::to_owned);
        let tags = match root.child("Tags")? {
            Some(set) => set
                .parts(&["Tag"])?
                .iter()
                .map(tag_of)
                .collect::<Result<Vec<_>, _>>()?,
            None => Vec::new(),
        };
        check_tags(&tags, TAGS_MAX)?;
        Ok(Self { location, tags })
    }

    /// Whether the bucket may be made in the node's region: nothing said, or this region, or
    /// `us-east-1`, which old clients write when they mean "no constraint".
    pub fn check_location(&self, region: &str) -> Result<(), S3Error> {
        match self.location.as_deref() {
            None => Ok(()),
            Some(location) if location == region || location == "us-east-1" => Ok(()),
            Some(location) => Err(S3Error::from(ErrorKind::InvalidLocationConstraint)
                .element("LocationConstraint", location)),
        }
    }
}

/// The body of PutBucketVersioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersioningConfiguration {
    /// What to set.
    pub state: VersioningState,
}

impl VersioningConfiguration {
    /// Reads the body. `MfaDelete` other than `Disabled` is 501 NotImplemented.
    pub fn parse(body: &[u8]) -> Result<Self, S3Error> {
        let root = parse_document(body, "VersioningConfiguration")?;
        root.parts(&["Status", "MfaDelete", "MFADelete"])?;
        for name in ["MfaDelete", "MFADelete"] {
            match root.child_text(name)?.map(str::trim) {
                None | Some("Disabled") => {}
                Some("Enabled") => return Err(ErrorKind::NotImplemented.into()),
                Some(_) => return Err(ErrorKind::MalformedXml.into()),
            }
        }
        let state = match root.child_text("Status")?.map(str::trim) {
            Some("Enabled") => VersioningState::Enabled,
            Some("Suspended") => VersioningState::Suspended,
            Some(_) => return Err(ErrorKind::MalformedXml.into()),
            None => return Err(ErrorKind::IllegalVersioningConfigurationException.into()),
        };
        Ok(Self { state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_bucket() {
        let parse = |body: &str| CreateBucketConfiguration::parse(body.as_bytes());
        assert_eq!(parse("").unwrap(), CreateBucketConfiguration::default());
        let given = parse(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>local-1</LocationConstraint>\
             <Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags></CreateBucketConfiguration>",
        )
        .unwrap();
        assert_eq!(given.location.as_deref(), Some("local-1"));
        assert_eq!(given.tags, [("k".to_owned(), "v".to_owned())]);
        assert!(given.check_location("local-1").is_ok());
        let kind = given.check_location("home").unwrap_err().kind();
        assert_eq!(kind, ErrorKind::InvalidLocationConstraint);
        assert!(parse("<CreateBucketConfiguration><X/></CreateBucketConfiguration>").is_err());
    }

    #[test]
    fn versioning() {
        let parse = |inner: &str| {
            let body = format!("<VersioningConfiguration>{inner}</VersioningConfiguration>");
            VersioningConfiguration::parse(body.as_bytes())
                .map(|c| c.state)
                .map_err(|e| e.kind())
        };
        assert_eq!(
            parse("<Status>Enabled</Status>"),
            Ok(VersioningState::Enabled)
        );
        assert_eq!(
            parse("<MfaDelete>Disabled</MfaDelete><Status>Suspended</Status>"),
            Ok(VersioningState::Suspended)
        );
        assert_eq!(
            parse("<Status>enabled</Status>"),
            Err(ErrorKind::MalformedXml)
        );
        assert_eq!(
            parse(""),
            Err(ErrorKind::IllegalVersioningConfigurationException)
        );
        assert_eq!(
            parse("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"),
            Err(ErrorKind::NotImplemented)
        );
    }
}

//! The condition keys, each known by a number.
//!
//! A key's name is looked up once, when a policy is compiled. A request fills numbered slots
//! ([`crate::Context`]), so that judging a condition is one load. Tag keys (`aws:PrincipalTag/team`)
//! are open-ended: a family and a name. Whatever else a policy names is kept as text; no request
//! brings it, except to the simulator.
//!
//! S3 on Outposts has a key of its own for most S3 keys: `s3-outposts:prefix` beside `s3:prefix`.
//! They are two keys with two slots; a request fills those of the service it was made to
//! ([`Dialect`]). Sources: IAM user guide, "AWS global condition context keys"; service
//! authorization reference, Amazon S3 and Amazon S3 on Outposts.

use serde::Serialize;

/// What a key's values are; the linter holds operators against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// A moment.
    Date,
    /// An address.
    Ip,
    /// An ARN.
    Arn,
    /// Any number of texts.
    Texts,
}

/// Which service a request was made to: it decides under which names S3's keys are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// `s3`.
    S3,
    /// `s3-outposts`.
    Outposts,
}

/// Where a fact's name comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    Aws,
    S3,
    /// `s3:` and `s3-outposts:`.
    Twin,
    Bh,
}

macro_rules! facts {
    ($($variant:ident $space:ident $name:literal $kind:ident $doc:literal;)*) => {
        /// What may be known of a request, whatever the key is called.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Fact { $(#[doc = $doc] $variant),* }

        impl Fact {
            /// Every fact.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            const TABLE: &'static [(Space, &'static str, ValueKind)] =
                &[$((Space::$space, $name, ValueKind::$kind)),*];
        }
    };
}

facts! {
    SourceIp Aws "SourceIp" Ip "The peer's address, at the public endpoint only.";
    VpcSourceIp Aws "VpcSourceIp" Ip "The peer's private address, at a VPC endpoint only.";
    SourceVpc Aws "SourceVpc" Text "The VPC that the request came from.";
    SourceVpce Aws "SourceVpce" Text "The VPC endpoint that the request came through.";
    SourceVpcArn Aws "SourceVpcArn" Arn "The ARN of the VPC that the request came from.";
    ViaAwsService Aws "ViaAWSService" Bool "Whether a service forwarded the request.";
    CalledVia Aws "CalledVia" Texts "The services that forwarded the request.";
    CalledViaFirst Aws "CalledViaFirst" Text "The first of them.";
    CalledViaLast Aws "CalledViaLast" Text "The last of them.";
    SecureTransport Aws "SecureTransport" Bool "Whether the request came over TLS.";
    CurrentTime Aws "CurrentTime" Date "When the request began.";
    EpochTime Aws "EpochTime" Date "The same, in seconds since 1970.";
    TokenIssueTime Aws "TokenIssueTime" Date "When the temporary credentials were issued.";
    MultiFactorAuthPresent Aws "MultiFactorAuthPresent" Bool "Whether they were got with a second factor.";
    MultiFactorAuthAge Aws "MultiFactorAuthAge" Number "How many seconds ago the factor was shown.";
    PrincipalArn Aws "PrincipalArn" Arn "Who acts; of a session, its role.";
    PrincipalAccount Aws "PrincipalAccount" Text "The account of who acts.";
    PrincipalType Aws "PrincipalType" Text "Account, User, FederatedUser, AssumedRole or Anonymous.";
    PrincipalOrgId Aws "PrincipalOrgID" Text "The organization of who acts.";
    PrincipalOrgPaths Aws "PrincipalOrgPaths" Texts "The way to the account in its organization.";
    PrincipalIsAwsService Aws "PrincipalIsAWSService" Bool "Whether a service acts for itself.";
    PrincipalServiceName Aws "PrincipalServiceName" Text "Which service that is.";
    UserId Aws "userid" Text "The unique id of who acts; of a session, with its name.";
    Username Aws "username" Text "The name of the user who acts; users only.";
    RequestedRegion Aws "RequestedRegion" Text "The region asked.";
    ResourceAccount Aws "ResourceAccount" Text "The account that owns the resource.";
    ResourceOrgId Aws "ResourceOrgID" Text "The organization of that account.";
    ResourceOrgPaths Aws "ResourceOrgPaths" Texts "The way to it.";
    TagKeys Aws "TagKeys" Texts "The keys of the tags that the request brings.";
    Referer Aws "Referer" Text "The header Referer; anybody can write it.";
    UserAgent Aws "UserAgent" Text "The header User-Agent; anybody can write it.";
    SourceIdentity Aws "SourceIdentity" Text "Whom the session's first caller named.";
    FederatedProvider Aws "FederatedProvider" Text "Who vouched for a web identity.";
    SourceAccount Aws "SourceAccount" Text "For which account a service acts.";
    SourceArn Aws "SourceArn" Arn "For which resource a service acts.";
    Ec2InstanceSourceVpc Aws "Ec2InstanceSourceVpc" Text "The VPC that an instance profile's credentials were delivered to.";
    Ec2InstanceSourcePrivateIpv4 Aws "Ec2InstanceSourcePrivateIPv4" Ip "The address that they were delivered to.";

    Prefix Twin "prefix" Text "What a listing's keys begin with.";
    Delimiter Twin "delimiter" Text "What a listing groups by.";
    MaxKeys Twin "max-keys" Number "How many rows a listing may have.";
    VersionId Twin "VersionId" Text "Which version is asked for.";
    Acl Twin "x-amz-acl" Text "A canned ACL.";
    GrantRead S3 "x-amz-grant-read" Text "A grant of an ACL.";
    GrantWrite S3 "x-amz-grant-write" Text "A grant of an ACL.";
    GrantReadAcp S3 "x-amz-grant-read-acp" Text "A grant of an ACL.";
    GrantWriteAcp S3 "x-amz-grant-write-acp" Text "A grant of an ACL.";
    GrantFullControl S3 "x-amz-grant-full-control" Text "A grant of an ACL.";
    CopySource Twin "x-amz-copy-source" Text "What a copy reads.";
    MetadataDirective Twin "x-amz-metadata-directive" Text "Whether a copy keeps its source's metadata.";
    ServerSideEncryption Twin "x-amz-server-side-encryption" Text "How an object is encrypted.";
    KmsKeyId S3 "x-amz-server-side-encryption-aws-kms-key-id" Text "With which key.";
    CustomerAlgorithm S3 "x-amz-server-side-encryption-customer-algorithm" Text "With which algorithm of the client's own.";
    StorageClass Twin "x-amz-storage-class" Text "The storage class.";
    ContentSha256 Twin "x-amz-content-sha256" Text "The payload's hash, or what stands for it.";
    WebsiteRedirect S3 "x-amz-website-redirect-location" Text "Where a website's object redirects.";
    ObjectLockMode S3 "object-lock-mode" Text "Governance or compliance.";
    ObjectLockRetainUntil S3 "object-lock-retain-until-date" Date "How long an object is kept.";
    ObjectLockRemainingDays S3 "object-lock-remaining-retention-days" Number "How many days that is.";
    ObjectLockLegalHold S3 "object-lock-legal-hold" Text "Whether an object is held.";
    IfMatch S3 "if-match" Text "The header If-Match.";
    IfNoneMatch S3 "if-none-match" Text "The header If-None-Match.";
    ObjectCreationOperation S3 "ObjectCreationOperation" Bool "Whether the operation makes an object at its end.";
    LocationConstraint S3 "locationconstraint" Text "The region that a new bucket is to be in.";
    S3ResourceAccount S3 "ResourceAccount" Text "The account that owns the bucket.";
    TlsVersion S3 "TlsVersion" Number "The version of TLS.";
    AuthType Twin "authType" Text "Where the signature stood.";
    SignatureAge Twin "signatureAge" Number "How many milliseconds ago a link was signed.";
    SignatureVersion Twin "signatureversion" Text "Which algorithm signed.";
    DataAccessPointArn Twin "DataAccessPointArn" Arn "The access point asked.";
    DataAccessPointAccount Twin "DataAccessPointAccount" Text "Its account.";
    AccessPointNetworkOrigin Twin "AccessPointNetworkOrigin" Text "Internet or VPC.";
    RequestObjectTagKeys Twin "RequestObjectTagKeys" Texts "The keys of the object's tags that the request brings.";
    JobSuspendedCause S3 "JobSuspendedCause" Text "Why a batch job is suspended.";
    RequestJobOperation S3 "RequestJobOperation" Text "What a batch job does.";
    RequestJobPriority S3 "RequestJobPriority" Number "How urgent a batch job is.";
    ExistingJobOperation S3 "ExistingJobOperation" Text "What an existing batch job does.";
    ExistingJobPriority S3 "ExistingJobPriority" Number "How urgent an existing batch job is.";
    InventoryOptionalFields S3 "InventoryAccessibleOptionalFields" Texts "The fields of an inventory.";

    LinkOnce Bh "LinkOnce" Bool "Whether the link is used up by its first answer; links only.";
    LinkSource Bh "LinkSource" Texts "The sources that the link is bound to; links only.";
    LinkMaxBytes Bh "LinkMaxBytes" Number "The most bytes that the link may upload; links only.";
    LinkId Bh "LinkId" Text "Which link it is; links only.";
    PolicyAge Bh "PolicyAge" Number "How many seconds ago the last signed desired state came.";
}

/// How many slots a context has: every fact, and its twin.
pub(crate) const SLOTS: usize = 2 * Fact::TABLE.len();

/// The number of a key: which slot it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(pub(crate) u8);

const _: () = assert!(SLOTS < 256, "a slot is a byte");

impl Fact {
    /// What its values are.
    pub fn kind(self) -> ValueKind {
        Self::TABLE[self as usize].2
    }

    /// The slot in a request to `dialect`; `None` for a key that Outposts does not have.
    pub(crate) fn slot(self, dialect: Dialect) -> Option<Slot> {
        let number = self as u8;
        match (Self::TABLE[self as usize].0, dialect) {
            (Space::Twin, Dialect::Outposts) => Some(Slot(number + Self::TABLE.len() as u8)),
            (Space::S3, Dialect::Outposts) => None,
            _ => Some(Slot(number)),
        }
    }

    /// The key's whole name in a request to `dialect`.
    pub fn name(self, dialect: Dialect) -> Option<String> {
        self.slot(dialect).map(Slot::name)
    }
}

impl Slot {
    fn fact(self) -> Fact {
        Fact::ALL[usize::from(self.0) % Fact::ALL.len()]
    }

    fn is_twin(self) -> bool {
        usize::from(self.0) >= Fact::ALL.len()
    }

    /// The key's whole name, as the documentation writes it.
    pub(crate) fn name(self) -> String {
        let (space, name, _) = Fact::TABLE[self.fact() as usize];
        let service = match space {
            _ if self.is_twin() => "s3-outposts",
            Space::Aws => "aws",
            Space::Bh => "bh",
            Space::S3 | Space::Twin => "s3",
        };
        format!("{service}:{name}")
    }

    /// What its values are.
    pub(crate) fn kind(self) -> ValueKind {
        self.fact().kind()
    }

    /// The slot of a whole name, in any case.
    fn parse(name: &str) -> Option<Self> {
        let (service, rest) = name.split_once(':')?;
        let is = |text: &str| service.eq_ignore_ascii_case(text);
        let wanted = |space: Space| match space {
            Space::Aws => is("aws"),
            Space::Bh => is("bh"),
            Space::S3 => is("s3"),
            Space::Twin => is("s3") || is("s3-outposts"),
        };
        let mut table = Fact::TABLE.iter();
        let at = table.position(|(space, n, _)| n.eq_ignore_ascii_case(rest) && wanted(*space))?;
        let dialect = if is("s3-outposts") {
            Dialect::Outposts
        } else {
            Dialect::S3
        };
        Fact::ALL[at].slot(dialect)
    }
}

/// A family of tag keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Of who acts.
    PrincipalTag,
    /// Of the resource.
    ResourceTag,
    /// That the request brings.
    RequestTag,
    /// Of the object that is asked for.
    ExistingObjectTag,
    /// That the request gives an object.
    RequestObjectTag,
    /// Of the bucket.
    BucketTag,
    /// Of the access point.
    AccessPointTag,
}

/// A set of families.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Families(u8);

impl Families {
    pub(crate) fn contains(self, family: Family) -> bool {
        self.0 & (1 << family as u8) != 0
    }
}

impl FromIterator<Family> for Families {
    fn from_iter<T: IntoIterator<Item = Family>>(families: T) -> Self {
        let bits = families.into_iter().map(|family| 1 << family as u8);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

/// A family under one of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TagSpace {
    pub(crate) family: Family,
    /// Under its `s3-outposts:` name.
    pub(crate) outposts: bool,
}

const FAMILIES: [(Family, &str, &str, bool); 7] = [
    (Family::PrincipalTag, "aws", "PrincipalTag", false),
    (Family::ResourceTag, "aws", "ResourceTag", false),
    (Family::RequestTag, "aws", "RequestTag", false),
    (Family::ExistingObjectTag, "s3", "ExistingObjectTag", true),
    (Family::RequestObjectTag, "s3", "RequestObjectTag", true),
    (Family::BucketTag, "s3", "BucketTag", false),
    (Family::AccessPointTag, "s3", "AccessPointTag", false),
];

impl Family {
    /// The space that a request to `dialect` fills; `None` for one that Outposts does not have.
    pub(crate) fn space(self, dialect: Dialect) -> Option<TagSpace> {
        let (_, service, _, twin) = FAMILIES[self as usize];
        match dialect {
            Dialect::Outposts if service == "s3" => twin.then_some(TagSpace {
                family: self,
                outposts: true,
            }),
            _ => Some(TagSpace {
                family: self,
                outposts: false,
            }),
        }
    }
}

/// A condition key as a policy names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// One that a request may fill.
    Known(Slot),
    /// A tag.
    Tag(TagSpace, Box<str>),
    /// Any other; the name in lower case.
    Other(Box<str>),
}

/// The longest name of a key.
const NAME_BYTES_MAX: usize = 512;

impl Key {
    /// Reads a name, in any case: a service, a colon, and something behind it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (service, rest) = name.split_once(':')?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.';
        if service.is_empty()
            || rest.is_empty()
            || name.len() > NAME_BYTES_MAX
            || !service.bytes().all(plain)
            || rest.chars().any(char::is_control)
        {
            return None;
        }
        if let Some((family, tag)) = rest.split_once('/') {
            let found = FAMILIES.iter().find(|(_, of, name, twin)| {
                let ours = service.eq_ignore_ascii_case(of)
                    || *twin && service.eq_ignore_ascii_case("s3-outposts");
                ours && family.eq_ignore_ascii_case(name)
            });
            if let Some((family, ..)) = found
                && !tag.is_empty()
            {
                let space = TagSpace {
                    family: *family,
                    outposts: service.eq_ignore_ascii_case("s3-outposts"),
                };
                return Some(Self::Tag(space, tag.into()));
            }
        }
        Some(match Slot::parse(name) {
            Some(slot) => Self::Known(slot),
            None => Self::Other(name.to_ascii_lowercase().into()),
        })
    }

    /// Its name as the documentation writes it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Known(slot) => slot.name(),
            Self::Tag(space, tag) => {
                let (_, service, name, _) = FAMILIES[space.family as usize];
                let service = if space.outposts {
                    "s3-outposts"
                } else {
                    service
                };
                format!("{service}:{name}/{tag}")
            }
            Self::Other(name) => name.to_string(),
        }
    }

    /// The family of a tag.
    pub(crate) fn family(&self) -> Option<Family> {
        match self {
            Self::Tag(space, _) => Some(space.family),
            Self::Known(_) | Self::Other(_) => None,
        }
    }

    /// What its values are, if the key is known.
    pub(crate) fn kind(&self) -> Option<ValueKind> {
        match self {
            Self::Known(slot) => Some(slot.kind()),
            Self::Tag(..) => Some(ValueKind::Text),
            Self::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_in_any_case() {
        for fact in Fact::ALL {
            for dialect in [Dialect::S3, Dialect::Outposts] {
                let Some(name) = fact.name(dialect) else {
                    continue;
                };
                let slot = fact.slot(dialect).unwrap();
                for spelt in [name.clone(), name.to_uppercase(), name.to_lowercase()] {
                    assert_eq!(Key::parse(&spelt), Some(Key::Known(slot)), "{spelt}");
                }
            }
        }
    }

    #[test]
    fn twins_are_keys_of_their_own() {
        let key = |name: &str| Key::parse(name).unwrap();
        assert_ne!(key("s3:authType"), key("s3-outposts:authType"));
        assert_eq!(key("S3-Outposts:AUTHTYPE").name(), "s3-outposts:authType");
        assert_eq!(
            key("s3-outposts:TlsVersion"),
            Key::Other("s3-outposts:tlsversion".into())
        );
        assert_eq!(Fact::TlsVersion.slot(Dialect::Outposts), None);
        assert_ne!(
            key("s3:ExistingObjectTag/a"),
            key("s3-outposts:ExistingObjectTag/a")
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in ["", "SourceIp", ":x", "aws:", "a b:c", "aws:x\n"] {
            assert_eq!(Key::parse(bad), None, "{bad}");
        }
        assert_eq!(Key::parse("aws:PrincipalTag/").unwrap().kind(), None);
        assert_eq!(
            Key::parse("aws:PrincipalTag/a/b").unwrap().name(),
            "aws:PrincipalTag/a/b"
        );
    }
}

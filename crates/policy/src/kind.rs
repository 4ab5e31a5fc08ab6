//! What a policy is attached to decides what may stand in it.

use serde::{Deserialize, Serialize};

/// Where a policy is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// To identities, by name: a managed policy.
    Managed,
    /// Within a user.
    UserInline,
    /// Within a group.
    GroupInline,
    /// Within a role.
    RoleInline,
    /// To an identity, as the most that it may do.
    Boundary,
    /// To one session, as the most that it may do.
    Session,
    /// To a bucket.
    Bucket,
    /// To an access point.
    AccessPoint,
    /// To a role: who may assume it.
    Trust,
    /// To a VPC endpoint: what may pass it.
    Endpoint,
    /// To the node: what may happen here at all.
    Guardrail,
}

/// Whether an element must, may or must not stand in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
    Prohibited,
}

/// The longest bucket or access-point policy, in bytes. Source: Amazon S3 user guide, "Policies and
/// permissions in Amazon S3": 20 KB.
pub const RESOURCE_POLICY_BYTES_MAX: usize = 20 * 1024;

/// The longest text of any kind, white space counted: what is longer is not even read.
pub const TEXT_BYTES_MAX: usize = 4 << 20;

/// The most statements of one policy, whatever its kind.
pub const STATEMENTS_MAX: usize = 16_384;

/// The most parts that the patterns of one policy have together, those aside that are plain or end in
/// their only wildcard. A pattern is matched in time that grows with its parts and with the text: this
/// keeps what a tenant's policy can cost below some milliseconds. A policy of 20 KiB in which every
/// resource has two wildcards stays far below it.
pub const PATTERN_PARTS_MAX: usize = 4096;

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Managed,
        Self::UserInline,
        Self::GroupInline,
        Self::RoleInline,
        Self::Boundary,
        Self::Session,
        Self::Bucket,
        Self::AccessPoint,
        Self::Trust,
        Self::Endpoint,
        Self::Guardrail,
    ];

    /// Its name, as the audit writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::UserInline => "user-inline",
            Self::GroupInline => "group-inline",
            Self::RoleInline => "role-inline",
            Self::Boundary => "boundary",
            Self::Session => "session",
            Self::Bucket => "bucket",
            Self::AccessPoint => "access-point",
            Self::Trust => "trust",
            Self::Endpoint => "endpoint",
            Self::Guardrail => "guardrail",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The longest policy: bytes for a bucket's and an access point's, elsewhere characters without
    /// white space. For inline policies it is the most that all of one holder have together; one
    /// alone is held against it here. Source: IAM user guide, "IAM and AWS STS quotas";
    /// Amazon VPC for the endpoint.
    pub fn size_max(self) -> usize {
        match self {
            Self::UserInline | Self::Trust | Self::Session => 2048,
            Self::GroupInline => 5120,
            Self::RoleInline => 10_240,
            Self::Managed | Self::Boundary => 6144,
            // Ours alone: one document for the whole node.
            Self::Guardrail => TEXT_BYTES_MAX,
            Self::Endpoint => 20_480,
            Self::Bucket | Self::AccessPoint => RESOURCE_POLICY_BYTES_MAX,
        }
    }

    /// How large `text` is as this kind counts.
    pub fn size(self, text: &str) -> usize {
        match self {
            Self::Bucket | Self::AccessPoint => text.len(),
            _ => text.chars().filter(|c| !c.is_ascii_whitespace()).count(),
        }
    }

    /// The most parts of patterns; the operator's own guardrail is not bounded.
    pub(crate) fn pattern_parts_max(self) -> usize {
        match self {
            Self::Guardrail => usize::MAX,
            _ => PATTERN_PARTS_MAX,
        }
    }

    /// Whether statements name principals.
    pub(crate) fn principal(self) -> Presence {
        match self {
            Self::Bucket | Self::AccessPoint | Self::Trust => Presence::Required,
            // The console writes `Principal: "*"`; absent, it means the same.
            Self::Endpoint => Presence::Optional,
            _ => Presence::Prohibited,
        }
    }

    /// Whether statements name resources.
    pub(crate) fn resource(self) -> Presence {
        match self {
            Self::Trust => Presence::Prohibited,
            _ => Presence::Required,
        }
    }

    /// Whether a Sid is free text, as S3 has it; IAM wants letters and digits, and each once.
    pub(crate) fn sid_is_free(self) -> bool {
        matches!(self, Self::Bucket | Self::AccessPoint | Self::Endpoint)
    }
}

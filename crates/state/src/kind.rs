//! The kinds of resources, and what they have in common.

use crate::{
    AccessPoint, Account, AddressGroup, Fault, Group, Guardrail, ManagedPolicy, Name, PublicRanges,
    Role, User, VpcEndpointPolicy,
    name::{self},
};
use blockhouse_netfilter::{Limits, NetworkAcl, PublicEndpoint, SecurityGroup, Vpc};
use blockhouse_types::{Entropy, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;

/// Where a kind of resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One for the whole node: `KIND`.
    Node,
    /// Any number for the whole node: `KIND/NAME`.
    OfNode,
    /// One for each account: `KIND/ACCOUNT`.
    Account,
    /// Any number in each account: `KIND/ACCOUNT/NAME`. Two names that differ in case alone are one, as
    /// in IAM.
    Named,
}

/// What a resource is given when it is put.
pub struct Stamp<'a> {
    /// The time.
    pub now: Timestamp,
    /// Where ids come from.
    pub entropy: &'a mut dyn Entropy,
}

impl fmt::Debug for Stamp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stamp")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What a resource of one kind says. As JSON it is the row that is stored; fields that it does not know
/// are refused.
pub trait Body: Serialize + DeserializeOwned {
    /// Where it is.
    const SCOPE: Scope;

    /// Whether a resource of the kind may have this last part of a name.
    fn is_name(name: &str) -> bool {
        name::is_iam_name(name, 64)
    }

    /// Judges it alone.
    fn check(&self, name: &Name) -> Result<(), Fault>;

    /// What must be there for it to be.
    fn references(&self, _name: &Name) -> Vec<Name> {
        Vec::new()
    }

    /// Gives it what is not its writer's to choose; `old` is what it replaces.
    fn stamp(&mut self, _old: Option<&Self>, _stamp: &mut Stamp<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($body:ty) $text:literal;)*) => {
        /// A kind of resource.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// As names begin with it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $text,)* }
            }

            /// Where it is.
            pub fn scope(self) -> Scope {
                match self { $(Self::$kind => <$body as Body>::SCOPE,)* }
            }

            /// Whether this may be the last part of a name.
            pub fn is_name(self, name: &str) -> bool {
                match self { $(Self::$kind => <$body as Body>::is_name(name),)* }
            }
        }

        /// A resource.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Resource {
            $($(#[$doc])* $kind($body),)*
        }

        impl Serialize for Resource {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$kind(body) => body.serialize(to),)* }
            }
        }

        impl Resource {
            /// Reads one of the kind from JSON.
            pub fn read(kind: Kind, json: &[u8]) -> Result<Self, Fault> {
                match kind {
                    $(Kind::$kind => serde_json::from_slice(json).map(Self::$kind),)*
                }
                .map_err(|error| Fault::Json(error.to_string()))
            }

            /// It as JSON, as it is stored.
            pub fn write(&self) -> Result<Vec<u8>, Fault> {
                serde_json::to_vec(self).map_err(|error| Fault::Json(error.to_string()))
            }

            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            pub(crate) fn check(&self, name: &Name) -> Result<(), Fault> {
                match self { $(Self::$kind(body) => body.check(name),)* }
            }

            pub(crate) fn references(&self, name: &Name) -> Vec<Name> {
                match self { $(Self::$kind(body) => body.references(name),)* }
            }

            pub(crate) fn stamp(
                &mut self,
                old: Option<&Self>,
                stamp: &mut Stamp<'_>,
            ) -> Result<(), Fault> {
                match self {
                    $(Self::$kind(body) => {
                        let old = match old {
                            Some(Self::$kind(old)) => Some(old),
                            _ => None,
                        };
                        body.stamp(old, stamp)
                    })*
                }
            }
        }
    };
}

kinds! {
    /// A name of its own for a bucket, with a policy.
    AccessPoint(AccessPoint) "access-point";
    /// What is said of an account itself.
    Account(Account) "account";
    /// Addresses that buckets' address lists name together.
    AddressGroup(AddressGroup) "address-group";
    /// A group of users.
    Group(Group) "group";
    /// The most that may happen on this node at all.
    Guardrail(Guardrail) "guardrail";
    /// What enters a subnet.
    NetworkAcl(NetworkAcl) "network-acl";
    /// What one source may ask of an endpoint.
    NetworkLimits(Limits) "network-limits";
    /// A managed policy.
    Policy(ManagedPolicy) "policy";
    /// An endpoint outside of any VPC.
    PublicEndpoint(PublicEndpoint) "public-endpoint";
    /// The public ranges that an account declares its own.
    PublicRanges(PublicRanges) "public-ranges";
    /// A role.
    Role(Role) "role";
    /// Who may connect to an endpoint.
    SecurityGroup(SecurityGroup) "security-group";
    /// A user.
    User(User) "user";
    /// A VPC, with its subnets and its endpoint.
    Vpc(Vpc) "vpc";
    /// The most that may be done through a VPC endpoint.
    VpcEndpointPolicy(VpcEndpointPolicy) "vpc-endpoint-policy";
}

impl Kind {
    /// The kind that names begin with this.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.as_str() == text)
    }
}

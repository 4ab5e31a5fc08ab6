//! The names of the model's objects. Each kind has its prefix, as AWS's have, so that a name says
//! what it names and one can never stand for another.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Characters behind the prefix at most.
const NAME_LEN_MAX: usize = 64;

/// The text is no id of that kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no id: {prefix} and 1 to {NAME_LEN_MAX} of a-z, 0-9 and -")]
pub struct InvalidId {
    /// What was read.
    pub text: String,
    /// What the id would begin with.
    pub prefix: &'static str,
}

fn parse(text: &str, prefix: &'static str) -> Result<Box<str>, InvalidId> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_name = |name: &str| (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(legal);
    match text.strip_prefix(prefix) {
        Some(name) if is_name(name) => Ok(text.into()),
        _ => Err(InvalidId {
            // What is quoted may be of any length.
            text: text.chars().take(NAME_LEN_MAX + prefix.len()).collect(),
            prefix,
        }),
    }
}

macro_rules! id {
    ($name:ident, $prefix:literal, $what:literal) => {
        #[doc = concat!("The id of ", $what, ": `", $prefix, "` and 1 to 64 of a-z, 0-9 and -.")]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// With its prefix.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text, $prefix).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(VpcId, "vpc-", "a VPC");
id!(SubnetId, "subnet-", "a subnet");
id!(EndpointId, "vpce-", "a VPC endpoint");
id!(PublicEndpointId, "public-", "a public endpoint");
id!(AclId, "acl-", "a network ACL");
id!(SecurityGroupId, "sg-", "a security group");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_prefix() {
        let long = format!("vpc-{}", "a".repeat(64));
        for good in ["vpc-a", "vpc-0-9", long.as_str()] {
            assert_eq!(good.parse::<VpcId>().unwrap().as_str(), good);
        }
        let too_long = format!("{long}a");
        for bad in [
            "",
            "vpc-",
            "vpc",
            "vpce-a",
            "vpc-A",
            "vpc-a b",
            "vpc-ä",
            too_long.as_str(),
        ] {
            assert!(bad.parse::<VpcId>().is_err(), "{bad}");
        }
        assert!("vpce-a".parse::<EndpointId>().is_ok());
    }
}

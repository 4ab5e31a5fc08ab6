//! What names there are.

use blockhouse_types::{BucketName, OutpostId};
use hickory_proto::rr::Name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Domains of a zone at most.
pub const DOMAINS_MAX: usize = 16;

/// Characters of a domain at most: an access point's name still fits before it.
pub const DOMAIN_LEN_MAX: usize = 160;

/// Addresses at most, of each family.
pub const ADDRESSES_MAX: usize = 16;

/// Characters of a label at most. Source: RFC 1035, section 2.3.4.
const LABEL_LEN_MAX: usize = 63;

/// The names of one VPC's endpoint, and its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// The longest first: of `s3.example` and `example` the former decides.
    domains: Vec<Name>,
    outpost: Option<OutpostId>,
    pub(crate) v4: Vec<Ipv4Addr>,
    pub(crate) v6: Vec<Ipv6Addr>,
}

/// Why there is no such zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidZone {
    /// That is no domain.
    #[error(
        "'{0}' is no domain: labels of letters, digits and -, at most {DOMAIN_LEN_MAX} characters"
    )]
    Domain(String),
    /// More than [`DOMAINS_MAX`].
    #[error("a zone has at most {DOMAINS_MAX} domains")]
    TooManyDomains,
    /// More than [`ADDRESSES_MAX`] of a family.
    #[error("a zone has at most {ADDRESSES_MAX} addresses of each family")]
    TooManyAddresses,
}

/// What a name of a zone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    /// A domain itself.
    Apex,
    /// A host that leads to the endpoint.
    Host,
    /// Nothing, but names below it are something: "there is no such name" would deny them too (RFC 8020).
    Empty,
    /// No name of ours.
    Missing,
}

impl Zone {
    /// These domains, in any case and with or without the last dot; below each of them the Outpost's
    /// access points, if there is an Outpost; all of them at these addresses.
    pub fn new<'a>(
        domains: impl IntoIterator<Item = &'a str>,
        outpost: Option<&OutpostId>,
        addresses: &[IpAddr],
    ) -> Result<Self, InvalidZone> {
        let domains = domains.into_iter().map(domain);
        let mut domains: Vec<Name> = domains.collect::<Result<_, _>>()?;
        if domains.len() > DOMAINS_MAX {
            return Err(InvalidZone::TooManyDomains);
        }
        domains.sort_by_key(|domain| std::cmp::Reverse(domain.iter().len()));
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(address) => v4.push(*address),
                IpAddr::V6(address) => v6.push(*address),
            }
        }
        if v4.len().max(v6.len()) > ADDRESSES_MAX {
            return Err(InvalidZone::TooManyAddresses);
        }
        Ok(Self {
            domains,
            outpost: outpost.cloned(),
            v4,
            v6,
        })
    }

    /// What a name is, and the domain that it belongs to in the letters that it has there; `None` for
    /// names of others.
    pub(crate) fn find(&self, name: &Name) -> Option<(Name, Node)> {
        let domain = self.domains.iter().find(|domain| domain.zone_of(name))?;
        let labels = domain.iter().len();
        let before: Vec<&[u8]> = name.iter().take(name.iter().len() - labels).collect();
        Some((name.trim_to(labels), self.node(&before)))
    }

    /// What a name is, by its labels before the domain.
    fn node(&self, before: &[&[u8]]) -> Node {
        let Some(labels) = before.iter().map(|label| host_label(label)).collect() else {
            return Node::Missing;
        };
        let labels: Vec<String> = labels;
        let is_outpost = |label: &String| {
            let outpost = self.outpost.as_ref();
            outpost.is_some_and(|outpost| outpost.as_str() == label)
        };
        match labels.as_slice() {
            [] => Node::Apex,
            [last] if is_outpost(last) => Node::Empty,
            [_, last] if is_outpost(last) => Node::Host,
            [.., last] if is_outpost(last) => Node::Missing,
            bucket => bucket_node(&bucket.join(".")),
        }
    }
}

/// A bucket's name may have dots, and so what ends one is a name as well.
fn bucket_node(name: &str) -> Node {
    if BucketName::parse(name).is_ok() {
        Node::Host
    } else if BucketName::parse(&format!("a.{name}")).is_ok() {
        Node::Empty
    } else {
        Node::Missing
    }
}

/// A label of a host, in lower case.
fn host_label(label: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(label).ok()?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.bytes().all(legal).then(|| text.to_ascii_lowercase())
}

fn domain(text: &str) -> Result<Name, InvalidZone> {
    let invalid = || InvalidZone::Domain(text.chars().take(DOMAIN_LEN_MAX).collect());
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=LABEL_LEN_MAX).contains(&label.len()) && host_label(label.as_bytes()).is_some()
    };
    if name.len() > DOMAIN_LEN_MAX || !name.split('.').all(is_label) {
        return Err(invalid());
    }
    let labels = name.split('.').map(|label| label.as_bytes());
    Name::from_labels(labels).map_err(|_| invalid())
}

//! The network model: what the operator, or the control plane, says is there. YAML and JSON have the
//! same shape.
//!
//! ```yaml
//! vpcs:
//!   - id: vpc-a
//!     account: "111122223333"
//!     cidrs: [10.0.0.0/16]
//!     subnets:
//!       - {id: subnet-a1, cidrs: [10.0.1.0/24], attach: {uplink: eth0, vlan: 101}, gateway: [10.0.1.1]}
//!       - {id: subnet-a2, cidrs: [10.0.2.0/24]}
//!     endpoint:
//!       {id: vpce-a, subnet: subnet-a1, addresses: [10.0.1.10], ports: {http: 80}, security_groups: [sg-a]}
//! security_groups:
//!   - {id: sg-a, ingress: [{sources: [10.0.0.0/16]}]}
//! ```
//!
//! A value of these types has legal parts and nothing more: whether the parts fit together is asked of
//! [`Model::check`](crate::Model::check), which refuses a model whole. Unknown fields are refused, since a misspelt
//! `cloak` would open what it was to hide.

mod attach;
mod cidr;
mod id;
mod ports;
mod read;

pub use attach::{Attach, InvalidAttach, VLAN_MAX, VXLAN_MAX, VXLAN_PEERS_MAX};
pub use cidr::{Cidr, InterfaceName, InvalidCidr, InvalidInterfaceName};
pub use id::{AclId, EndpointId, InvalidId, PublicEndpointId, SecurityGroupId, SubnetId, VpcId};
pub use ports::{InvalidPorts, PORT_RANGES_MAX, PortRange, Ports};
pub use read::{DOCUMENT_BYTES_MAX, Unreadable};

use blockhouse_types::AccountId;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU16};

/// The whole of the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// The VPCs. Two of them may have the same addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vpcs: Vec<Vpc>,
    /// Network ACLs, for subnets to name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network_acls: Vec<NetworkAcl>,
    /// Security groups, for endpoints to name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<SecurityGroup>,
    /// Endpoints outside of any VPC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub public_endpoints: Vec<PublicEndpoint>,
    /// What holds where an endpoint says nothing else.
    pub limits: Limits,
}

/// A VPC: a network of one account, with addresses of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// `vpc-…`
    pub id: VpcId,
    /// Whose it is.
    #[serde(with = "account")]
    pub account: AccountId,
    /// All of its addresses; at least one range of IPv4, and none that touches another.
    pub cidrs: Vec<Cidr>,
    /// Its subnets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<Subnet>,
    /// Its S3 endpoint. One at most, as on AWS: "1 per VPC per Outpost". Every subnet reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
}

/// A subnet of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subnet {
    /// `subnet-…`
    pub id: SubnetId,
    /// One range of IPv4 and at most one of IPv6, within the VPC's.
    pub cidrs: Vec<Cidr>,
    /// Where the node meets it. The endpoint's subnet must have one; another without one is known by
    /// its addresses, and its traffic comes through the gateway of the endpoint's subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attach: Option<Attach>,
    /// The VPC's router in this subnet, at most one address of each family. Replies to the VPC's other
    /// subnets go there. Without one, only this subnet's own hosts reach the endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateway: Vec<IpAddr>,
    /// The node's own address in a subnet without an endpoint, at most one of each family. It answers
    /// pings and nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address: Vec<IpAddr>,
    /// What may enter the subnet. Without one, everything that comes from the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_acl: Option<AclId>,
}

/// The S3 endpoint of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `vpce-…`
    pub id: EndpointId,
    /// The subnet that its address lies in.
    pub subnet: SubnetId,
    /// One address of IPv4, and at most one of IPv6 if the subnet has IPv6. None that AWS reserves.
    pub addresses: Vec<IpAddr>,
    /// Where it listens.
    pub ports: ListenPorts,
    /// Who may connect: whom any of these groups allows. At least one, as AWS demands.
    pub security_groups: Vec<SecurityGroupId>,
    /// If present, sources outside are dropped silently where they would have heard 403. Their clients
    /// then wait for a time-out; the default is to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloak: Option<Vec<Cidr>>,
    /// If present, a load balancer stands before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Its own limits, in place of the node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// An endpoint outside of any VPC. All of them share one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicEndpoint {
    /// `public-…`
    pub id: PublicEndpointId,
    /// Where the node meets its network.
    pub attach: Attach,
    /// What is on its link: one range of IPv4, at most one of IPv6.
    pub cidrs: Vec<Cidr>,
    /// One address of IPv4, at most one of IPv6, within those ranges.
    pub addresses: Vec<IpAddr>,
    /// The way to everyone else, at most one address of each family. Without one only the link's own
    /// hosts reach the endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateway: Vec<IpAddr>,
    /// Where it listens.
    pub ports: ListenPorts,
    /// Who may connect. At least one.
    pub security_groups: Vec<SecurityGroupId>,
    /// As [`Endpoint::cloak`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloak: Option<Vec<Cidr>>,
    /// As [`Endpoint::proxy`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Its own limits, in place of the node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// Where an endpoint listens; at least one of them, and neither of them 53, which is the name service's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenPorts {
    /// For plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<NonZeroU16>,
    /// For TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<NonZeroU16>,
}

/// A load balancer that speaks the PROXY protocol, version 2, before it passes a connection on. Then
/// every connection must begin so, and none but the load balancer gets through to the port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Its addresses; at least one range.
    pub trusted: Vec<Cidr>,
    /// Which endpoint is meant by the id of a VPC endpoint that the load balancer tells
    /// (PP2_SUBTYPE_AWS_VPCE_ID). A VPC's endpoint can mean itself alone; a public one may stand for
    /// any, which is to trust its load balancer with them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<EndpointId, EndpointId>,
}

/// What may enter a subnet: rules in the order of their numbers, of which the first that matches
/// decides. Behind the last one stands a deny.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkAcl {
    /// `acl-…`
    pub id: AclId,
    /// The rules, in any order.
    #[serde(default)]
    pub ingress: Vec<AclRule>,
}

/// A rule of a network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AclRule {
    /// Its number, 1 to 32766; the lowest comes first.
    pub rule: u16,
    /// What becomes of what matches.
    pub action: AclAction,
    /// Where it comes from.
    pub source: Cidr,
    /// The ports that it goes to; without, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Ports>,
}

/// What a rule of a network ACL does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AclAction {
    /// Lets it in.
    Allow,
    /// Drops it silently.
    Deny,
}

/// Who may connect to an endpoint. A group only allows; what no rule allows is dropped silently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroup {
    /// `sg-…`
    pub id: SecurityGroupId,
    /// The rules; none allows nobody.
    #[serde(default)]
    pub ingress: Vec<SecurityGroupRule>,
}

/// A rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroupRule {
    /// Where it comes from; at least one range.
    pub sources: Vec<Cidr>,
    /// The ports that it goes to; without, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Ports>,
}

/// What one source address may ask of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// New connections a second, in the long run.
    pub new_connections_per_second: u32,
    /// New connections at once, ahead of that.
    pub burst: u32,
    /// Connections at one time. To count them the kernel must track every connection of the endpoint,
    /// which costs a tenth of its connections per second; without this field nothing is tracked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_max: Option<u32>,
}

impl Default for Limits {
    /// Enough for a host with many S3 clients that keep no connection, and far below a flood.
    fn default() -> Self {
        Self {
            new_connections_per_second: 1000,
            burst: 2000,
            connections_max: None,
        }
    }
}

/// Accounts, which are text here: as a number `000000000042` would lose its zeros.
mod account {
    use blockhouse_types::AccountId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(id: &AccountId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<AccountId, D::Error> {
        let text = String::deserialize(from)?;
        AccountId::parse(&text).map_err(D::Error::custom)
    }
}

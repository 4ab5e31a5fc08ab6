//! Decides, from the network model and a flow, whether a packet or connection belongs to a VPC that
//! may speak; renders the same rules for the kernel.
//!
//! ```text
//!   YAML, JSON ─► Model ─check─► Checked ─compile─► Plan of each namespace ─┬─► nftables, in JSON
//!                                                                           └─► classify(plan, flow)
//! ```
//!
//! There is one network namespace for each VPC, so two VPCs may have the same addresses, and one for
//! the public endpoints. In a namespace a packet must come in by a link of its own, from where that
//! link's packets can come from, to the address and port of an endpoint, past the network ACL, a
//! security group and the sender's limits. Whatever does not is dropped without an answer and counted
//! under one [`Reason`].
//!
//! What policies refuse is none of this crate's business: that is answered, with 403. A rule here is
//! made from objects of the model and by type from nothing else: see [`L3Source`].
//!
//! Endpoints are stateless unless they limit concurrent connections: every packet is judged alone, and
//! replies are known by the endpoint's address and port. TCP itself is the state, and there is no table
//! of connections for an attacker to fill.
//!
//! The crate does no I/O and knows no clock. It never talks to the kernel; whoever holds the capability
//! applies a [`Plan`].
#![forbid(unsafe_code)]

pub mod bounds;
mod check;
mod classify;
mod compile;
mod filter;
mod intervals;
mod l3;
mod model;
mod origin;
mod plan;
mod reason;
mod render;

pub use check::{Checked, Fault, FaultReason, told};
pub use classify::{Flow, Load, Packet, Payload, Verdict, classify};
pub use filter::Table;
pub use intervals::Family;
pub use l3::L3Source;
pub use model::{
    AclAction, AclId, AclRule, Attach, Cidr, DOCUMENT_BYTES_MAX, Endpoint, EndpointId,
    InterfaceName, InvalidAttach, InvalidCidr, InvalidId, InvalidInterfaceName, InvalidPorts,
    Limits, ListenPorts, Model, NetworkAcl, PORT_RANGES_MAX, PortRange, Ports, Proxy,
    PublicEndpoint, PublicEndpointId, SecurityGroup, SecurityGroupId, SecurityGroupRule, Subnet,
    SubnetId, Unreadable, VLAN_MAX, VXLAN_MAX, VXLAN_PEERS_MAX, Vpc, VpcId,
};
pub use origin::Subnets;
pub use plan::{
    EndpointName, Link, Listener, Namespace, Plan, REPLY_TABLE_FIRST, ReplyRule, Route, Service,
};
pub use reason::{Counter, Reason, UnknownName};
pub use render::{AddressSet, TABLE};

//! Where in a VPC an address is: its subnet.

use crate::model::{SubnetId, Vpc};
use ipnet::IpNet;
use std::net::IpAddr;

/// The subnets of a VPC, to be searched by address. None of them overlaps another, so that there is at
/// most one answer, found in a binary search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnets {
    /// First address, last address and subnet, in order of addresses.
    ranges: Box<[(IpAddr, IpAddr, SubnetId)]>,
    cidrs: Box<[IpNet]>,
}

impl Subnets {
    /// Those of a VPC that [`Model::check`](crate::Model::check) has found sound.
    pub fn of(vpc: &Vpc) -> Self {
        let with_ids = vpc.subnets.iter().flat_map(|subnet| {
            subnet.cidrs.iter().map(|cidr| {
                let net = cidr.net();
                (net.network(), net.broadcast(), subnet.id.clone())
            })
        });
        let mut ranges: Vec<_> = with_ids.collect();
        ranges.sort_unstable();
        Self {
            ranges: ranges.into(),
            cidrs: vpc.cidrs.iter().map(|cidr| cidr.net()).collect(),
        }
    }

    /// The subnet that holds the address. An address of the VPC may be in none.
    pub fn subnet_of(&self, address: IpAddr) -> Option<&SubnetId> {
        let behind = self.ranges.partition_point(|(first, ..)| *first <= address);
        let (_, last, id) = self.ranges.get(behind.checked_sub(1)?)?;
        (address <= *last).then_some(id)
    }

    /// Whether the address is one of the VPC's.
    pub fn is_in_vpc(&self, address: IpAddr) -> bool {
        self.cidrs.iter().any(|cidr| cidr.contains(&address))
    }
}

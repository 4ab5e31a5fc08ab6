//! The elements of an interval set, as the kernel has them: where an interval begins, and where one
//! is over.
//!
//! ```text
//!   10.0.0.0 ─ 10.0.0.255                   10.0.0.0 begins, 10.0.1.0 ends
//!   10.0.1.0 ─ 10.0.1.255, right behind     10.0.1.0 begins, 10.0.2.0 ends
//!   up to the last address of all           … begins, and nothing ends
//! ```
//!
//! The kernel lists them in no order that it promises. `nft` adds an end at the address zero, before
//! all intervals, which means nothing.

use super::{KeyRange, SetName};
use crate::{
    socket::ENTRIES_MAX,
    wire::{Attribute, Attributes, Malformed, Writer},
};
use std::net::IpAddr;

// `NFTA_SET_ELEM_LIST_…`
pub(super) const LIST_TABLE: u16 = 1;
pub(super) const LIST_SET: u16 = 2;
pub(super) const LIST_ELEMENTS: u16 = 3;
/// `NFTA_LIST_ELEM`
pub(super) const LIST_ELEMENT: u16 = 1;
// `NFTA_SET_ELEM_…`
pub(super) const ELEMENT_KEY: u16 = 1;
pub(super) const ELEMENT_FLAGS: u16 = 3;
/// `NFTA_DATA_VALUE`
pub(super) const DATA_VALUE: u16 = 1;

/// That an interval is over.
pub(super) const FLAG_END: u32 = libc::NFT_SET_ELEM_INTERVAL_END as u32;

/// An element of an interval set. In order of their addresses; at the same one, what is over comes
/// before what begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Element {
    /// The address.
    pub address: IpAddr,
    /// What is there.
    pub edge: Edge,
}

/// What is at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edge {
    /// An interval ended with the address before.
    End,
    /// An interval begins.
    Begin,
}

pub(super) fn write_question(w: &mut Writer, set: &SetName) {
    w.text(LIST_TABLE, set.table.as_str());
    w.text(LIST_SET, set.set.as_str());
}

/// Reads the body of an `NFT_MSG_NEWSETELEM`, and adds its elements to a list, up to a bound of some
/// millions.
pub fn read_elements(body: &[u8], list: &mut Vec<Element>) -> Result<(), Malformed> {
    let (_, attributes) = Attributes::behind::<4>(body, "elements")?;
    for attribute in attributes {
        let attribute = attribute?;
        if attribute.kind != LIST_ELEMENTS {
            continue;
        }
        for element in attribute.nested() {
            if list.len() > ENTRIES_MAX {
                return Err(Malformed::Value("the number of elements"));
            }
            list.push(read_element(element?)?);
        }
    }
    Ok(())
}

fn read_element(element: Attribute<'_>) -> Result<Element, Malformed> {
    let (mut address, mut flags) = (None, 0);
    for attribute in element.nested() {
        let attribute = attribute?;
        match attribute.kind {
            ELEMENT_KEY => address = read_key(attribute.nested())?,
            ELEMENT_FLAGS => flags = attribute.be32("an element's flags")?,
            _ => {}
        }
    }
    let address = address.ok_or(Malformed::Missing("an element's key"))?;
    let edge = match flags & FLAG_END {
        0 => Edge::Begin,
        _ => Edge::End,
    };
    Ok(Element { address, edge })
}

fn read_key(data: Attributes<'_>) -> Result<Option<IpAddr>, Malformed> {
    for attribute in data {
        let attribute = attribute?;
        if attribute.kind == DATA_VALUE {
            return attribute.address("an element's key").map(Some);
        }
    }
    Ok(None)
}

/// The intervals that elements in any order make.
pub fn ranges_of(mut elements: Vec<Element>) -> Result<Vec<KeyRange>, Malformed> {
    elements.sort_unstable();
    let odd = || Malformed::Value("the elements of an interval set");
    let mut ranges = Vec::with_capacity(elements.len() / 2 + 1);
    let mut begun = None;
    for Element { address, edge } in elements {
        match (edge, begun) {
            (Edge::Begin, None) => begun = Some(address),
            (Edge::End, Some(first)) => {
                ranges.push(KeyRange::up_to(first, address).ok_or_else(odd)?);
                begun = None;
            }
            // What nft adds in front.
            (Edge::End, None) if ranges.is_empty() && address.is_unspecified() => {}
            (Edge::Begin, Some(_)) | (Edge::End, None) => return Err(odd()),
        }
    }
    ranges.extend(begun.map(KeyRange::to_the_last));
    Ok(ranges)
}

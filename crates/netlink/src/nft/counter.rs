//! Counters that have names.

use super::NftName;
use crate::wire::{Attributes, Malformed, Writer};

// `NFTA_OBJ_…`
const TABLE: u16 = 1;
const NAME: u16 = 2;
const TYPE: u16 = 3;
const DATA: u16 = 4;
// `NFTA_COUNTER_…`
const BYTES: u16 = 1;
const PACKETS: u16 = 2;

/// `NFT_OBJECT_COUNTER`
const TYPE_COUNTER: u32 = 1;

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// Its name.
    pub name: String,
    /// How many packets it has seen since it was made.
    pub packets: u64,
    /// And how many bytes they had.
    pub bytes: u64,
}

pub(super) fn write_question(w: &mut Writer, table: &NftName) {
    w.text(TABLE, table.as_str());
    w.be32(TYPE, TYPE_COUNTER);
}

impl Counter {
    /// Reads the body of an `NFT_MSG_NEWOBJ`; another object is none.
    pub fn read(body: &[u8]) -> Result<Option<Self>, Malformed> {
        let (_, attributes) = Attributes::behind::<4>(body, "an object")?;
        let (mut name, mut kind, mut data) = (None, None, None);
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                NAME => name = Some(attribute.text()),
                TYPE => kind = Some(attribute.be32("an object's type")?),
                DATA => data = Some(attribute.nested()),
                _ => {}
            }
        }
        if kind != Some(TYPE_COUNTER) {
            return Ok(None);
        }
        let name = name.ok_or(Malformed::Missing("a counter's name"))?;
        let data = data.ok_or(Malformed::Missing("a counter's numbers"))?;
        let (packets, bytes) = read_numbers(data)?;
        Ok(Some(Self {
            name,
            packets,
            bytes,
        }))
    }
}

fn read_numbers(data: Attributes<'_>) -> Result<(u64, u64), Malformed> {
    let (mut packets, mut bytes) = (None, None);
    for attribute in data {
        let attribute = attribute?;
        match attribute.kind {
            PACKETS => packets = Some(attribute.be64("a counter's packets")?),
            BYTES => bytes = Some(attribute.be64("a counter's bytes")?),
            _ => {}
        }
    }
    let missing = Malformed::Missing("a counter's numbers");
    packets.zip(bytes).ok_or(missing)
}

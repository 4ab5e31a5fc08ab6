//! nfnetlink's nf_tables: the intervals of sets, and the counters of a table.
//!
//! ```text
//!   SetUpdate ─┐
//!   SetUpdate ─┼─ begin ─ flush ─ delete … ─ add … ─ end ──► one packet, one transaction
//!   SetUpdate ─┘                                 └ the last asks for an answer
//! ```
//!
//! A set must exist, declared with the rules that use it. Rules, chains and small sets are applied by
//! `nft` as text; its way to change an element of a large set is to read all of it first, which takes
//! as long as filling it. So intervals go to the kernel from here, and reading a rule set back is
//! nobody's business: what is read are counters, and a set's intervals when drift is looked for.
//!
//! The kernel takes what one call sends as one transaction, so a batch is one packet however long it
//! is, up to [`BATCH_LEN_MAX`]. A refused batch leaves all sets as they were, and the error names the
//! set that was refused.

mod counter;
mod elements;
mod name;
mod range;
mod update;

pub use counter::Counter;
pub use elements::{Edge, Element, ranges_of, read_elements};
pub use name::{BadNftName, NftName, SetName};
pub use range::{BadRange, Key, KeyRange};
pub use update::{BATCH_LEN_MAX, InvalidUpdate, RANGES_MAX, SetUpdate, UpdateError};

use crate::{
    Failed,
    namespace::Namespace,
    socket::{Question, Socket},
    wire::{Attributes, Malformed, Message},
};
use nix::sys::socket::SockProtocol;

/// `NFTA_GEN_ID`
const GENERATION_ID: u16 = 1;

/// A socket to the kernel's nf_tables, in one namespace.
#[derive(Debug)]
pub struct NftSocket {
    socket: Socket,
}

impl NftSocket {
    /// In the namespace of this thread.
    pub fn open() -> Result<Self, Failed> {
        match Socket::open(SockProtocol::NetlinkNetFilter) {
            Ok(socket) => Ok(Self { socket }),
            Err(errno) => Err(Failed::of("opening", "an nfnetlink socket")(errno.into())),
        }
    }

    /// In a namespace, from a thread that is in another.
    pub fn open_in(namespace: &Namespace) -> Result<Self, Failed> {
        namespace.run(Self::open)?
    }

    /// Changes sets, all at once or none.
    pub fn update(&mut self, updates: &[SetUpdate]) -> Result<(), UpdateError> {
        let batch = update::write(updates, || self.socket.next_seq())?;
        let Some(batch) = batch else {
            return Ok(());
        };
        let done = self.socket.transact(&batch.bytes, batch.first, batch.last);
        done.map_err(|refusal| batch.explain(refusal, updates))
    }

    /// The counters that have names, of the tables of that name, whatever their family. A table that does
    /// not exist has none.
    pub fn counters(&mut self, table: &NftName) -> Result<Vec<Counter>, Failed> {
        let question = Question {
            kind: kind(libc::NFT_MSG_GETOBJ),
            flags: 0,
            // Of both families.
            fixed: &[libc::NFPROTO_UNSPEC as u8, 0, 0, 0],
            attributes: &|w| counter::write_question(w, table),
        };
        let is_counter = kind(libc::NFT_MSG_NEWOBJ);
        let list = self.socket.list(&question, |message, list| {
            if message.kind == is_counter {
                list.extend(Counter::read(message.body)?);
            }
            Ok(())
        });
        list.map_err(Failed::of("listing the counters of", table))
    }

    /// The number of the namespace's rules: another one after every transaction, whoever made it.
    pub fn generation(&mut self) -> Result<u32, Failed> {
        let fixed = fixed(0);
        let question = Question::bare(kind(libc::NFT_MSG_GETGEN), &fixed);
        let read = |message: &Message<'_>| -> Result<u32, Malformed> {
            let (_, attributes) = Attributes::behind::<4>(message.body, "a generation")?;
            for attribute in attributes {
                let attribute = attribute?;
                if attribute.kind == GENERATION_ID {
                    return attribute.be32("a generation's number");
                }
            }
            Err(Malformed::Missing("a generation's number"))
        };
        let generation = self.socket.get(&question, read);
        generation.map_err(Failed::of("asking for", "the generation of the rules"))
    }

    /// The intervals of a set, in order.
    pub fn ranges(&mut self, set: &SetName) -> Result<Vec<KeyRange>, Failed> {
        let question = Question {
            kind: kind(libc::NFT_MSG_GETSETELEM),
            flags: 0,
            fixed: &fixed(0),
            attributes: &|w| elements::write_question(w, set),
        };
        let is_elements = kind(libc::NFT_MSG_NEWSETELEM);
        let failed = || Failed::of("listing the intervals of", set);
        let list = self.socket.list(&question, |message, list| {
            if message.kind == is_elements {
                read_elements(message.body, list)?;
            }
            Ok(())
        });
        let elements = list.map_err(failed())?;
        ranges_of(elements).map_err(|malformed: Malformed| failed()(malformed.into()))
    }
}

/// The kind of one of nf_tables' messages: the subsystem above, the message below.
fn kind(message: i32) -> u16 {
    // Both are bytes.
    (libc::NFNL_SUBSYS_NFTABLES << 8 | message) as u16
}

/// `nfgenmsg`: family u8, version u8, resource u16 in the network's order. The tables of this product
/// are of the family `inet`.
fn fixed(resource: u16) -> [u8; 4] {
    let [a, b] = resource.to_be_bytes();
    [libc::NFPROTO_INET as u8, 0, a, b]
}

#[cfg(test)]
mod tests;

//! Netlink's bytes: messages behind messages, and in them attributes behind attributes.
//!
//! ```text
//!   message     length u32, kind u16, flags u16, sequence u32, port u32 ─ body, padded to 4
//!   body        a fixed header of the message's kind ─ attributes
//!   attribute   length u16, kind u16 ─ value, padded to 4; a value may be attributes again
//! ```
//!
//! Lengths include their headers. Numbers are in the machine's order, except that nfnetlink has its
//! own in the network's.
//!
//! Reading moves forward by at least a header each time and never past the end, so it ends on any
//! bytes; after an error nothing more comes. Nothing is copied.

mod verdict;
mod write;

pub use verdict::Verdict;
pub(crate) use write::{TooLong, Writer};

use std::net::IpAddr;

/// A message's header.
pub(crate) const MESSAGE_HEADER: usize = 16;
/// An attribute's header.
pub(crate) const ATTRIBUTE_HEADER: usize = 4;

/// What makes no sense in the kernel's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A message whose length is wrong.
    #[error("a message is cut off")]
    Message,
    /// An attribute whose length is wrong.
    #[error("an attribute is cut off")]
    Attribute,
    /// A value that is not as long as its kind is.
    #[error("{0} has a wrong length")]
    Length(&'static str),
    /// Something that is always there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A value that means nothing.
    #[error("{0} makes no sense")]
    Value(&'static str),
    /// An answer that was longer than there was room.
    #[error("an answer is too long")]
    Cut,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// What kind it is of.
    pub kind: u16,
    /// `NLM_F_…`
    pub flags: u16,
    /// The sequence number of the question.
    pub seq: u32,
    /// Whom the kernel answers.
    pub port: u32,
    /// What is behind the header.
    pub body: &'a [u8],
}

/// The messages in a packet.
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Of a packet as it was received.
    pub fn of(packet: &'a [u8]) -> Self {
        Self { rest: packet }
    }

    fn read(&mut self) -> Result<Message<'a>, Malformed> {
        let header = self.rest.first_chunk::<MESSAGE_HEADER>();
        let header = header.ok_or(Malformed::Message)?;
        let [len, [a, b, c, d], seq, port] = words(header);
        let len = usize::try_from(u32::from_ne_bytes(len)).unwrap_or(usize::MAX);
        let body = self.rest.get(MESSAGE_HEADER..len);
        let body = body.ok_or(Malformed::Message)?;
        self.rest = self.rest.get(padded(len)..).unwrap_or_default();
        Ok(Message {
            kind: u16::from_ne_bytes([a, b]),
            flags: u16::from_ne_bytes([c, d]),
            seq: u32::from_ne_bytes(seq),
            port: u32::from_ne_bytes(port),
            body,
        })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

/// An attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// What it is, without the two bits that say how it is written.
    pub kind: u16,
    /// Its value.
    pub value: &'a [u8],
}

/// The attributes in a body, or in another attribute.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Of a whole value.
    pub fn of(value: &'a [u8]) -> Self {
        Self { rest: value }
    }

    /// Of a body, behind its fixed header of `N` bytes.
    pub(crate) fn behind<const N: usize>(
        body: &'a [u8],
        header: &'static str,
    ) -> Result<(&'a [u8; N], Self), Malformed> {
        let (fixed, rest) = body.split_first_chunk().ok_or(Malformed::Length(header))?;
        Ok((fixed, Self { rest }))
    }

    fn read(&mut self) -> Result<Attribute<'a>, Malformed> {
        let (header, _) = self
            .rest
            .split_first_chunk::<ATTRIBUTE_HEADER>()
            .ok_or(Malformed::Attribute)?;
        let [a, b, c, d] = *header;
        let len = usize::from(u16::from_ne_bytes([a, b]));
        let value = self.rest.get(ATTRIBUTE_HEADER..len);
        let value = value.ok_or(Malformed::Attribute)?;
        self.rest = self.rest.get(padded(len)..).unwrap_or_default();
        let mask = libc::NLA_TYPE_MASK as u16;
        Ok(Attribute {
            kind: u16::from_ne_bytes([c, d]) & mask,
            value,
        })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

impl<'a> Attribute<'a> {
    /// The attributes that it is made of.
    pub fn nested(&self) -> Attributes<'a> {
        Attributes::of(self.value)
    }

    /// A value of exactly `N` bytes.
    pub(crate) fn array<const N: usize>(&self, what: &'static str) -> Result<[u8; N], Malformed> {
        self.value.try_into().map_err(|_| Malformed::Length(what))
    }

    /// A number in the machine's order.
    pub(crate) fn u32(&self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_ne_bytes)
    }

    /// A number in the network's order.
    pub(crate) fn be32(&self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// A number in the network's order.
    pub(crate) fn be64(&self, what: &'static str) -> Result<u64, Malformed> {
        self.array(what).map(u64::from_be_bytes)
    }

    /// An address, by its length.
    pub(crate) fn address(&self, what: &'static str) -> Result<IpAddr, Malformed> {
        match self.value.len() {
            4 => self.array::<4>(what).map(IpAddr::from),
            _ => self.array::<16>(what).map(IpAddr::from),
        }
    }

    /// A text, up to its zero byte. What is no UTF-8 in it is replaced: names of interfaces may be
    /// any bytes, and none of ours are.
    pub(crate) fn text(&self) -> String {
        text(self.value)
    }
}

/// Sixteen bytes as four numbers.
pub(crate) fn words(bytes: &[u8; 16]) -> [[u8; 4]; 4] {
    let [
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        b2,
        b3,
        c0,
        c1,
        c2,
        c3,
        d0,
        d1,
        d2,
        d3,
    ] = *bytes;
    [
        [a0, a1, a2, a3],
        [b0, b1, b2, b3],
        [c0, c1, c2, c3],
        [d0, d1, d2, d3],
    ]
}

/// A text, up to its zero byte or its end.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// A length and what is put behind it.
pub(crate) fn padded(len: usize) -> usize {
    len.saturating_add(3) & !3
}

#[cfg(test)]
mod tests;

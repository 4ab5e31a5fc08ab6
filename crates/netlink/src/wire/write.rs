//! Writing messages.
//!
//! Lengths are put in when what they count is complete. A length that its field cannot hold is
//! remembered and refused at the end, so that the code that writes reads straight down.

use super::{ATTRIBUTE_HEADER, MESSAGE_HEADER, padded};
use std::net::IpAddr;

/// The request does not fit into its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Messages being written, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    too_long: bool,
}

/// A message or attribute that is not complete yet: where it begins.
#[must_use]
#[derive(Debug)]
pub(crate) struct Nested(usize);

impl Writer {
    /// With room for `capacity` bytes to begin with.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
            too_long: false,
        }
    }

    /// Begins a message, with the fixed header of its kind.
    pub(crate) fn message(&mut self, kind: u16, flags: i32, seq: u32, fixed: &[u8]) -> Nested {
        let begin = self.bytes.len();
        // All flags are of the lower sixteen bits.
        let flags = flags as u16;
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(seq.to_ne_bytes());
        self.bytes.extend([0; 4]);
        debug_assert_eq!(self.bytes.len() - begin, MESSAGE_HEADER);
        self.bytes.extend(fixed);
        self.pad();
        Nested(begin)
    }

    /// Ends a message.
    pub(crate) fn end_message(&mut self, message: Nested) {
        let len = u32::try_from(self.bytes.len().saturating_sub(message.0));
        let len = len.unwrap_or_else(|_| self.refuse());
        self.put(message.0, &len.to_ne_bytes());
    }

    /// Begins an attribute that is made of attributes.
    pub(crate) fn nest(&mut self, kind: u16) -> Nested {
        self.begin(kind | libc::NLA_F_NESTED as u16)
    }

    /// The same without the bit that says so, which rtnetlink does without.
    pub(crate) fn nest_plain(&mut self, kind: u16) -> Nested {
        self.begin(kind)
    }

    /// Ends such an attribute.
    pub(crate) fn end(&mut self, attribute: Nested) {
        let len = u16::try_from(self.bytes.len().saturating_sub(attribute.0));
        let len = len.unwrap_or_else(|_| self.refuse());
        self.put(attribute.0, &len.to_ne_bytes());
        self.pad();
    }

    /// An attribute.
    pub(crate) fn attribute(&mut self, kind: u16, value: &[u8]) {
        let attribute = self.begin(kind);
        self.bytes.extend(value);
        self.end(attribute);
    }

    /// An attribute that is a number in the machine's order.
    pub(crate) fn u32(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// An attribute that is a number in the network's order.
    pub(crate) fn be32(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_be_bytes());
    }

    /// An attribute that is a text with its zero byte.
    pub(crate) fn text(&mut self, kind: u16, value: &str) {
        let attribute = self.begin(kind);
        self.bytes.extend(value.as_bytes());
        self.bytes.push(0);
        self.end(attribute);
    }

    /// An attribute that is an address.
    pub(crate) fn address(&mut self, kind: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.attribute(kind, &address.octets()),
            IpAddr::V6(address) => self.attribute(kind, &address.octets()),
        }
    }

    /// Bytes within an attribute: the fixed header that some have.
    pub(crate) fn fixed(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.pad();
    }

    /// What is written, if every length fits.
    pub(crate) fn finish(self) -> Result<Vec<u8>, TooLong> {
        match self.too_long {
            true => Err(TooLong),
            false => Ok(self.bytes),
        }
    }

    fn begin(&mut self, kind: u16) -> Nested {
        let begin = self.bytes.len();
        self.bytes.extend([0; ATTRIBUTE_HEADER - 2]);
        self.bytes.extend(kind.to_ne_bytes());
        Nested(begin)
    }

    fn refuse<T: Default>(&mut self) -> T {
        self.too_long = true;
        T::default()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn pad(&mut self) {
        self.bytes.resize(padded(self.bytes.len()), 0);
    }
}

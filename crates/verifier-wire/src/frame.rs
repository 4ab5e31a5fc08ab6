//! The bytes between gateway and verifier: one packet of a `SOCK_SEQPACKET` socket is one frame, and
//! one frame carries whatever gathered while the frame before it was on its way.
//!
//! ```text
//!   frame    "BV" | version u8 | number of messages u8, 1 to 255
//!   message  length u32 of what follows | kind u8 | number u32 | fields
//! ```
//!
//! Numbers are little-endian; a text is its length (u16) and its bytes. The number ties an answer to
//! its question; it is the asker's own, and the verifier only gives it back. The texts of a question, and
//! those of who signed, stand side by side behind all their lengths: that they are UTF-8 is found in one
//! look.
//!
//! | to the verifier | fields |
//! |---|---|
//! | 1 verify | [`Question`](crate::Question) |
//! | 2 link | chain u64, [`Link`](crate::Link) |
//! | 3 end of a chain | chain u64; has no answer |
//! | 4 order | [`Question`](crate::Question): the request that orders a link |
//! | 5 call | SHA-256 of the body (32 bytes), [`Question`](crate::Question): see [`Call`](crate::Call) |
//!
//! | from the verifier | fields |
//! |---|---|
//! | 129 verified | [`Verified`](crate::Verified) |
//! | 130 refused | [`Failure`](crate::Failure) |
//! | 131 link | 0 or 1 |
//! | 132 no room | none: nobody judged, come back later |
//! | 133 ordered | [`Ordered`](crate::Ordered) |
//!
//! The provisioning socket speaks the same frames with kinds of its own, see
//! [`provision`](crate::provision).
//!
//! A frame that is not exactly this is an error of whoever sent it, and the receiver closes the
//! socket: neither side guesses. Decoding allocates in proportion to what arrived and never more.

mod answer;
mod codec;
mod request;

pub use answer::{Answer, AnswerBody};
pub use codec::{Reader, Writer};
pub use request::{Asked, Request, RequestBody};

use zeroize::Zeroize as _;

/// Bytes of the head of one request (method, path, query, headers), at most: as much as the gateway
/// takes from a client. A longer one is not asked about.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Bytes of the fields of one form that speak of its signer, names and values, at most: as much as
/// the gateway takes from a client before a file.
pub const FORM_BYTES_MAX: usize = 20 * 1024;

/// Bytes of a frame at most. A head of the greatest length fits, and so does the refusal that shows
/// it with every byte escaped.
pub const FRAME_BYTES_MAX: usize = 128 * 1024;

/// Messages of a frame at most.
pub const MESSAGES_MAX: usize = 255;

/// The version of the frames. Both sides are parts of one build; a different one is refused.
pub const VERSION: u8 = 3;

const MAGIC: [u8; 2] = *b"BV";
const HEADER_BYTES: usize = 4;
const LENGTH_BYTES: usize = 4;

/// A frame that does not follow the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame is malformed: {what}")]
pub struct FrameError {
    /// The field or rule.
    pub what: &'static str,
}

/// A message does not fit into a frame, or a text into its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message is too long for a frame")]
pub struct TooLong;

/// A frame in the making.
pub struct FrameBuilder {
    bytes: Vec<u8>,
    messages: usize,
    /// Whether its memory is wiped when it goes. Questions and answers hold nothing that both sides'
    /// memory does not hold elsewhere, and wiping one costs as much as judging what is in it.
    of_secrets: bool,
}

impl std::fmt::Debug for FrameBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrameBuilder({} messages)", self.messages)
    }
}

impl Drop for FrameBuilder {
    fn drop(&mut self) {
        if self.of_secrets {
            self.bytes.zeroize();
        }
    }
}

impl Default for FrameBuilder {
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(4096);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, 0]);
        Self {
            bytes,
            messages: 0,
            of_secrets: false,
        }
    }
}

impl FrameBuilder {
    /// A frame that is wiped when it goes, and never moves while it grows, so that it leaves no copy of
    /// its secrets behind.
    pub fn of_secrets() -> Self {
        let mut frame = Self::default();
        frame.of_secrets = true;
        frame.bytes.reserve_exact(2 * FRAME_BYTES_MAX);
        frame
    }

    /// Adds a message; one that does not fit any more leaves the frame as it was.
    pub(crate) fn push(
        &mut self,
        kind: u8,
        number: u32,
        fields: impl FnOnce(&mut Writer<'_>) -> Result<(), TooLong>,
    ) -> Result<(), TooLong> {
        let start = self.bytes.len();
        let added = self.append(kind, number, fields);
        if added.is_err() || self.bytes.len() > FRAME_BYTES_MAX {
            self.bytes.truncate(start);
            return Err(TooLong);
        }
        self.messages += 1;
        self.bytes[3] = self.messages as u8;
        Ok(())
    }

    fn append(
        &mut self,
        kind: u8,
        number: u32,
        fields: impl FnOnce(&mut Writer<'_>) -> Result<(), TooLong>,
    ) -> Result<(), TooLong> {
        if self.messages == MESSAGES_MAX {
            return Err(TooLong);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; LENGTH_BYTES]);
        let mut writer = Writer(&mut self.bytes);
        writer.u8(kind);
        writer.u32(number);
        fields(&mut writer)?;
        let length = u32::try_from(self.bytes.len() - start - LENGTH_BYTES).map_err(|_| TooLong)?;
        self.bytes[start..start + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// Whether it holds no message; an empty frame is not sent.
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// The packet.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Begins anew, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
        self.bytes[3] = 0;
        self.messages = 0;
    }
}

/// One message of a frame that was received.
pub(crate) struct Message<'a> {
    pub(crate) kind: u8,
    pub(crate) number: u32,
    pub(crate) fields: Reader<'a>,
}

/// The messages of a received packet, in order. An error ends it.
pub(crate) struct Messages<'a> {
    left: usize,
    reader: Reader<'a>,
}

impl<'a> Messages<'a> {
    /// Checks the frame's header.
    pub(crate) fn read(packet: &'a [u8]) -> Result<Self, FrameError> {
        let refuse = |what| Err(FrameError { what });
        if packet.len() > FRAME_BYTES_MAX {
            return refuse("length");
        }
        let mut reader = Reader(packet);
        if reader.bytes(2, "magic")? != MAGIC {
            return refuse("magic");
        }
        if reader.u8("version")? != VERSION {
            return refuse("version");
        }
        match usize::from(reader.u8("number of messages")?) {
            0 => refuse("number of messages"),
            left => Ok(Self { left, reader }),
        }
    }

    fn message(&mut self) -> Result<Message<'a>, FrameError> {
        let length = self.reader.u32("message length")? as usize;
        let mut fields = Reader(self.reader.bytes(length, "message")?);
        self.left -= 1;
        if self.left == 0 {
            self.reader.end()?;
        }
        Ok(Message {
            kind: fields.u8("kind")?,
            number: fields.u32("number")?,
            fields,
        })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let message = self.message();
        if message.is_err() {
            self.left = 0;
        }
        Some(message)
    }
}

#[cfg(test)]
pub(crate) mod tests;

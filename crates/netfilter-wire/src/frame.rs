//! Messages to packets and back.

use crate::Message;

/// Bytes of a packet at most: a full batch fits, and a piece with every byte escaped.
pub const PACKET_BYTES_MAX: usize = 128 * 1024;

/// The version of the messages. Both sides are parts of one build; a different one is refused.
const VERSION: u8 = 1;

const HEADER: [u8; 3] = [b'B', b'N', VERSION];

/// A packet that is no message.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// It does not begin as ours do, or is of another version.
    #[error("a packet of another protocol or version")]
    Foreign,
    /// It is longer than [`PACKET_BYTES_MAX`].
    #[error("a packet is longer than {PACKET_BYTES_MAX} bytes")]
    TooLong,
    /// What is in it is no message.
    #[error("a message is malformed")]
    Message(#[source] serde_json::Error),
    /// Something in the message is longer, or more, than it may be, or is no name.
    #[error("a message holds what is beyond its bounds")]
    Unbounded,
    /// The message says what it says in other bytes than we would.
    #[error("a message is spelt as none of ours is")]
    Spelling,
}

/// A message as a packet.
pub fn encode(message: &impl Message) -> Result<Vec<u8>, Malformed> {
    if !message.is_bounded() {
        return Err(Malformed::Unbounded);
    }
    let packet = spell(message)?;
    match packet.len() <= PACKET_BYTES_MAX {
        true => Ok(packet),
        false => Err(Malformed::TooLong),
    }
}

/// A packet as a message. Nothing may stand before, within or behind it that we would not have written:
/// no space, no field twice, no other order.
pub fn decode<M: Message>(packet: &[u8]) -> Result<M, Malformed> {
    if packet.len() > PACKET_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    let json = packet.strip_prefix(&HEADER).ok_or(Malformed::Foreign)?;
    let message: M = serde_json::from_slice(json).map_err(Malformed::Message)?;
    if !message.is_bounded() {
        return Err(Malformed::Unbounded);
    }
    match spell(&message)? == packet {
        true => Ok(message),
        false => Err(Malformed::Spelling),
    }
}

fn spell(message: &impl Message) -> Result<Vec<u8>, Malformed> {
    let mut packet = HEADER.to_vec();
    serde_json::to_writer(&mut packet, message).map_err(Malformed::Message)?;
    Ok(packet)
}

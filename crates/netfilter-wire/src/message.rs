//! The messages, and what must hold of each beyond its shape.

use crate::{BATCH_MAX, Batch, Piece};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _,
};

/// Bytes of a reason at most. A longer one is cut by who sends it: the kernel's own words are quoted, and
/// an alarm must not fail for being long. A packet holds it with every byte escaped.
pub const REASON_BYTES_MAX: usize = 8 * 1024;

/// What the node says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ToNetfilterd {
    /// Listeners that it has; with their descriptors. First of all, if only to say that it has none.
    Held(Batch),
    /// Can the network be so? The model is JSON.
    Prepare {
        /// The version that it would be.
        version: u64,
        /// A piece of the model.
        model: Piece,
    },
    /// Make it what was prepared last.
    Activate {
        /// The version that was prepared.
        version: u64,
    },
    /// How is the network?
    Status,
}

/// What `netfilterd` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromNetfilterd {
    /// Listeners, with their descriptors.
    Listeners(Batch),
    /// Listeners that are no more, by their numbers.
    Closed {
        /// Their numbers; at most [`BATCH_MAX`](crate::BATCH_MAX).
        ids: Vec<u32>,
    },
    /// It can be so.
    Prepared {
        /// The version.
        version: u64,
    },
    /// It cannot; nothing was changed.
    Refused {
        /// The version.
        version: u64,
        /// The object and what is wrong with it; cut behind [`REASON_BYTES_MAX`].
        #[serde(serialize_with = "write_reason", deserialize_with = "read_reason")]
        reason: String,
    },
    /// It is so.
    Active {
        /// The version.
        version: u64,
    },
    /// It is not so, or not all of it; it is tried again until it is, or another version is.
    Failed {
        /// The version.
        version: u64,
        /// What the kernel refused; cut behind [`REASON_BYTES_MAX`].
        #[serde(serialize_with = "write_reason", deserialize_with = "read_reason")]
        reason: String,
    },
    /// How the network is: a JSON document.
    Status(Piece),
}

/// Either side's messages.
pub trait Message: Serialize + DeserializeOwned {
    /// How many descriptors come with it: as many as it speaks of, and no other number is taken.
    fn descriptors(&self) -> usize;

    /// Whether everything in it is within its bounds.
    fn is_bounded(&self) -> bool;
}

impl Message for ToNetfilterd {
    fn descriptors(&self) -> usize {
        match self {
            Self::Held(batch) => batch.listeners.len(),
            Self::Prepare { .. } | Self::Activate { .. } | Self::Status => 0,
        }
    }

    fn is_bounded(&self) -> bool {
        match self {
            Self::Held(batch) => is_bounded(batch),
            Self::Prepare { model, .. } => model.is_bounded(),
            Self::Activate { .. } | Self::Status => true,
        }
    }
}

impl Message for FromNetfilterd {
    fn descriptors(&self) -> usize {
        match self {
            Self::Listeners(batch) => batch.listeners.len(),
            Self::Closed { .. }
            | Self::Prepared { .. }
            | Self::Refused { .. }
            | Self::Active { .. }
            | Self::Failed { .. }
            | Self::Status(_) => 0,
        }
    }

    fn is_bounded(&self) -> bool {
        match self {
            Self::Listeners(batch) => is_bounded(batch),
            Self::Closed { ids } => (1..=BATCH_MAX).contains(&ids.len()),
            Self::Status(piece) => piece.is_bounded(),
            // A reason is cut by who writes it, and measured by who reads it.
            Self::Prepared { .. }
            | Self::Refused { .. }
            | Self::Active { .. }
            | Self::Failed { .. } => true,
        }
    }
}

fn is_bounded(batch: &Batch) -> bool {
    batch.listeners.len() <= BATCH_MAX && batch.listeners.iter().all(crate::Listener::is_bounded)
}

fn write_reason<S: Serializer>(reason: &str, to: S) -> Result<S::Ok, S::Error> {
    let (kept, _) = reason.split_at(reason.floor_char_boundary(REASON_BYTES_MAX));
    to.serialize_str(kept)
}

fn read_reason<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let reason = String::deserialize(from)?;
    match reason.len() <= REASON_BYTES_MAX {
        true => Ok(reason),
        false => Err(D::Error::custom("a reason is too long")),
    }
}

//! The messages.

use crate::{Batch, Piece};
use serde::{Deserialize, Serialize};

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
        /// The object and what is wrong with it.
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
        /// What the kernel refused.
        reason: String,
    },
    /// How the network is: a JSON document.
    Status(Piece),
}

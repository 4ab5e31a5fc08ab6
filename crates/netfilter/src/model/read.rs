//! Documents to models and back.

use super::Model;
use serde_saphyr::{DuplicateKeyPolicy, Options};

/// Bytes of a document at most. A model at all of its bounds fits; a longer document is refused unread.
pub const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// Values of a document of YAML at most, keys and lists among them. A range in a rule of its own is eight.
const NODES_MAX: usize = 2_000_000;

/// A document is no model.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is longer than [`DOCUMENT_BYTES_MAX`].
    #[error("the document is longer than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
    /// It is no JSON, or a part of it is not legal.
    #[error("the document does not describe a network")]
    Json(#[source] serde_json::Error),
    /// There is nothing in it; a network of nothing is `{}`.
    #[error("the document is empty; a network of nothing is {{}}")]
    Empty,
    /// It is no YAML, or a part of it is not legal.
    #[error("the document does not describe a network")]
    Yaml(#[source] Box<serde_saphyr::Error>),
}

impl Model {
    /// Reads a document in JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, Unreadable> {
        if json.len() > DOCUMENT_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        serde_json::from_slice(json).map_err(Unreadable::Json)
    }

    /// Reads a document in YAML.
    pub fn from_yaml(yaml: &str) -> Result<Self, Unreadable> {
        if yaml.len() > DOCUMENT_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        // A document without content would be a network without anything, and most likely is a mistake.
        let read: Result<Option<Self>, _> =
            serde_saphyr::from_str_with_options(yaml, yaml_options());
        read.map_err(|e| Unreadable::Yaml(Box::new(e)))?
            .ok_or(Unreadable::Empty)
    }
}

/// A document of YAML is a tree, like one of JSON: an anchor that is used again and again would make a
/// short document long.
fn yaml_options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: NODES_MAX,
            max_events: NODES_MAX * 2,
            max_anchors: 0,
            max_aliases: 0,
            max_documents: 1,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
    }
}

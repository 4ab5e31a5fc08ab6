//! What is long: listeners in batches, documents in pieces.

use crate::{BATCH_MAX, DOCUMENT_BYTES_MAX, LISTENERS_MAX, Listener, Opened};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, os::fd::OwnedFd};

/// Bytes of a piece at most. Escaped as JSON it is at most six times as long, and a packet holds that.
const PIECE_BYTES_MAX: usize = 16 * 1024;

/// Some of a number of listeners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Counted from zero.
    pub number: u32,
    /// Whether it is the last one.
    pub last: bool,
    /// What the descriptors are, one for each, in their order.
    pub listeners: Vec<Listener>,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// Counted from zero.
    pub number: u32,
    /// Whether it is the last one.
    pub last: bool,
    /// The text.
    pub text: String,
}

impl Piece {
    pub(crate) fn is_bounded(&self) -> bool {
        self.text.len() <= PIECE_BYTES_MAX
    }
}

/// What came is not the next part, or is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfOrder {
    /// Another number than the next.
    #[error("part {got} came where part {expected} was due")]
    Number {
        /// The next.
        expected: u32,
        /// The one that came.
        got: u32,
    },
    /// Another number of descriptors than of listeners.
    #[error("{descriptors} descriptors came for {listeners} listeners")]
    Descriptors {
        /// How many came.
        descriptors: usize,
        /// How many were told of.
        listeners: usize,
    },
    /// More than there may be.
    #[error("more came than there may be")]
    TooMany,
    /// A part with nothing in it, and more to follow: such could go on for ever.
    #[error("part {0} is empty and not the last")]
    Empty(u32),
    /// A listener whose number another one has.
    #[error("two listeners have the number {0}")]
    Twice(u32),
}

/// Puts batches together.
#[derive(Debug, Default)]
pub struct Batches {
    expected: u32,
    opened: Vec<Opened>,
    ids: BTreeSet<u32>,
}

impl Batches {
    /// Takes the next batch with its descriptors; gives all of them with the last one, and begins anew.
    /// One that is refused is dropped whole, its descriptors are closed, and all that came before it with
    /// theirs.
    pub fn push(
        &mut self,
        batch: Batch,
        sockets: Vec<OwnedFd>,
    ) -> Result<Option<Vec<Opened>>, OutOfOrder> {
        let taken = self.take(batch, sockets);
        match taken {
            Ok(true) => Ok(Some(std::mem::take(self).opened)),
            Ok(false) => Ok(None),
            Err(refused) => {
                *self = Self::default();
                Err(refused)
            }
        }
    }

    /// Whether it was the last one.
    fn take(&mut self, batch: Batch, sockets: Vec<OwnedFd>) -> Result<bool, OutOfOrder> {
        let Batch {
            number,
            last,
            listeners,
        } = batch;
        if number != self.expected {
            let expected = self.expected;
            return Err(OutOfOrder::Number {
                expected,
                got: number,
            });
        }
        if sockets.len() != listeners.len() {
            return Err(OutOfOrder::Descriptors {
                descriptors: sockets.len(),
                listeners: listeners.len(),
            });
        }
        if listeners.is_empty() && !last {
            return Err(OutOfOrder::Empty(number));
        }
        if listeners.len() > BATCH_MAX || self.opened.len() + listeners.len() > LISTENERS_MAX {
            return Err(OutOfOrder::TooMany);
        }
        for (listener, socket) in listeners.into_iter().zip(sockets) {
            if !self.ids.insert(listener.id) {
                return Err(OutOfOrder::Twice(listener.id));
            }
            self.opened.push(Opened { listener, socket });
        }
        self.expected += 1;
        Ok(last)
    }
}

/// Puts pieces together.
#[derive(Debug, Default)]
pub struct Pieces {
    expected: u32,
    text: String,
}

impl Pieces {
    /// Takes the next piece; gives the document with the last one, and begins anew. With one that is
    /// refused, all that came before it is forgotten.
    pub fn push(&mut self, piece: &Piece) -> Result<Option<String>, OutOfOrder> {
        match self.take(piece) {
            Ok(true) => Ok(Some(std::mem::take(self).text)),
            Ok(false) => Ok(None),
            Err(refused) => {
                *self = Self::default();
                Err(refused)
            }
        }
    }

    /// Whether it was the last one.
    fn take(&mut self, piece: &Piece) -> Result<bool, OutOfOrder> {
        if piece.number != self.expected {
            let expected = self.expected;
            return Err(OutOfOrder::Number {
                expected,
                got: piece.number,
            });
        }
        if piece.text.is_empty() && !piece.last {
            return Err(OutOfOrder::Empty(piece.number));
        }
        if self.text.len() + piece.text.len() > DOCUMENT_BYTES_MAX {
            return Err(OutOfOrder::TooMany);
        }
        self.text.push_str(&piece.text);
        self.expected += 1;
        Ok(piece.last)
    }
}

/// Batches of these listeners, each with what stands behind it; one that is empty, of none.
pub fn batches<T>(all: &[(Listener, T)]) -> impl Iterator<Item = (Batch, &[(Listener, T)])> {
    let count = all.len().div_ceil(BATCH_MAX).max(1);
    (0..count).map(move |number| {
        let begin = number * BATCH_MAX;
        let part = &all[begin..all.len().min(begin + BATCH_MAX)];
        let batch = Batch {
            number: number as u32,
            last: number + 1 == count,
            listeners: part.iter().map(|(listener, _)| listener.clone()).collect(),
        };
        (batch, part)
    })
}

/// Pieces of a document; one that is empty, of an empty one.
pub fn pieces(document: &str) -> impl Iterator<Item = Piece> {
    let (mut rest, mut number, mut over) = (document, 0, false);
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let (now, later) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES_MAX));
        (rest, over) = (later, later.is_empty());
        let piece = Piece {
            number,
            last: over,
            text: now.to_owned(),
        };
        number += 1;
        Some(piece)
    })
}

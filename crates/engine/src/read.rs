//! Verified reads: from one copy, from the other if that is damaged, and then the damaged one is
//! made good.

use crate::{
    mirror::{DeviceSet, Mirror},
    stats::Counters,
};
use blockhouse_device::{AlignedBuf, BLOCK_BYTES, BufPool, Device};
use blockhouse_format::GroupId;
use blockhouse_store::StoreError;
use std::{cell::Cell, fmt::Display};

const BLOCK: u32 = BLOCK_BYTES as u32;

/// Bytes of a group to read: not necessarily whole blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) group: GroupId,
    pub(crate) offset_bytes: u32,
    pub(crate) len_bytes: u32,
}

impl Span {
    /// Where the covering blocks begin.
    fn start(&self) -> u32 {
        self.offset_bytes / BLOCK * BLOCK
    }

    /// Bytes of the first covering block before the span.
    pub(crate) fn skip(&self) -> usize {
        (self.offset_bytes - self.start()) as usize
    }

    fn covering_bytes(&self) -> usize {
        (self.skip() + self.len_bytes as usize).next_multiple_of(BLOCK_BYTES)
    }
}

/// The covering blocks of a span, whose span was verified.
#[derive(Debug)]
pub(crate) struct Covering {
    pub(crate) buf: AlignedBuf,
    pub(crate) span: Span,
}

impl Covering {
    /// The span's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        let skip = self.span.skip();
        self.buf
            .get(skip..skip + self.span.len_bytes as usize)
            .unwrap_or(&[])
    }
}

/// A copy that could not be used.
struct BadCopy {
    device: usize,
    why: String,
    /// What it holds, if it could be read at all.
    held: Option<AlignedBuf>,
}

/// One thread's way of reading.
pub(crate) struct Reading<'a, D> {
    pub(crate) buffers: &'a BufPool,
    pub(crate) counters: &'a Counters,
    pub(crate) mirror: &'a Mirror<D>,
    /// Which device is asked first; moves on with every read.
    pub(crate) turn: &'a Cell<usize>,
}

impl<D: Device> Reading<'_, D> {
    /// Reads a span that `verify` accepts, from whichever copy has it, and gives what that made of
    /// it. A copy that is not accepted is rewritten. `what` names the thing in errors.
    pub(crate) async fn span<T, E: Display>(
        &self,
        span: Span,
        what: &dyn Fn() -> String,
        verify: impl Fn(&[u8]) -> Result<T, E>,
    ) -> Result<(Covering, T), StoreError> {
        let mut bad: Vec<BadCopy> = Vec::new();
        for device in self.devices() {
            let buf = self.buffers.take(span.covering_bytes());
            let (read, buf) = self
                .mirror
                .read(device, span.group, span.start(), buf)
                .await;
            self.counters.reads.add(1);
            self.counters.read_bytes.add(buf.len() as u64);
            if let Err(error) = read {
                bad.push(BadCopy {
                    device,
                    why: error.to_string(),
                    held: None,
                });
                continue;
            }
            let covering = Covering { buf, span };
            match verify(covering.bytes()) {
                Ok(read) => {
                    self.mend(&bad, &covering).await;
                    return Ok((covering, read));
                }
                Err(why) => {
                    let (why, held) = (why.to_string(), Some(covering.buf));
                    bad.push(BadCopy { device, why, held });
                }
            }
        }
        Err(self.damaged(span, what, &bad))
    }

    /// The devices to ask, one after the other.
    fn devices(&self) -> impl Iterator<Item = usize> {
        let set: DeviceSet = self.mirror.in_sync();
        let first = self.turn.get() & 1;
        self.turn.set(first + 1);
        [first, 1 - first]
            .into_iter()
            .filter(move |device| set.contains(*device))
    }

    /// Makes the bad copies good. Only the span was verified: what else the blocks hold stays as
    /// the bad copy has it, because the good copy may be the bad one there.
    async fn mend(&self, bad: &[BadCopy], good: &Covering) {
        for copy in bad {
            let mut buf = self.buffers.take(good.buf.len());
            buf.copy_from_slice(copy.held.as_ref().unwrap_or(&good.buf));
            let skip = good.span.skip();
            if let Some(room) = buf.get_mut(skip..skip + good.bytes().len()) {
                room.copy_from_slice(good.bytes());
            }
            let device = self.mirror.name(copy.device);
            let mended = self
                .mirror
                .mend(copy.device, good.span.group, good.span.start(), buf)
                .await;
            let Span {
                group,
                offset_bytes,
                ..
            } = good.span;
            match mended {
                Ok(()) => {
                    self.counters.mended.add(1);
                    tracing::warn!(device, %group, offset_bytes, why = copy.why, "mended a damaged copy");
                }
                Err(error) => {
                    tracing::error!(device, %group, offset_bytes, %error, "a damaged copy stays damaged");
                }
            }
        }
    }

    fn damaged(&self, span: Span, what: &dyn Fn() -> String, bad: &[BadCopy]) -> StoreError {
        self.counters.damaged.add(1);
        let Span {
            group,
            offset_bytes,
            len_bytes,
        } = span;
        let mut text = format!(
            "{}, in group {group} at {offset_bytes}, {len_bytes} bytes",
            what()
        );
        for copy in bad {
            text.push_str(&format!(
                "; on {}: {}",
                self.mirror.name(copy.device),
                copy.why
            ));
        }
        tracing::error!(what = text, "damaged on every copy");
        let unreadable = !bad.is_empty() && bad.iter().all(|copy| copy.held.is_none());
        if unreadable {
            return StoreError::Device { what: text };
        }
        StoreError::Damaged { what: text }
    }
}

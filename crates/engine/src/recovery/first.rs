//! The last frame of the life before, and the first of this one.

use super::{Recovery, replay::LastFrame};
use crate::{error::OpenError, shared::Random, space::Purpose};
use blockhouse_device::{BLOCK_BYTES, Device};
use blockhouse_format::{
    GroupKind,
    frame::FrameBuilder,
    record::{Body, GroupChange, GroupEvent},
};
use blockhouse_types::Entropy;
use std::sync::Arc;

impl<D: Device> Recovery<D> {
    /// Writes the last frame again, to every mirror, and flushes. All frames before it were flushed
    /// before it was written; it itself may be on one mirror only, or in a cache.
    pub(super) async fn repeat(&mut self, last: Option<LastFrame>) -> Result<(), OpenError> {
        let set = self.mirror.in_sync();
        let outcome = match last {
            None => self.mirror.flush(set).await,
            Some(LastFrame {
                group,
                offset_bytes,
                bytes,
            }) => {
                let mut buf = self.buffers.take(bytes.len());
                buf.copy_from_slice(&bytes);
                self.mirror
                    .write_flush(set, group, offset_bytes, &Arc::new(buf))
                    .await
            }
        };
        self.settle(outcome).await
    }

    /// Writes a frame of this epoch behind it: the witness that the last one was durable, over
    /// whatever a torn frame left there.
    pub(super) async fn begin_epoch(&mut self, random: &mut Random) -> Result<(), OpenError> {
        let block = BLOCK_BYTES as u32;
        let end = self.layout.payload().end;
        if self.log.offset_bytes + block > end {
            let full = OpenError::AllFailed {
                why: "the log has no group to go on in".into(),
            };
            let (group, generation) = self.log.successor.ok_or(full)?;
            self.space.seal(self.log.group);
            self.log.move_to(group, generation, &self.layout);
        }
        let announced = match self.log.successor {
            Some(_) => None,
            None => self.space.take(Purpose::Log).ok(),
        };
        let (mut salt, mut buf) = ([0; 16], self.buffers.take(BLOCK_BYTES));
        random.fill(&mut salt);
        let mut frame = FrameBuilder::new(&mut buf, self.log.head(salt));
        let impossible = |_| OpenError::AllFailed {
            why: "a block has no room for a frame".into(),
        };
        frame.push(&Body::Tick).map_err(impossible)?;
        if let Some((group, generation)) = announced {
            let event = Body::GroupEvent(GroupEvent {
                change: GroupChange::Alloc,
                group,
                generation,
                kind: GroupKind::Log,
                members: self.layout.members(group).collect(),
            });
            frame.push(&event).map_err(impossible)?;
        }
        let built = frame.finish();
        buf.truncate(built.len_bytes);
        let (set, log) = (self.mirror.in_sync(), &self.log);
        let at = log.offset_bytes;
        let outcome = self
            .mirror
            .write_flush(set, log.group, at, &Arc::new(buf))
            .await;
        self.settle(outcome).await?;
        let first = self.log.lsn_next;
        self.log
            .advance(built.len_bytes, built.header_crc, built.lsn_next);
        self.space
            .note_lsns(self.log.group, first, self.log.durable());
        if announced.is_some() {
            self.log.successor = announced;
        }
        self.log.witnessed = true;
        Ok(())
    }
}

//! One frame, from the orders to the answers.

use super::{
    LogWriter, Running,
    judge::{Judge, Verdicts},
};
use crate::{
    catalog::is_copied,
    error::Refused,
    mirror::{DeviceSet, Outcome},
    order::Order,
    rows,
    space::Purpose,
    teeth::{self, Bug},
};
use blockhouse_device::{AlignedBuf, BLOCK_BYTES, Device};
use blockhouse_format::{
    GroupId, GroupKind, Lsn,
    frame::{Built, FRAME_RECORDS_MAX, FrameBuilder, HEADER_BYTES},
    record::{Body, GroupChange, GroupEvent},
};
use blockhouse_store::StoreError;
use blockhouse_types::Entropy;
use std::{
    future::Future,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
};

/// Rows applied under one hold of the index lock, at least.
const APPLY_ROWS: usize = 256;

/// Room for the announcement of a group in any frame, in bytes.
const ANNOUNCEMENT_BYTES: usize = 256;

/// A frame that is ready to be written.
struct Prepared {
    buf: AlignedBuf,
    built: Built,
    verdicts: Verdicts,
    announced: Option<(GroupId, blockhouse_format::Generation)>,
    is_tick: bool,
}

impl<L: Device> LogWriter<L> {
    /// Puts the order, and whatever else has arrived, into a frame, and answers when it is durable.
    pub(super) async fn commit(&mut self, first: Order, running: &mut Option<Running>) {
        // 1. Gather what fits into one frame.
        let batch = self.gather(first, running.is_some());
        if batch.is_empty() {
            return;
        }
        // 2. Judge it into a frame, at the end of the log or in the next group.
        let wanted = frame_bytes(batch.iter().map(Order::room_bytes).sum());
        if let Err(refused) = self.make_room(wanted, running).await {
            return batch.into_iter().for_each(|order| order.refuse(&refused));
        }
        let Some(prepared) = self.prepare(batch, wanted) else {
            return;
        };
        // 3. to 5.
        self.write_frame(prepared, running).await;
    }

    /// The first order and those waiting that fit into the same frame. An order that makes the
    /// store fuller, when it is full, waits for space or is refused here.
    fn gather(&mut self, first: Order, checkpointing: bool) -> Vec<Order> {
        let mut batch = Vec::new();
        let (mut room, mut next) = (self.frame_room(), Some(first));
        // One stays back for the announcement of a group.
        let mut records = FRAME_RECORDS_MAX as usize - 1;
        let full = self.shared.space.lock().is_full();
        let reclaim = full && (checkpointing || self.can_reclaim());
        while let Some(order) = next.take().or_else(|| self.take_waiting()) {
            if full && order.needs_space() {
                if reclaim {
                    self.park(order);
                } else {
                    order.refuse(&Refused::NoSpace);
                }
                continue;
            }
            let needed = order.room_bytes();
            let special = matches!(
                order,
                Order::DevicesFailed { .. }
                    | Order::WantSpace { .. }
                    | Order::Checkpoint { .. }
                    | Order::Shutdown { .. }
            );
            let fits = needed <= room && order.records() <= records;
            let waits = special || order.is_alone() || !fits;
            if !batch.is_empty() && waits {
                self.held.push_front(order);
                break;
            }
            room = room.saturating_sub(needed);
            records = records.saturating_sub(order.records());
            let alone = order.is_alone();
            batch.push(order);
            if alone || batch.len() >= self.shared.config.frame_records_max {
                break;
            }
        }
        batch
    }

    fn take_waiting(&mut self) -> Option<Order> {
        self.held
            .pop_front()
            .or_else(|| self.orders.try_recv().ok())
    }

    /// What the records of one frame may take, in bytes.
    fn frame_room(&self) -> usize {
        let max = self.shared.config.frame_bytes_max;
        max - (frame_bytes(0) + max / BLOCK_BYTES * 4)
    }

    /// Makes sure that the frame fits behind the log's end: moves on to the next group when it does
    /// not, or only barely would.
    async fn make_room(
        &mut self,
        wanted: usize,
        running: &mut Option<Running>,
    ) -> Result<(), Refused> {
        let wanted = wanted.min(self.shared.config.frame_bytes_max);
        if self.log.room_bytes(&self.shared.layout) >= wanted {
            return Ok(());
        }
        if self.log.successor.is_none() {
            self.announce(running).await?;
        }
        let (group, generation) = self.log.successor.ok_or(Refused::NoSpace)?;
        self.shared.space.lock().seal(self.log.group);
        self.log.move_to(group, generation, &self.shared.layout);
        Ok(())
    }

    /// Writes a frame into the last block of the group that only tells which group comes next. It
    /// is needed when no group was free while the group had room.
    async fn announce(&mut self, running: &mut Option<Running>) -> Result<(), Refused> {
        let end = self.shared.layout.payload().end;
        if self.log.offset_bytes + BLOCK_BYTES as u32 > end {
            return Err(Refused::NoSpace);
        }
        let mut buf = self.shared.buffers.take(BLOCK_BYTES);
        let salt = self.salt();
        let mut frame = FrameBuilder::new(&mut buf, self.log.head(salt));
        let taken = self.shared.space.lock().take(Purpose::Log);
        let next = taken.map_err(|_| Refused::NoSpace)?;
        let event = self.event_of(next);
        frame
            .push(&event)
            .map_err(|_| Refused::Busy("bytes of a log group"))?;
        let built = frame.finish();
        let verdicts = Verdicts {
            changes: rows::Changes::new(),
            control: Vec::new(),
            dues: Vec::new(),
            floor: self.log.floor,
        };
        let announced = Some(next);
        let prepared = Prepared {
            buf,
            built,
            verdicts,
            announced,
            is_tick: false,
        };
        self.write_frame(prepared, running).await;
        if self.is_closed() {
            Err(self.shared.closed())
        } else {
            Ok(())
        }
    }

    fn event_of(&self, (group, generation): (GroupId, blockhouse_format::Generation)) -> Body {
        Body::GroupEvent(GroupEvent {
            change: GroupChange::Alloc,
            group,
            generation,
            kind: GroupKind::Log,
            members: self.shared.layout.members(group).collect(),
        })
    }

    fn salt(&self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.shared.random.lock().fill(&mut salt);
        salt
    }

    /// Judges the orders into a frame. `None` when nothing is to be written: all were answered.
    fn prepare(&mut self, batch: Vec<Order>, wanted: usize) -> Option<Prepared> {
        let room = self.log.room_bytes(&self.shared.layout);
        let max = self.shared.config.frame_bytes_max.min(room);
        let mut buf = self.shared.buffers.take(wanted.min(max));
        let is_tick = batch
            .iter()
            .all(|order| matches!(order, Order::Tick { .. }));
        let announced = match self.log.successor {
            Some(_) => None,
            None => self.shared.space.lock().take(Purpose::Log).ok(),
        };
        let event = announced.map(|next| self.event_of(next));
        let salt = self.salt();
        let shared = Arc::clone(&self.shared);
        let (index, catalog) = (shared.index.read(), shared.catalog.read());
        let mut random = shared.random.lock();
        let frame = FrameBuilder::new(&mut buf, self.log.head(salt));
        let rows_max = shared.config.control_rows_max;
        let mut judge = Judge::new(
            frame,
            &index,
            &catalog,
            &mut random,
            self.log.floor,
            rows_max,
        );
        let mut event_pushed = true;
        if let Some(event) = &event {
            event_pushed = judge.push(event).is_ok();
        }
        debug_assert!(event_pushed, "an empty frame has room for an announcement");
        batch.into_iter().for_each(|order| judge.judge(order));
        let (frame, verdicts) = judge.finish();
        let built = (frame.records() > 0).then(|| frame.finish());
        drop((index, catalog, random));
        let Some(built) = built else {
            verdicts.dues.into_iter().for_each(|due| due(None));
            return None;
        };
        Some(Prepared {
            buf,
            built,
            verdicts,
            announced,
            is_tick,
        })
    }

    /// Writes the frame and makes it true.
    async fn write_frame(&mut self, prepared: Prepared, running: &mut Option<Running>) {
        let Prepared {
            mut buf,
            built,
            verdicts,
            announced,
            is_tick,
        } = prepared;
        let Verdicts {
            changes,
            control,
            dues,
            floor,
        } = verdicts;
        buf.truncate(built.len_bytes);
        let first = self.log.lsn_next;
        let mut dues = Some(dues);
        if teeth::bites(Bug::AckBeforeFlush) {
            self.apply(&changes, control.clone());
            dues.take().into_iter().flatten().for_each(|due| due(None));
        }
        // 3. Write and flush it on every device that is in sync.
        let outcome = self.put_on_devices(Arc::new(buf), running).await;
        if let Err(why) = self.settle(outcome).await {
            return dues.into_iter().flatten().for_each(|due| due(Some(&why)));
        }
        self.log
            .advance(built.len_bytes, built.header_crc, built.lsn_next);
        if announced.is_some() {
            self.log.successor = announced;
        }
        self.log.floor = floor;
        self.log.witnessed = is_tick;
        self.count(built.len_bytes, first);
        // 4. Make it true for everyone.
        self.shared
            .space
            .lock()
            .note_lsns(self.log.group, first, self.log.durable());
        self.shared
            .floor_ms
            .store(floor.millis(), Ordering::Release);
        if dues.is_some() && !self.apply(&changes, control) {
            let why = self.shared.closed().to_store();
            return dues.into_iter().flatten().for_each(|due| due(Some(&why)));
        }
        // 5. Answer.
        dues.into_iter().flatten().for_each(|due| due(None));
    }

    fn count(&self, len_bytes: usize, first: Lsn) {
        let counters = &self.shared.counters;
        counters.frames.add(1);
        counters.log_bytes.add(len_bytes as u64);
        counters.records.add(self.log.lsn_next.0 - first.0);
        counters.since_checkpoint_bytes.set(self.log.bytes);
        counters.since_checkpoint_records.set(self.log.records);
    }

    /// Writes and flushes while a checkpoint goes on beside it.
    async fn put_on_devices(&self, buf: Arc<AlignedBuf>, running: &mut Option<Running>) -> Outcome {
        let mut set = self.mirror.in_sync();
        if teeth::bites(Bug::OneMirrorOnly) {
            set = DeviceSet(set.0 & 1);
        }
        let (group, at) = (self.log.group, self.log.offset_bytes);
        let work = async {
            if teeth::bites(Bug::SkipLogFlush) {
                return self.mirror.write(set, group, at, &buf).await;
            }
            let outcome = self.mirror.write_flush(set, group, at, &buf).await;
            self.shared
                .counters
                .flushes
                .add(outcome.done.iter().count() as u64);
            outcome
        };
        beside(work, running).await
    }

    /// After a frame went to the devices: whether it may be acknowledged.
    async fn settle(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        if outcome.failed.is_empty() {
            return Ok(());
        }
        let why = outcome.error.unwrap_or_default();
        self.lose(outcome.failed, &why).await
    }

    /// Brings the frame's changes into index, group table and catalog. False when the store had to
    /// be closed, because memory is not what it should be.
    fn apply(
        &mut self,
        changes: &rows::Changes,
        control: Vec<blockhouse_format::record::Control>,
    ) -> bool {
        let mut failed = None;
        let mut rest = changes.iter().peekable();
        while rest.peek().is_some() && failed.is_none() {
            let mut index = self.shared.index.write();
            let mut space = self.shared.space.lock();
            let mut last: Option<&[u8]> = None;
            for applied in 0.. {
                let Some((key, value)) = rest.next_if(|(key, _)| {
                    applied < APPLY_ROWS || last.is_some_and(|last| same_key(last, key))
                }) else {
                    break;
                };
                last = Some(key);
                if let Err(bad) = rows::apply_one(&mut index, &mut space, key, value.as_deref()) {
                    failed = Some(bad.to_string());
                    break;
                }
            }
        }
        let mut catalog = self.shared.catalog.write();
        for change in &control {
            if let Err(error) = catalog.apply(change.clone()) {
                failed = Some(error.to_string());
            }
        }
        drop(catalog);
        let copied: Vec<_> = control
            .into_iter()
            .filter(|change| is_copied(change.table))
            .collect();
        if let Some(copy) = &self.shared.control
            && !copied.is_empty()
            && let Err(error) = copy.apply(self.log.durable(), &copied)
        {
            tracing::warn!(%error, "the copy of the control rows lacks a change");
        }
        let Some(why) = failed else { return true };
        tracing::error!(why, "a frame cannot be applied");
        self.close(&format!("a frame cannot be applied: {why}"));
        false
    }
}

/// Whether two rows belong to one object key, so that no reader may see one without the other.
fn same_key(a: &[u8], b: &[u8]) -> bool {
    let head = |row: &[u8]| row.len().saturating_sub(8);
    a.len() == b.len() && a[..head(a)] == b[..head(b)]
}

/// A frame's length when its records take `records_bytes`, in bytes: at least that.
fn frame_bytes(records_bytes: usize) -> usize {
    let bare = HEADER_BYTES + ANNOUNCEMENT_BYTES + records_bytes;
    let crcs = bare.div_ceil(BLOCK_BYTES) * 4 + 8;
    (bare + crcs).next_multiple_of(BLOCK_BYTES)
}

/// Waits for `work` while the checkpoint, if one is running, goes on. That it has ended is for the
/// writer's loop to see.
async fn beside<T>(work: impl Future<Output = T>, running: &mut Option<Running>) -> T {
    let mut work = pin!(work);
    let mut finished = None;
    let done = std::future::poll_fn(|cx| {
        if finished.is_none()
            && let Some(checkpoint) = running.as_mut()
            && let Poll::Ready(done) = checkpoint.as_mut().poll(cx)
        {
            finished = Some(done);
        }
        work.as_mut().poll(cx)
    })
    .await;
    if let Some(finished) = finished {
        *running = Some(Box::pin(std::future::ready(finished)));
    }
    done
}

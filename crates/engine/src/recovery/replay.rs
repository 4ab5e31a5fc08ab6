//! Replaying the log, and knowing its end.
//!
//! Only one frame is ever in flight, and each frame carries the highest position that was durable
//! when it was built. So a frame that cannot be read on any mirror is the torn end if no frame with
//! a later position, and none that calls this position durable, lies behind it in its group or in
//! the group that was announced to follow. If there is one, the frame had been acknowledged.
//!
//! The log may have left a group before its end (see [`crate::writer`]): when the group that follows
//! begins with exactly the frame that is due, the log went on there.

use super::Recovery;
use crate::{
    error::OpenError,
    rows::{self, At, Staged},
    teeth::{self, Bug},
};
use blockhouse_device::{AlignedBuf, BLOCK_BYTES, Device};
use blockhouse_format::{
    DecodeError, Generation, GroupId, GroupKind, GroupState,
    frame::{Frame, FrameHeader, FrameSite, FrameState},
    record::{Body, GroupChange},
};
use std::io;

const BLOCK: u32 = BLOCK_BYTES as u32;

/// Read at once when frames are looked for, in bytes.
const WINDOW_BYTES: usize = 1 << 20;

/// A frame of the log, and where it lies.
pub(super) struct LastFrame {
    pub(super) group: GroupId,
    pub(super) offset_bytes: u32,
    pub(super) bytes: Vec<u8>,
}

/// What was read of one device's copy of a group.
struct Window {
    device: usize,
    group: GroupId,
    start_bytes: u32,
    buf: AlignedBuf,
}

impl Window {
    fn from(&self, device: usize, group: GroupId, offset_bytes: u32) -> Option<&[u8]> {
        let same = self.device == device && self.group == group;
        let skip = offset_bytes
            .checked_sub(self.start_bytes)
            .filter(|_| same)?;
        self.buf
            .get(skip as usize..)
            .filter(|rest| !rest.is_empty())
    }
}

impl<D: Device> Recovery<D> {
    /// Replays the log behind the checkpoint to its end; gives its last frame, if there was one.
    pub(super) async fn replay(&mut self) -> Result<Option<LastFrame>, OpenError> {
        let (mut last, mut window): (Option<LastFrame>, Option<Window>) = (None, None);
        self.adopt_log_group(self.log.group, self.log.generation);
        if let Some((group, generation)) = self.log.successor {
            self.adopt_log_group(group, generation);
        }
        loop {
            let next = match self.in_successor(&mut window).await? {
                Some(bytes) => {
                    let (group, generation) = self.log.successor.unwrap_or_default();
                    self.space.seal(self.log.group);
                    self.log.move_to(group, generation, &self.layout);
                    Some(bytes)
                }
                None => self.due_frame(self.site(), &mut window).await?,
            };
            let Some(bytes) = next else { break };
            self.apply(&bytes)?;
            let len_bytes = bytes.len() as u32;
            let (group, offset_bytes) = (self.log.group, self.log.offset_bytes - len_bytes);
            last = Some(LastFrame {
                group,
                offset_bytes,
                bytes,
            });
        }
        self.judge_end().await?;
        let mut keep = vec![self.log.group];
        keep.extend(self.log.successor.map(|(group, _)| group));
        self.space.seal_all_but(&keep);
        Ok(last)
    }

    fn adopt_log_group(&mut self, group: GroupId, generation: Generation) {
        self.space
            .adopt(group, GroupKind::Log, generation, GroupState::Open);
    }

    fn site(&self) -> FrameSite {
        FrameSite {
            pool: self.log.pool,
            log: 0,
            group: self.log.group,
            generation: self.log.generation,
            offset_bytes: self.log.offset_bytes,
            epoch_max: self.log.epoch,
        }
    }

    fn successor_site(&self) -> Option<FrameSite> {
        let (group, generation) = self.log.successor?;
        let offset_bytes = self.layout.payload().start;
        Some(FrameSite {
            group,
            generation,
            offset_bytes,
            ..self.site()
        })
    }

    async fn in_successor(
        &self,
        window: &mut Option<Window>,
    ) -> Result<Option<Vec<u8>>, OpenError> {
        match self.successor_site() {
            None => Ok(None),
            Some(site) => self.due_frame(site, window).await,
        }
    }

    /// The frame that is due, if it lies at the site on some mirror. One mirror that can be read is
    /// enough to say that it does not, because an acknowledged frame lies on all of them; when none
    /// can be read, nobody knows, and that is an error.
    async fn due_frame(
        &self,
        site: FrameSite,
        window: &mut Option<Window>,
    ) -> Result<Option<Vec<u8>>, OpenError> {
        let (mut unreadable, mut readable) = (None, false);
        if site.offset_bytes >= self.layout.payload().end {
            return Ok(None);
        }
        for device in self.mirror.in_sync().iter() {
            match self.due_frame_on(device, &site, window).await {
                Ok(None) => readable = true,
                Ok(Some(bytes)) => return Ok(Some(bytes)),
                Err(source) => {
                    let name = self.mirror.name(device);
                    tracing::error!(device = name, error = %source, "the log cannot be read");
                    unreadable = Some((name.to_owned(), source));
                }
            }
        }
        match unreadable {
            Some((device, source)) if !readable => Err(OpenError::Device {
                device,
                what: "reading the log",
                source,
            }),
            _ => Ok(None),
        }
    }

    async fn due_frame_on(
        &self,
        device: usize,
        site: &FrameSite,
        window: &mut Option<Window>,
    ) -> io::Result<Option<Vec<u8>>> {
        let left = self.layout.payload().end - site.offset_bytes;
        let first = self.bytes_at(device, site, BLOCK_BYTES, window).await?;
        let Ok(header) = FrameHeader::peek(first) else {
            return Ok(None);
        };
        let due = site.owns(&header)
            && header.head.lsn_first == self.log.lsn_next
            && header.head.previous_crc == self.log.previous_crc
            && header.head.epoch >= self.epoch_seen
            && header.len_bytes <= left;
        if !due {
            return Ok(None);
        }
        let bytes = self
            .bytes_at(device, site, header.len_bytes as usize, window)
            .await?;
        match Frame::open(bytes, site) {
            FrameState::Valid(frame) => Ok(Some(frame.bytes().to_vec())),
            FrameState::Empty | FrameState::Invalid(_) => Ok(None),
        }
    }

    /// So many bytes of one device's copy, through the window.
    async fn bytes_at<'w>(
        &self,
        device: usize,
        site: &FrameSite,
        len_bytes: usize,
        window: &'w mut Option<Window>,
    ) -> io::Result<&'w [u8]> {
        let (group, at) = (site.group, site.offset_bytes);
        let there = window.as_ref().and_then(|w| w.from(device, group, at));
        if there.is_none_or(|bytes| bytes.len() < len_bytes) {
            let left = (self.layout.payload().end - at) as usize;
            let buf = self.buffers.take(len_bytes.max(WINDOW_BYTES).min(left));
            let (read, buf) = self.mirror.read(device, group, at, buf).await;
            let buf = match read {
                Ok(()) => buf,
                // What cannot be read may lie behind what is asked for.
                Err(_) => {
                    let buf = self.buffers.take(len_bytes.min(left));
                    let (read, buf) = self.mirror.read(device, group, at, buf).await;
                    read?;
                    buf
                }
            };
            *window = Some(Window {
                device,
                group,
                start_bytes: at,
                buf,
            });
        }
        let bytes = window.as_ref().and_then(|w| w.from(device, group, at));
        let short = || io::Error::new(io::ErrorKind::UnexpectedEof, "the group ends");
        bytes
            .and_then(|bytes| bytes.get(..len_bytes))
            .ok_or_else(short)
    }

    /// Makes one frame true.
    fn apply(&mut self, bytes: &[u8]) -> Result<(), OpenError> {
        let lsn = self.log.lsn_next;
        let bad = |why: String| OpenError::Record { lsn, why };
        let site = self.site();
        let FrameState::Valid(frame) = Frame::open(bytes, &site) else {
            return Err(bad("the frame changed while it was read".into()));
        };
        let header = *frame.header();
        let mut control = Vec::new();
        let mut announced = self.log.successor;
        let changes = {
            let mut staged = Staged::new(&self.index);
            for record in frame.records() {
                let record = record.map_err(|error| bad(error.to_string()))?;
                let at = At {
                    place: record.place,
                    inline: record.inline,
                };
                staged
                    .stage(&record.body, &at)
                    .map_err(|error| bad(error.to_string()))?;
                match record.body {
                    Body::Control(change) => control.push(change),
                    Body::GroupEvent(event)
                        if event.change == GroupChange::Alloc && event.kind == GroupKind::Log =>
                    {
                        announced = Some((event.group, event.generation));
                    }
                    _ => {}
                }
            }
            staged.into_changes()
        };
        rows::apply(&mut self.index, &mut self.space, &changes)
            .map_err(|error| bad(error.to_string()))?;
        for change in control {
            self.catalog
                .apply(change)
                .map_err(|error: DecodeError| bad(error.to_string()))?;
        }
        if announced != self.log.successor
            && let Some((group, generation)) = announced
        {
            self.adopt_log_group(group, generation);
        }
        self.log.successor = announced;
        self.epoch_seen = header.head.epoch;
        self.log.floor = self.log.floor.max(header.head.time_floor);
        self.log.advance(bytes.len(), header.crc, header.lsn_next());
        self.space
            .note_lsns(self.log.group, header.head.lsn_first, self.log.durable());
        self.counters.replayed_bytes.add(bytes.len() as u64);
        self.counters
            .replayed_records
            .add(u64::from(header.records));
        Ok(())
    }

    /// Whether the place where the next frame should be is the end of the log. It is not if any
    /// frame behind it shows that a frame had been durable there.
    async fn judge_end(&mut self) -> Result<(), OpenError> {
        if teeth::bites(Bug::CorruptionIsTornTail) {
            return Ok(());
        }
        let sites = [Some(self.site()), self.successor_site()];
        for site in sites.into_iter().flatten() {
            let (mut unreadable, mut readable) = (None, false);
            for device in self.mirror.in_sync().iter() {
                match self.look_behind(device, site).await {
                    Ok(()) => readable = true,
                    Err(error @ OpenError::Device { .. }) => unreadable = Some(error),
                    Err(damaged) => return Err(damaged),
                }
            }
            if let Some(error) = unreadable
                && !readable
            {
                return Err(error);
            }
        }
        Ok(())
    }

    async fn look_behind(&self, device: usize, mut site: FrameSite) -> Result<(), OpenError> {
        let (mut window, end) = (None, self.layout.payload().end);
        let due = self.log.lsn_next;
        while site.offset_bytes < end {
            let block = self.bytes_at(device, &site, BLOCK_BYTES, &mut window).await;
            let block = block.map_err(|source| OpenError::Device {
                device: self.mirror.name(device).to_owned(),
                what: "looking for frames behind the log's end",
                source,
            })?;
            if let Ok(header) = FrameHeader::peek(block)
                && site.owns(&header)
                && header.head.offset_bytes == site.offset_bytes
                && (header.head.lsn_first > due || header.head.durable_lsn >= due)
            {
                let FrameSite {
                    group,
                    offset_bytes,
                    ..
                } = self.site();
                return Err(OpenError::LogDamaged {
                    lsn: due,
                    place: format!("group {group} at {offset_bytes}"),
                    why: format!(
                        "a frame with lsn {} lies in group {} at {} of {}, and says that {} was durable",
                        header.head.lsn_first,
                        site.group,
                        site.offset_bytes,
                        self.mirror.name(device),
                        header.head.durable_lsn,
                    ),
                });
            }
            site.offset_bytes += BLOCK;
        }
        Ok(())
    }
}

//! Walking the log: frame after frame, on every mirror.
//!
//! The log goes on directly behind a frame, or at the start of the successor, a group that an
//! earlier frame of the same group has named. The successor is asked first: when a flush failed, the
//! last frame was written once more at the successor's start, and that is the copy that counts.

use crate::pool::{Image, Piece, Pool};
use crate::report::Report;
use blockhouse_format::frame::{Frame, FrameHeader, FrameSite, FrameState};
use blockhouse_format::record::{Body, GroupChange};
use blockhouse_format::{BLOCK_BYTES, GroupKind, LogPosition, Lsn};
use std::path::PathBuf;

/// Where the walk stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub(crate) log: LogPosition,
    /// The next frame's first record.
    pub(crate) lsn: Lsn,
}

/// A mirror that does not have a frame which another one has whole.
#[derive(Debug)]
pub(crate) struct Lagging {
    pub(crate) path: PathBuf,
    pub(crate) frame: Piece,
    text: String,
}

/// Where the log ends.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) position: Position,
    /// The mirrors that lack the last frame.
    pub(crate) lagging: Vec<Lagging>,
}

/// Walks the log from `start`, shows each frame in order, and gives its end.
pub(crate) fn walk<'o>(
    pool: &Pool<'_>,
    start: Position,
    report: &mut Report<'o>,
    show: &mut dyn FnMut(&Frame<'_>, &mut Report<'o>),
) -> End {
    let mut at = start;
    // The last frame's place, and the mirrors that lack it.
    let mut last: Option<(Position, Vec<Lagging>)> = None;
    let witness = loop {
        at = moved_on(pool, at);
        let Some((bytes, lagging)) = find(pool, &at) else {
            let witness = later_frame(pool, &at);
            // A running node may have written on between the two looks.
            if witness.is_some() && find(pool, &at).is_some() {
                continue;
            }
            break witness;
        };
        let FrameState::Valid(frame) = Frame::open(&bytes, &site(pool, &at)) else {
            break None;
        };
        if let Some((place, lagging)) = last.replace((at, lagging)) {
            report_lagging(pool, &place, &lagging, report);
        }
        show(&frame, report);
        at = behind(&at, &frame);
    };
    let lagging = last.map(|(_, lagging)| lagging).unwrap_or_default();
    for lag in &lagging {
        report.note(format_args!(
            "{}; it is the last frame, recovery copies it",
            lag.text
        ));
    }
    match witness {
        Some(witness) => report_break(&at, &witness, report),
        None => note_torn(pool, &at, report),
    }
    End {
        position: at,
        lagging,
    }
}

/// Whether the log goes on where it ended.
pub(crate) fn goes_on(pool: &Pool<'_>, end: &Position) -> bool {
    find(pool, &moved_on(pool, *end)).is_some()
}

/// The successor's start, if the log went on there.
fn moved_on(pool: &Pool<'_>, at: Position) -> Position {
    let Some((group, generation)) = at.log.successor else {
        return at;
    };
    let offset_bytes = pool.geometry().payload().start;
    let log = LogPosition {
        group,
        generation,
        offset_bytes,
        successor: None,
        ..at.log
    };
    let moved = Position { log, ..at };
    if find(pool, &moved).is_some() {
        moved
    } else {
        at
    }
}

/// A frame that one mirror lacks is a crash's trace if it is the last, and damage if it is not; but a
/// running node may only have been about to write it.
fn report_lagging(pool: &Pool<'_>, at: &Position, before: &[Lagging], report: &mut Report<'_>) {
    if before.is_empty() {
        return;
    }
    for lag in find(pool, at)
        .map(|(_, lagging)| lagging)
        .unwrap_or_default()
    {
        report.damage(lag.text);
    }
}

fn site(pool: &Pool<'_>, at: &Position) -> FrameSite {
    FrameSite {
        pool: pool.superblock.pool,
        log: 0,
        group: at.log.group,
        generation: at.log.generation,
        offset_bytes: at.log.offset_bytes,
        epoch_max: pool.superblock.epoch,
    }
}

/// The position behind a frame.
fn behind(at: &Position, frame: &Frame<'_>) -> Position {
    let header = frame.header();
    let mut log = at.log;
    log.offset_bytes = log.offset_bytes.saturating_add(header.len_bytes);
    log.previous_crc = header.crc;
    for record in frame.records().flatten() {
        if let Body::GroupEvent(event) = record.body
            && event.change == GroupChange::Alloc
            && event.kind == GroupKind::Log
            && event.group != log.group
        {
            log.successor = Some((event.group, event.generation));
        }
    }
    Position {
        log,
        lsn: header.lsn_next(),
    }
}

/// The frame that continues the log at this place, from the first mirror that has it whole; and what
/// is wrong with it on the others.
fn find(pool: &Pool<'_>, at: &Position) -> Option<(Vec<u8>, Vec<Lagging>)> {
    let site = site(pool, at);
    let copies = frame_bytes(pool, &site);
    let whole = copies
        .iter()
        .find_map(|(_, bytes)| match Frame::open(bytes, &site) {
            FrameState::Valid(frame) if continues(frame.header(), at) => {
                Some(frame.bytes().to_vec())
            }
            _ => None,
        })?;
    let mut lagging = Vec::new();
    for (image, bytes) in copies {
        let why = match Frame::open(&bytes, &site) {
            FrameState::Valid(frame) if frame.bytes() == whole => continue,
            FrameState::Valid(_) => "it differs from its mirror".to_owned(),
            FrameState::Invalid(damage) => damage.why.to_string(),
            FrameState::Empty => "it is not there".to_owned(),
        };
        let (lsn, len_bytes) = (at.lsn, whole.len() as u32);
        let frame = Piece {
            group: site.group,
            offset_bytes: site.offset_bytes,
            len_bytes,
        };
        let text = format!("frame at lsn {lsn}: {} {frame}: {why}", image.name());
        lagging.push(Lagging {
            path: image.path.clone(),
            frame,
            text,
        });
    }
    Some((whole, lagging))
}

fn continues(header: &FrameHeader, at: &Position) -> bool {
    header.head.lsn_first == at.lsn && header.head.previous_crc == at.log.previous_crc
}

/// What each mirror has at the place: the whole frame if its header promises one, else a block.
fn frame_bytes<'i>(pool: &Pool<'i>, site: &FrameSite) -> Vec<(&'i Image, Vec<u8>)> {
    let piece = |len_bytes| Piece {
        group: site.group,
        offset_bytes: site.offset_bytes,
        len_bytes,
    };
    let blocks = pool.read(piece(BLOCK_BYTES as u32));
    let longest = blocks.iter().filter_map(|(_, block)| {
        let header = FrameHeader::peek(block.as_ref().ok()?).ok()?;
        site.owns(&header).then_some(header.len_bytes)
    });
    let whole = match longest.max() {
        Some(len_bytes) if len_bytes > BLOCK_BYTES as u32 => pool.read(piece(len_bytes)),
        _ => blocks,
    };
    // A mirror that cannot be read has nothing.
    whole
        .into_iter()
        .map(|(image, bytes)| (image, bytes.unwrap_or_default()))
        .collect()
}

/// A frame with a later position behind the end, in its group or in the successor, or one that says
/// that what is missing was durable: by it, the end of the log is told from damage.
fn later_frame(pool: &Pool<'_>, end: &Position) -> Option<FrameHeader> {
    let successor = end.log.successor.map(|(group, generation)| {
        let offset_bytes = pool.geometry().payload().start;
        LogPosition {
            group,
            generation,
            offset_bytes,
            ..end.log
        }
    });
    let places = std::iter::once(end.log).chain(successor);
    places
        .map(|log| Position { log, ..*end })
        .find_map(|at| witness(pool, &at))
}

fn report_break(end: &Position, witness: &FrameHeader, report: &mut Report<'_>) {
    let (lsn, later) = (end.lsn, witness.head.lsn_first);
    let (group, offset) = (witness.head.group, witness.head.offset_bytes);
    report.damage(format_args!(
        "the log breaks at lsn {lsn} (group {} offset {}), but goes on with lsn {later} in group \
         {group} offset {offset}: acknowledged writes are missing",
        end.log.group, end.log.offset_bytes,
    ));
}

fn note_torn(pool: &Pool<'_>, end: &Position, report: &mut Report<'_>) {
    let site = site(pool, end);
    let torn = frame_bytes(pool, &site)
        .into_iter()
        .any(|(_, bytes)| matches!(Frame::open(&bytes, &site), FrameState::Invalid(_)));
    if torn {
        report.note(format_args!(
            "a torn frame at lsn {} ends the log: a write that was never acknowledged, or one \
             that a running node is writing",
            end.lsn
        ));
    }
}

/// The first header at or behind the place that tells of later positions.
fn witness(pool: &Pool<'_>, at: &Position) -> Option<FrameHeader> {
    let end = pool.geometry().payload().end;
    let rest = Piece {
        group: at.log.group,
        offset_bytes: at.log.offset_bytes,
        len_bytes: end.saturating_sub(at.log.offset_bytes),
    };
    for (_, bytes) in pool.read(rest) {
        let mut site = site(pool, at);
        for block in bytes.unwrap_or_default().chunks(BLOCK_BYTES) {
            let header = FrameHeader::peek(block).ok().filter(|header| {
                let head = &header.head;
                let here = site.owns(header) && head.offset_bytes == site.offset_bytes;
                here && head.epoch <= site.epoch_max
                    && (head.lsn_first > at.lsn || head.durable_lsn >= at.lsn)
            });
            if header.is_some() {
                return header;
            }
            site = site.next_block();
        }
    }
    None
}

//! The check of everything.

use crate::log::{self, End, Position};
use crate::pool::{Image, Pool, open_images};
use crate::report::{Report, Verdict};
use crate::state::State;
use crate::{rows, space, state};
use anyhow::Result;
use blockhouse_format::{CheckpointRoot, Generation, GroupId, LogPosition, Lsn};
use std::{io::Write, path::PathBuf};

/// Checks the devices that `paths` name, opened read-only: every superblock copy, the newest
/// checkpoint down to its last section, every frame of the log behind it, every row of the index
/// with its record, and every byte of every object on every mirror. Says so line by line on `out`.
/// What a checkpoint covers and no row refers to any more is not looked at.
///
/// A node may be running on them. What it changes meanwhile can look like damage; then the verdict
/// is [`Verdict::Unable`].
pub fn fsck(paths: &[PathBuf], out: &mut dyn Write) -> Result<Verdict> {
    let images = open_images(paths)?;
    let mut report = Report::new(out);
    let verdict = check(paths, &images, &mut report)?;
    report.end()?;
    Ok(verdict)
}

fn check(paths: &[PathBuf], images: &[Image], report: &mut Report<'_>) -> Result<Verdict> {
    images.iter().for_each(|image| check_copies(image, report));
    let Some(mut pool) = Pool::assemble(images, report) else {
        report.line("no superblock can be read: this is no pool, or one that is lost");
        return Ok(Verdict::Unable);
    };
    say_pool(&pool, report);
    let Some((state, position)) = check_checkpoint(&pool, report) else {
        report.line("no checkpoint can be read: nothing more can be told");
        return Ok(Verdict::Damaged);
    };
    let (state, end, records) = check_log(&pool, state, position, report);
    pool.excuse(end.lagging);
    space::check_claims(&state, report);
    let counts = rows::check(&pool, &state, report);
    report.line(format_args!(
        "checked at lsn {} ({records} records from the log): {} buckets, {} objects, {} \
         delete markers, {} uploads, {} parts, {} bytes",
        state.lsn,
        counts.buckets,
        counts.objects,
        counts.delete_markers,
        counts.uploads,
        counts.parts,
        counts.bytes
    ));
    verdict(paths, &pool, end.position, report)
}

fn check_copies(image: &Image, report: &mut Report<'_>) {
    // A change is made in two halves, so a power cut can tear one half of a pool that is not closed.
    let open = image
        .chosen
        .as_ref()
        .is_ok_and(|superblock| !superblock.clean);
    let (first, second) = image.copies.split_at(image.copies.len() / 2);
    let half_whole = [first, second]
        .iter()
        .any(|half| half.iter().all(Result::is_ok));
    for (number, copy) in image.copies.iter().enumerate() {
        let name = format!("superblock copy {number} of {}", image.name());
        match copy {
            Err(error) if open && half_whole => report.note(format_args!(
                "{name}: {error}: a change broke off there, or it is damaged; the next one mends it"
            )),
            Err(error) => report.damage(format_args!("{name}: {error}")),
            Ok(copy) if image.chosen.as_ref().is_ok_and(|chosen| chosen != copy) => {
                report.note(format_args!(
                    "{name} has sequence {}: a change broke off, or a running node is making one",
                    copy.sequence
                ));
            }
            Ok(_) => {}
        }
    }
    if let Err(error) = &image.chosen {
        report.damage(format_args!("{}: {error}", image.name()));
    }
}

fn say_pool(pool: &Pool<'_>, report: &mut Report<'_>) {
    let superblock = &pool.superblock;
    report.line(format_args!(
        "pool {}, {} devices, epoch {}, superblock sequence {}",
        superblock.pool,
        superblock.devices.len(),
        superblock.epoch,
        superblock.sequence
    ));
    for device in pool.missing() {
        report.damage(format_args!(
            "device {device} of the pool is in sync, but not here"
        ));
    }
    if !superblock.clean {
        report.note("the pool is not closed: a node is running on it, or it stopped without order");
    }
}

/// Checks the newest checkpoint, and gives its state and where the log goes on. A pool that has none
/// is empty, and its log begins at the first place there is.
fn check_checkpoint(pool: &Pool<'_>, report: &mut Report<'_>) -> Option<(State, Position)> {
    let slots = pool.superblock.checkpoints();
    if slots.is_empty() {
        report.line("no checkpoint yet: everything is in the log");
        return Some((State::default(), log_begin(pool)));
    }
    // The older one is what a damaged newer one falls back to; it is not checked for itself, since
    // its groups may have been given again.
    let root = slots
        .iter()
        .find_map(|slot| state::root(pool, slot, report))?;
    let state = state::load(pool, &root, report);
    report.line(format_args!(
        "checkpoint at lsn {}: {} groups, {} control rows, {} index rows",
        root.lsn,
        state.groups.len(),
        state.control.len(),
        state.index.len()
    ));
    space::check_table(&state, report);
    Some((state, log_position(&root)))
}

/// Where the log goes on behind a checkpoint.
pub(crate) fn log_position(root: &CheckpointRoot) -> Position {
    Position {
        log: root.log,
        lsn: root.lsn.plus(1),
    }
}

/// Where the log of a pool without a checkpoint begins.
pub(crate) fn log_begin(pool: &Pool<'_>) -> Position {
    let log = LogPosition {
        group: GroupId(0),
        generation: Generation(1),
        offset_bytes: pool.geometry().payload().start,
        previous_crc: 0,
        successor: None,
    };
    Position { log, lsn: Lsn(1) }
}

/// Checks the log and applies it. Gives the state at its end, the end, and how many records it has.
fn check_log(
    pool: &Pool<'_>,
    mut state: State,
    from: Position,
    report: &mut Report<'_>,
) -> (State, End, u64) {
    let mut records = 0;
    let end = log::walk(pool, from, report, &mut |frame, report| {
        for (nth, record) in (0..).zip(frame.records()) {
            let lsn = frame.header().head.lsn_first.plus(nth);
            let applied = match &record {
                Ok(record) => state.replay(record).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = applied {
                report.damage(format_args!("record at lsn {lsn}: {error}"));
            }
            records += 1;
        }
    });
    (state, end, records)
}

/// What was found, unless the pool changed while it was looked at.
fn verdict(
    paths: &[PathBuf],
    pool: &Pool<'_>,
    end: Position,
    report: &mut Report<'_>,
) -> Result<Verdict> {
    let damages = report.damages();
    if damages == 0 {
        report.line(format_args!("clean: the log ends before lsn {}", end.lsn));
        return Ok(Verdict::Clean);
    }
    let now = open_images(paths)?;
    let newest = now
        .iter()
        .filter_map(Image::superblock)
        .map(|s| s.sequence)
        .max();
    if newest.is_some_and(|sequence| sequence != pool.superblock.sequence)
        || log::goes_on(pool, &end)
    {
        report.line(format_args!(
            "{damages} findings, but a node is running and the pool changed meanwhile: check again, \
             or stop the node first"
        ));
        return Ok(Verdict::Unable);
    }
    report.line(format_args!("{damages} findings"));
    Ok(Verdict::Damaged)
}

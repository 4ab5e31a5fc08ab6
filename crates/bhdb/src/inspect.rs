//! Printing what is there.

use crate::fsck::{log_begin, log_position};
use crate::log::{self, Position};
use crate::pool::{Image, Pool, open_images};
use crate::report::{Report, Verdict};
use crate::rows;
use crate::show::{EntryLine, RecordLine, RowName};
use crate::state::{self, State};
use anyhow::Result;
use blockhouse_format::entry::{self, Entry};
use blockhouse_format::{GroupState, Superblock};
use std::{io::Write, path::PathBuf};

/// Prints what lies on the devices that `paths` name, opened read-only: superblocks, group table,
/// the log behind the newest checkpoint, control and index rows; of each table and of the frames at
/// most `rows_max`. Each part says which truth it shows. An error is printed where it is met, and the
/// rest goes on; the verdict is [`Verdict::Damaged`] if there was one.
///
/// A node may be running on them.
pub fn inspect(paths: &[PathBuf], rows_max: usize, out: &mut dyn Write) -> Result<Verdict> {
    let images = open_images(paths)?;
    let mut report = Report::new(out);
    report.line("read-only, without a lock: a node that is running may be ahead of what is shown");
    images
        .iter()
        .for_each(|image| show_image(image, &mut report));
    let verdict = match Pool::assemble(&images, &mut report) {
        Some(pool) => {
            show_pool(&pool, rows_max, &mut report);
            if report.damages() == 0 {
                Verdict::Clean
            } else {
                Verdict::Damaged
            }
        }
        None => Verdict::Unable,
    };
    report.end()?;
    Ok(verdict)
}

fn show_image(image: &Image, report: &mut Report<'_>) {
    report.line(format_args!(
        "\n# {} ({} bytes)",
        image.name(),
        image.len_bytes()
    ));
    for (number, copy) in image.copies.iter().enumerate() {
        match copy {
            Ok(copy) => report.line(format_args!(
                "superblock copy {number}: sequence {}",
                copy.sequence
            )),
            Err(error) => report.damage(format_args!("superblock copy {number}: {error}")),
        }
    }
    match (&image.chosen, image.superblock()) {
        (Ok(chosen), _) => show_superblock(chosen, "as two copies agree", report),
        (Err(error), Some(single)) => {
            report.damage(error);
            show_superblock(single, "as a single copy says", report);
        }
        (Err(error), None) => report.damage(error),
    }
}

fn show_superblock(superblock: &Superblock, truth: &str, report: &mut Report<'_>) {
    let limits = &superblock.limits;
    report.line(format_args!(
        "superblock, {truth}: pool {}, device {}, epoch {}, {}, time floor {:?}",
        superblock.pool,
        superblock.device,
        superblock.epoch,
        if superblock.clean {
            "closed in order"
        } else {
            "not closed"
        },
        superblock.time_floor
    ));
    report.line(format_args!(
        "  segments of {} bytes, inline up to {}, frames up to {} bytes and {} records",
        limits.segment_bytes,
        limits.inline_bytes_max,
        limits.frame_bytes_max,
        limits.frame_records_max
    ));
    for (number, row) in superblock.devices.iter().enumerate() {
        let (id, len_bytes, state) = (row.id, row.len_bytes, row.state);
        report.line(format_args!(
            "  device {number}: {id}, {len_bytes} bytes, {state:?}"
        ));
    }
    for (name, slot) in ["A", "B"].iter().zip(&superblock.slots) {
        match slot {
            Some(slot) => report.line(format_args!(
                "  checkpoint {name}: lsn {}, root at group {} offset {}, {} bytes",
                slot.lsn, slot.group, slot.offset_bytes, slot.len_bytes
            )),
            None => report.line(format_args!("  checkpoint {name}: none")),
        }
    }
}

fn show_pool(pool: &Pool<'_>, rows_max: usize, report: &mut Report<'_>) {
    let slots = pool.superblock.checkpoints();
    let root = slots
        .iter()
        .find_map(|slot| state::root(pool, slot, report));
    let (mut state, from) = match &root {
        Some(root) => (state::load(pool, root, report), log_position(root)),
        None => (State::default(), log_begin(pool)),
    };
    report.line(format_args!(
        "\n# group table, as the checkpoint at lsn {} says",
        state.lsn
    ));
    show_groups(&state, report);
    report.line(format_args!(
        "\n# log, as frames on the devices say, behind lsn {}, from group {} offset {}",
        state.lsn, from.log.group, from.log.offset_bytes
    ));
    show_log(pool, &mut state, from, rows_max, report);
    report.line(format_args!(
        "\n# buckets at lsn {}, checkpoint and log together",
        state.lsn
    ));
    let buckets = rows::buckets(&state.control, report);
    for (id, row) in buckets.iter().take(rows_max) {
        report.line(format_args!(
            "#{} {}: owner {}, made {:?}, {:?}, {} documents",
            id.0,
            row.name,
            row.owner,
            row.created,
            row.versioning,
            row.documents.len()
        ));
    }
    say_rest(buckets.len(), rows_max, report);
    report.line(format_args!(
        "\n# index at lsn {}, checkpoint and log together",
        state.lsn
    ));
    for (key, value) in state.index.iter().take(rows_max) {
        match (entry::parse_key(key), Entry::decode(value)) {
            (Ok(key), Ok(entry)) => {
                report.line(format_args!(
                    "{}: {}",
                    RowName(&key, &buckets),
                    EntryLine(&entry)
                ));
            }
            (Err(error), _) | (_, Err(error)) => report.damage(error),
        }
    }
    say_rest(state.index.len(), rows_max, report);
}

fn show_groups(state: &State, report: &mut Report<'_>) {
    if state.groups.is_empty() {
        return report.line("there is no checkpoint yet");
    }
    let used = |state| state != GroupState::Free;
    for (id, group) in state.groups.iter().filter(|(_, group)| used(group.state)) {
        report.line(format_args!(
            "group {id}: {:?} {:?}, generation {}, {} live bytes, lsn {} to {}",
            group.state,
            group.kind,
            group.generation,
            group.live_bytes,
            group.first_lsn,
            group.last_lsn
        ));
    }
    let free = state
        .groups
        .values()
        .filter(|group| !used(group.state))
        .count();
    report.line(format_args!("{free} groups free"));
}

fn show_log(
    pool: &Pool<'_>,
    state: &mut State,
    from: Position,
    frames_max: usize,
    report: &mut Report<'_>,
) {
    let mut frames = 0;
    let log::End { position: end, .. } = log::walk(pool, from, report, &mut |frame, report| {
        let header = frame.header();
        frames += 1;
        let shown = frames <= frames_max;
        if shown {
            report.line(format_args!(
                "frame at group {} offset {}: lsn {}, {} records, {} bytes, durable lsn {}, epoch {}",
                header.head.group,
                header.head.offset_bytes,
                header.head.lsn_first,
                header.records,
                header.len_bytes,
                header.head.durable_lsn,
                header.head.epoch
            ));
        }
        for record in frame.records() {
            match record {
                Ok(record) => {
                    if shown {
                        report.line(format_args!(
                            "  {}: {}",
                            record.lsn,
                            RecordLine(&record.body)
                        ));
                    }
                    if let Err(error) = state.replay(&record) {
                        report.damage(format_args!("record {}: {error}", record.lsn));
                    }
                }
                Err(error) => report.damage(format_args!("  {error}")),
            }
        }
    });
    say_rest(frames, frames_max, report);
    report.line(format_args!(
        "the log ends before lsn {}, at group {} offset {}",
        end.lsn, end.log.group, end.log.offset_bytes
    ));
}

fn say_rest(all: usize, shown: usize, report: &mut Report<'_>) {
    if all > shown {
        report.line(format_args!("... and {} more", all - shown));
    }
}

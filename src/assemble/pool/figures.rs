//! The engine's figures under their names in `/metrics`.

use crate::assemble::figures::{counter, gauge};
use blockhouse_engine::{ControlStats, EngineStats, SpaceStats};
use blockhouse_gateway::events::{Sample, SampleKind};

/// What the engine counts, as samples.
pub(crate) fn samples(stats: &EngineStats) -> Vec<Sample> {
    let mut samples = vec![
        counter("engine_frames", "Frames of the log written", stats.frames),
        counter("engine_records", "Records in them", stats.records),
        counter(
            "engine_log_bytes",
            "Bytes of frames, once and not per mirror",
            stats.log_bytes,
        ),
        counter(
            "engine_data_bytes",
            "Bytes of large bodies, once",
            stats.data_bytes,
        ),
        counter(
            "engine_checkpoint_bytes",
            "Bytes of checkpoints, once",
            stats.index_bytes,
        ),
        counter("engine_flushes", "Flushes of devices", stats.flushes),
        counter("engine_reads", "Reads of records and bodies", stats.reads),
        counter("engine_read_bytes", "Bytes of them", stats.read_bytes),
        counter(
            "engine_read_cache_hits",
            "Opened objects whose head, and a short body, were in memory",
            stats.cache_hits,
        ),
        counter(
            "engine_read_cache_piece_hits",
            "Pieces of bodies that were in memory",
            stats.cache_piece_hits,
        ),
        counter(
            "engine_copies_mended",
            "Damaged copies rewritten",
            stats.mended,
        ),
        counter(
            "engine_reads_damaged",
            "Reads that no copy could answer",
            stats.damaged,
        ),
        counter("engine_checkpoints", "Checkpoints made", stats.checkpoints),
        counter(
            "engine_checkpoints_failed",
            "Checkpoints failed",
            stats.checkpoints_failed,
        ),
        gauge(
            "engine_replay_bytes",
            "Log that a restart replays",
            stats.since_checkpoint_bytes,
        ),
        gauge(
            "engine_replay_records",
            "Records of it",
            stats.since_checkpoint_records,
        ),
        gauge(
            "engine_queue_orders",
            "Writes waiting for the log",
            stats.queue_orders as u64,
        ),
        gauge(
            "engine_bodies_bytes",
            "Bodies in memory on their way",
            stats.body_bytes as u64,
        ),
        gauge(
            "engine_index_rows",
            "Rows of the index",
            stats.index_rows as u64,
        ),
        gauge(
            "engine_index_bytes",
            "Memory of the index",
            stats.index_resident_bytes as u64,
        ),
        gauge(
            "engine_control_rows",
            "Rows of the control state",
            stats.control_rows as u64,
        ),
        gauge(
            "engine_closed",
            "1 when no more writes are taken",
            stats.closed.is_some().into(),
        ),
    ];
    samples.extend(stats.control_copy.iter().flat_map(control_copy));
    samples.extend(space(&stats.space));
    samples.extend(stats.devices.iter().map(|(name, in_sync)| Sample {
        name: "engine_device_in_sync",
        help: "1 when the device holds all that it should",
        kind: SampleKind::Gauge,
        labels: vec![("device", name.clone())],
        value: (*in_sync).into(),
    }));
    samples
}

/// The copy of the control state in sled: nothing depends on it, but a fault is worth a look.
fn control_copy(copy: &ControlStats) -> [Sample; 4] {
    [
        gauge(
            "engine_control_copy_serving",
            "1 when the copy of the control state answers",
            copy.serving.into(),
        ),
        gauge(
            "engine_control_copy_believed",
            "1 when the copy of the last run was taken over at the start",
            copy.believed.into(),
        ),
        counter(
            "engine_control_copy_rebuilds",
            "Times that the copy was made anew",
            copy.rebuilds.into(),
        ),
        counter(
            "engine_control_copy_faults",
            "Errors, panics and missed deadlines of the copy",
            copy.faults.into(),
        ),
    ]
}

/// Space returns only when a whole group is dead: what is dead and not free is worth a look.
fn space(space: &SpaceStats) -> Vec<Sample> {
    let mut samples = vec![
        gauge(
            "engine_space_live_bytes",
            "Bytes that something refers to",
            space.live_bytes,
        ),
        gauge(
            "engine_space_dead_bytes",
            "Bytes that nothing refers to, in groups that are not wholly dead",
            space.dead_bytes,
        ),
        gauge(
            "engine_space_free_bytes",
            "Bytes in free groups",
            space.free_bytes,
        ),
        gauge(
            "engine_group_bytes",
            "Bytes of one group",
            space.group_bytes,
        ),
    ];
    let groups = [
        ("free", space.groups_free),
        ("freeing", space.groups_freeing),
        ("open", space.groups_open),
        ("sealed", space.groups_sealed),
        ("reserved", space.groups_reserved),
    ];
    samples.extend(groups.map(|(state, count)| Sample {
        name: "engine_groups",
        help: "Groups by state; the reserved ones are among the free",
        kind: SampleKind::Gauge,
        labels: vec![("state", state.to_owned())],
        value: count.into(),
    }));
    samples
}

//! Checking that space is accounted for: what rows refer to is what groups say is alive, in groups
//! that are in use, and nothing is claimed twice.

use crate::report::Report;
use crate::state::{State, Table};
use blockhouse_format::entry::Entry;
use blockhouse_format::{ExtentForm, Generation, GroupId, GroupKind, GroupState};
use std::collections::BTreeMap;

/// Compares the group table of a checkpoint with the references of its rows.
pub(crate) fn check_table(state: &State, report: &mut Report<'_>) {
    let mut live: BTreeMap<GroupId, u64> = BTreeMap::new();
    for entry in entries(&state.index) {
        for reference in entry.references() {
            *live.entry(reference.group).or_default() += reference.len_bytes;
            let group = state.groups.get(&reference.group);
            let generation = group.map(|group| group.generation);
            if generation != Some(reference.generation) {
                report.damage(format_args!(
                    "a row refers to group {} of generation {}, but the group table has {:?}",
                    reference.group, reference.generation, generation
                ));
            }
        }
    }
    for (id, group) in &state.groups {
        let referred = live.get(id).copied().unwrap_or(0);
        let in_use = matches!(group.state, GroupState::Open | GroupState::Sealed);
        if referred > 0 && !in_use {
            report.damage(format_args!(
                "group {id} is {:?} but rows refer to {referred} bytes in it",
                group.state
            ));
        }
        if group.kind != GroupKind::Index && group.live_bytes != referred {
            report.damage(format_args!(
                "group {id} counts {} live bytes, but rows refer to {referred}",
                group.live_bytes
            ));
        }
    }
}

/// A claim of bytes in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    group: GroupId,
    offset_bytes: u64,
    end_bytes: u64,
    generation: Generation,
    kind: GroupKind,
}

/// Checks the claims of all rows against each other: no two share a byte, and all of one group are
/// of one generation and kind.
pub(crate) fn check_claims(state: &State, report: &mut Report<'_>) {
    let mut claims = Vec::new();
    for entry in entries(&state.index) {
        let record = entry.record().map(|place| Claim {
            group: place.group,
            offset_bytes: u64::from(place.offset_bytes),
            end_bytes: u64::from(place.offset_bytes) + u64::from(place.len_bytes),
            generation: place.generation,
            kind: GroupKind::Log,
        });
        claims.extend(record);
        claims.extend(entry.extents().iter().map(|extent| Claim {
            group: extent.group,
            offset_bytes: u64::from(extent.offset_bytes),
            end_bytes: u64::from(extent.offset_bytes) + extent.len_bytes(),
            generation: extent.generation,
            kind: match extent.form {
                ExtentForm::Shards => GroupKind::Data,
                ExtentForm::Bytes { .. } => GroupKind::Log,
            },
        }));
    }
    claims.sort_unstable();
    for (a, b) in claims.iter().zip(claims.iter().skip(1)) {
        if a.group != b.group {
            continue;
        }
        if a.generation != b.generation || a.kind != b.kind {
            report.damage(format_args!(
                "group {} is referred to as {:?} of generation {} and as {:?} of generation {}",
                a.group, a.kind, a.generation, b.kind, b.generation
            ));
        } else if b.offset_bytes < a.end_bytes {
            report.damage(format_args!(
                "group {} offset {}: two rows claim the same bytes",
                a.group, b.offset_bytes
            ));
        }
    }
}

/// The entries of all rows that can be read; the others are reported by who checks rows.
fn entries(index: &Table) -> impl Iterator<Item = Entry> {
    index.values().filter_map(|row| Entry::decode(row).ok())
}

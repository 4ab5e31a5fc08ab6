//! The control rows in the plainest form: what the copy is compared with.

use super::{ControlRow, ControlTruth};
use blockhouse_format::{Lsn, record::Control};
use parking_lot::Mutex;
use std::collections::BTreeMap;

type Tables = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

/// All control rows in a sorted map, with the last LSN that was applied.
#[derive(Debug, Default)]
pub(super) struct MemoryControl(Mutex<(Lsn, Tables)>);

impl MemoryControl {
    pub(super) fn apply(&self, lsn: Lsn, changes: &[Control]) {
        let mut tables = self.0.lock();
        tables.0 = lsn;
        for Control { table, key, value } in changes {
            let key = (*table, key.clone());
            match value {
                Some(value) => tables.1.insert(key, value.clone()),
                None => tables.1.remove(&key),
            };
        }
    }
}

impl ControlTruth for MemoryControl {
    fn rows(&self) -> (Lsn, Vec<ControlRow>) {
        let tables = self.0.lock();
        let rows = tables.1.iter().map(|((table, key), value)| ControlRow {
            table: *table,
            key: key.clone(),
            value: value.clone(),
        });
        (tables.0, rows.collect())
    }
}

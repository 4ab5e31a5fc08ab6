//! The control rows in memory: what the node answers from, and what bounds them.

use super::{
    BYTES_MAX, ControlChange, ControlError, ControlRow, ControlStore, LogEnd, ROWS_MAX,
    row::RowsSum,
};
use blockhouse_format::Lsn;
use parking_lot::RwLock;
use std::collections::BTreeMap;

/// The control rows are at their bound; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the control rows would be {rows} of {ROWS_MAX}, {bytes} B of {BYTES_MAX} B")]
pub(crate) struct ControlFull {
    /// How many rows there would be.
    pub(crate) rows: usize,
    /// How many bytes of keys and values there would be.
    pub(crate) bytes: usize,
}

/// All control rows in a sorted map.
#[derive(Debug, Default)]
pub(crate) struct MemoryControl {
    tables: RwLock<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    rows: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
    bytes: usize,
    applied: Lsn,
}

impl MemoryControl {
    /// The rows of a checkpoint that was exact at `lsn`. They were admitted when they were logged.
    pub(crate) fn with_rows(lsn: Lsn, rows: impl IntoIterator<Item = ControlRow>) -> Self {
        let mut tables = Tables {
            applied: lsn,
            ..Tables::default()
        };
        for ControlRow { table, key, value } in rows {
            tables.change(&ControlChange {
                table,
                key,
                value: Some(value),
            });
        }
        Self {
            tables: RwLock::new(tables),
        }
    }

    /// Whether `changes` would keep the rows below their bounds: asked before they are logged.
    /// Removing is always admitted.
    pub(crate) fn admit(&self, changes: &[ControlChange]) -> Result<(), ControlFull> {
        let tables = self.tables.read();
        let puts = || changes.iter().filter(|change| change.value.is_some());
        let added: usize = puts().map(ControlChange::bytes).sum();
        let would = ControlFull {
            rows: tables.rows.len() + puts().count(),
            bytes: tables.bytes + added,
        };
        match puts().next() {
            Some(_) if would.rows > ROWS_MAX || would.bytes > BYTES_MAX => Err(would),
            _ => Ok(()),
        }
    }

    /// The value of a row.
    pub(crate) fn get(&self, table: u8, key: &[u8]) -> Option<Vec<u8>> {
        self.tables.read().rows.get(&(table, key.to_vec())).cloned()
    }

    /// How many rows there are, and their bytes of keys and values.
    pub(crate) fn size(&self) -> (usize, usize) {
        let tables = self.tables.read();
        (tables.rows.len(), tables.bytes)
    }

    /// The sum over all rows that a copy must match.
    pub(super) fn sum(&self) -> RowsSum {
        let mut sum = RowsSum::default();
        self.tables
            .read()
            .rows
            .iter()
            .for_each(|((table, key), value)| sum.add(*table, key, value));
        sum
    }
}

impl ControlStore for MemoryControl {
    fn apply(&self, lsn: Lsn, changes: &[ControlChange]) -> Result<(), ControlError> {
        let mut tables = self.tables.write();
        if lsn > tables.applied {
            tables.applied = lsn;
            changes.iter().for_each(|change| tables.change(change));
        }
        Ok(())
    }

    fn scan(
        &self,
        table: u8,
        from: &[u8],
        rows_max: usize,
    ) -> Result<Vec<ControlRow>, ControlError> {
        let tables = self.tables.read();
        let rows = tables.rows.range((table, from.to_vec())..);
        Ok(rows
            .take_while(|((of, _), _)| *of == table)
            .take(rows_max)
            .map(to_row)
            .collect())
    }

    fn load(&self) -> Result<(Lsn, Vec<ControlRow>), ControlError> {
        let tables = self.tables.read();
        Ok((tables.applied, tables.rows.iter().map(to_row).collect()))
    }

    fn close(&self, _: LogEnd) -> Result<(), ControlError> {
        Ok(())
    }
}

impl Tables {
    fn change(&mut self, change: &ControlChange) {
        let key = (change.table, change.key.clone());
        let old = match &change.value {
            Some(value) => self.rows.insert(key, value.clone()),
            None => self.rows.remove(&key),
        };
        self.bytes += change
            .value
            .as_ref()
            .map_or(0, |value| change.key.len() + value.len());
        self.bytes -= old.map_or(0, |value| change.key.len() + value.len());
    }
}

impl ControlChange {
    /// Its bytes of key and value.
    pub(super) fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

fn to_row(((table, key), value): (&(u8, Vec<u8>), &Vec<u8>)) -> ControlRow {
    ControlRow {
        table: *table,
        key: key.clone(),
        value: value.clone(),
    }
}

//! A row as sled keeps it, and the sum over rows by which a copy is believed.
//!
//! ```text
//!   key    [table u8][key]
//!   value  [version u8 = 1][CRC-32C u32 of sled key and value][value]
//! ```
//! The CRC covers the key too: a value that sled gives under another key is damage. The one row
//! with an empty key has the LSN up to which batches were applied.

use super::{ControlError, ControlRow};
use blockhouse_format::{Crc32c, Lsn, record::Control};
use xxhash_rust::xxh3::xxh3_128;

const VERSION: u8 = 1;

/// The key of the row that has the applied LSN; other keys have a table before them.
pub(super) const APPLIED_KEY: &[u8] = &[];

/// The key of a row.
pub(super) fn sled_key(table: u8, key: &[u8]) -> Vec<u8> {
    [&[table], key].concat()
}

/// A value sealed with its key.
pub(super) fn seal(sled_key: &[u8], value: &[u8]) -> Vec<u8> {
    [&[VERSION], &crc(sled_key, value).to_le_bytes()[..], value].concat()
}

/// The value in a sealed one, if both are what was written.
pub(super) fn open<'a>(sled_key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], ControlError> {
    match sealed {
        [VERSION, a, b, c, d, value @ ..]
            if u32::from_le_bytes([*a, *b, *c, *d]) == crc(sled_key, value) =>
        {
            Ok(value)
        }
        _ => Err(ControlError::Damaged),
    }
}

/// A row out of what sled gave; not for [`APPLIED_KEY`].
pub(super) fn open_row(sled_key: &[u8], sealed: &[u8]) -> Result<ControlRow, ControlError> {
    let value = open(sled_key, sealed)?.to_vec();
    let (table, key) = sled_key.split_first().ok_or(ControlError::Damaged)?;
    Ok(ControlRow {
        table: *table,
        key: key.to_vec(),
        value,
    })
}

/// The applied LSN out of its row.
pub(super) fn open_applied(sealed: &[u8]) -> Result<Lsn, ControlError> {
    let value = open(APPLIED_KEY, sealed)?;
    let bytes = <[u8; 8]>::try_from(value).map_err(|_| ControlError::Damaged)?;
    Ok(Lsn(u64::from_le_bytes(bytes)))
}

/// Changes as one batch, which sled applies wholly or not at all, with the LSN they reach.
pub(super) fn batch(lsn: Lsn, changes: &[Control]) -> sled::Batch {
    let mut batch = sled::Batch::default();
    for Control { table, key, value } in changes {
        let key = sled_key(*table, key);
        match value {
            Some(value) => batch.insert(&*key, seal(&key, value)),
            None => batch.remove(key),
        }
    }
    batch.insert(APPLIED_KEY, seal(APPLIED_KEY, &lsn.0.to_le_bytes()));
    batch
}

/// How many rows, and the exclusive or of their hashes: the same whatever the order. The hash is
/// not linear, as a CRC would be: two rows that swapped their values don't cancel out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RowsSum {
    pub(super) rows: u64,
    pub(super) hash: u128,
}

impl RowsSum {
    pub(super) fn add(&mut self, row: &ControlRow) {
        let key_len = (row.key.len() as u64).to_le_bytes();
        self.rows += 1;
        self.hash ^= xxh3_128(&[&[row.table], &key_len[..], &row.key, &row.value].concat());
    }

    /// The sum of all these.
    pub(super) fn of(rows: &[ControlRow]) -> Self {
        let mut sum = Self::default();
        rows.iter().for_each(|row| sum.add(row));
        sum
    }
}

fn crc(sled_key: &[u8], value: &[u8]) -> u32 {
    let mut crc = Crc32c::default();
    crc.update(sled_key);
    crc.update(value);
    crc.value()
}

/// The bytes of a change's key and value.
pub(super) fn change_bytes(change: &Control) -> usize {
    change.key.len() + change.value.as_ref().map_or(0, Vec::len)
}

//! One open sled database, checked at both ends.

use super::{
    ControlError, ControlRow, ControlTruth, LogEnd,
    directory::Directory,
    row::{self, APPLIED_KEY, RowsSum},
    worker::{Order, Reply},
};
use blockhouse_format::{Lsn, record::Control};
use std::path::Path;

/// sled's cache; the rest of its memory is about 60 bytes a row.
const CACHE_BYTES: u64 = 64 << 20;

/// How many rows are written at once when a copy is made.
const FILL_BATCH_ROWS: usize = 1024;

/// An open sled database that has the rows up to an LSN.
pub(super) struct SledCopy {
    db: sled::Db,
    applied: Lsn,
}

impl SledCopy {
    fn open(live: &Path) -> Result<sled::Db, ControlError> {
        let config = sled::Config::default()
            .path(live)
            .cache_capacity(CACHE_BYTES)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(None);
        Ok(config.open()?)
    }

    /// The copy the last run left, if it was left clean, at this end of the log, and is whole.
    pub(super) fn believe(
        directory: &Directory,
        end: LogEnd,
    ) -> Result<Option<Self>, ControlError> {
        let Some(marker) = directory.take_marker()?.filter(|marker| marker.end == end) else {
            return Ok(None);
        };
        if !directory.live().is_dir() {
            return Ok(None);
        }
        let copy = Self {
            db: Self::open(&directory.live())?,
            applied: end.lsn,
        };
        let (applied, sum) = copy.read_through(|_| ())?;
        if applied != end.lsn || sum != marker.sum {
            return Err(ControlError::Damaged);
        }
        Ok(Some(copy))
    }

    pub(super) fn make(live: &Path, truth: &dyn ControlTruth) -> Result<Self, ControlError> {
        let (applied, rows) = truth.rows();
        let mut copy = Self {
            db: Self::open(live)?,
            applied: Lsn(0),
        };
        let mut puts = rows
            .into_iter()
            .map(|ControlRow { table, key, value }| Control {
                table,
                key,
                value: Some(value),
            });
        loop {
            let batch: Vec<_> = puts.by_ref().take(FILL_BATCH_ROWS).collect();
            if batch.is_empty() {
                break;
            }
            copy.db.apply_batch(row::batch(Lsn(0), &batch))?;
        }
        copy.apply(applied, &[])?;
        Ok(copy)
    }

    pub(super) fn carry_out(&mut self, order: Order) -> Result<(), ControlError> {
        match order {
            Order::Apply { lsn, changes } => self.apply(lsn, &changes),
            Order::Scan {
                table,
                from,
                rows_max,
                reply,
            } => answer(&reply, self.scan(table, &from, rows_max)),
            #[cfg(test)]
            Order::Load { reply } => answer(&reply, self.load()),
            // Taken out by the worker, which ends with it.
            Order::Close { reply, .. } => answer(&reply, Err(ControlError::Off)),
            #[cfg(test)]
            Order::Panic => panic!("a test asked for it"),
            #[cfg(test)]
            Order::Hang(until) => {
                until.recv().unwrap_or_default();
                Ok(())
            }
        }
    }

    /// Applies a batch, unless the rows this copy was made of had it already.
    pub(super) fn apply(&mut self, lsn: Lsn, changes: &[Control]) -> Result<(), ControlError> {
        if lsn > self.applied || self.applied == Lsn(0) {
            self.db.apply_batch(row::batch(lsn, changes))?;
            self.applied = lsn;
        }
        Ok(())
    }

    fn scan(&self, table: u8, from: &[u8], max: usize) -> Result<Vec<ControlRow>, ControlError> {
        let mut rows = Vec::new();
        for item in self.db.range(row::sled_key(table, from)..).take(max) {
            let (key, sealed) = item?;
            let row = row::open_row(&key, &sealed)?;
            if row.table != table {
                break;
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// Whatever sled still has in memory goes to its files.
    pub(super) fn flush(&self) -> Result<(), ControlError> {
        self.db.flush()?;
        Ok(())
    }

    #[cfg(test)]
    fn load(&self) -> Result<(Lsn, Vec<ControlRow>), ControlError> {
        let mut rows = Vec::new();
        let (applied, _) = self.read_through(|row| rows.push(row))?;
        Ok((applied, rows))
    }

    /// Reads and checks every row; gives the applied LSN and the sum.
    fn read_through(
        &self,
        mut row_read: impl FnMut(ControlRow),
    ) -> Result<(Lsn, RowsSum), ControlError> {
        let (mut applied, mut sum) = (None, RowsSum::default());
        for item in self.db.iter() {
            let (key, sealed) = item?;
            if key == APPLIED_KEY {
                applied = Some(row::open_applied(&sealed)?);
                continue;
            }
            let row = row::open_row(&key, &sealed)?;
            sum.add(&row);
            row_read(row);
        }
        Ok((applied.ok_or(ControlError::Damaged)?, sum))
    }
}

/// Sends an answer; an error goes on to the worker, which rebuilds, and the asker learns that.
fn answer<T>(reply: &Reply<T>, result: Result<T, ControlError>) -> Result<(), ControlError> {
    let (told, fault) = match result {
        Ok(answer) => (Ok(answer), Ok(())),
        Err(error) => (Err(ControlError::Rebuilding), Err(error)),
    };
    // Whoever asked may have stopped waiting.
    let _ = reply.send(told);
    fault
}

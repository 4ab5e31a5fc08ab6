//! The file `CLEAN`: says that sled's directory was left in order, and what it has to hold.
//!
//! ```text
//!   0 magic "BHCLEAN1"   8 pool [16]   24 epoch u64   32 LSN u64   40 rows u64
//!   48 hash u128         64 CRC-32C of bytes 0..64
//! ```
//! It is written last of all at shutdown and removed before sled is touched at boot: a directory
//! with it is a directory nobody has written to since.

use super::row::RowsSum;
use blockhouse_format::{Epoch, Lsn, PoolId, crc32c};

const MAGIC: &[u8; 8] = b"BHCLEAN1";

/// How long the file is; another length is not a marker.
pub(super) const MARKER_BYTES: usize = 68;

/// Where the log of a pool ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// Which pool.
    pub(crate) pool: PoolId,
    /// The epoch that wrote the last record.
    pub(crate) epoch: Epoch,
    /// The last record's position.
    pub(crate) lsn: Lsn,
}

/// What the marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    /// The end of the log at the clean shutdown.
    pub(super) end: LogEnd,
    /// The rows that were there.
    pub(super) sum: RowsSum,
}

impl Marker {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = [
            &MAGIC[..],
            &self.end.pool.0,
            &self.end.epoch.0.to_le_bytes(),
            &self.end.lsn.0.to_le_bytes(),
            &self.sum.rows.to_le_bytes(),
            &self.sum.hash.to_le_bytes(),
        ]
        .concat();
        bytes.extend_from_slice(&crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// Any bytes but those of [`Self::encode`] are no marker.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let body = bytes.get(..MARKER_BYTES - 4)?;
        let number = |at: usize| Some(u64::from_le_bytes(body.get(at..at + 8)?.try_into().ok()?));
        if bytes.len() != MARKER_BYTES
            || !body.starts_with(MAGIC)
            || bytes[MARKER_BYTES - 4..] != crc32c(body).to_le_bytes()
        {
            return None;
        }
        let pool = PoolId(body.get(8..24)?.try_into().ok()?);
        let hash = u128::from_le_bytes(body.get(48..64)?.try_into().ok()?);
        Some(Self {
            end: LogEnd {
                pool,
                epoch: Epoch(number(24)?),
                lsn: Lsn(number(32)?),
            },
            sum: RowsSum {
                rows: number(40)?,
                hash,
            },
        })
    }
}

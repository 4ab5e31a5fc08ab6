//! The desired state as control rows: one for each of its rows, and one that says which version they
//! are. A change writes the rows that it touches and the version, in one frame.

use blockhouse_format::{
    DecodeError,
    control::{DesiredHead, DesiredRow, TABLE_DESIRED},
    record::Control,
};
use blockhouse_store::{Desired, DesiredChange, DesiredRowChange};
use blockhouse_types::Timestamp;

/// What the record of a row takes in a frame beside name and bytes, generously, in bytes; also that of
/// the head.
const RECORD_BYTES: usize = 80;

/// What a change may take in a frame, in bytes.
pub(crate) fn room_bytes(change: &DesiredChange) -> usize {
    let row = |(name, row): &DesiredRowChange| {
        let row = row.as_ref();
        RECORD_BYTES + name.len() + row.map_or(0, |row| row.len())
    };
    RECORD_BYTES + change.rows.iter().map(row).sum::<usize>()
}

/// The change that makes a row so, or removes it.
pub(crate) fn set(name: &str, bytes: Option<&[u8]>) -> Control {
    Control {
        table: TABLE_DESIRED,
        key: name.as_bytes().to_vec(),
        value: bytes.map(|bytes| DesiredRow { name, bytes }.encode()),
    }
}

/// The change that makes the rows this version.
pub(crate) fn set_version(version: u64, changed: Timestamp) -> Control {
    Control {
        table: TABLE_DESIRED,
        key: DesiredHead::KEY.to_vec(),
        value: Some(DesiredHead { version, changed }.encode()),
    }
}

/// All rows; none before the first change.
pub(crate) fn rows(desired: &Desired) -> impl Iterator<Item = Control> {
    let Desired {
        version, changed, ..
    } = *desired;
    let head = (version > 0).then(|| set_version(version, changed));
    let rows = desired.rows.iter();
    head.into_iter()
        .chain(rows.map(|(name, bytes)| set(name, Some(bytes))))
}

/// Takes a change of a row.
pub(crate) fn apply(
    desired: &mut Desired,
    key: &[u8],
    value: Option<&[u8]>,
) -> Result<(), DecodeError> {
    match (key, value) {
        (DesiredHead::KEY, Some(value)) => {
            let head = DesiredHead::decode(value)?;
            (desired.version, desired.changed) = (head.version, head.changed);
        }
        // No change removes it.
        (DesiredHead::KEY, None) => {}
        (key, Some(value)) => {
            let row = DesiredRow::decode(key, value)?;
            desired.set(row.name, Some(row.bytes.into()));
        }
        (key, None) => desired.set(DesiredRow::parse_key(key)?, None),
    }
    Ok(())
}

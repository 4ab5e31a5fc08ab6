//! The state that a checkpoint holds.

use crate::pool::{Piece, Pool};
use crate::report::Report;
use blockhouse_format::{
    CheckpointRoot, CheckpointSlot, DecodeError, GroupEntry, GroupId, Lsn, Pointer, SectionReader,
};
use std::collections::BTreeMap;

/// Rows by key.
pub(crate) type Table = BTreeMap<Vec<u8>, Vec<u8>>;

/// What is true of a pool at one position of its log.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The last position that went into it.
    pub(crate) lsn: Lsn,
    /// The group table. Only a checkpoint has it; the log does not change it here.
    pub(crate) groups: BTreeMap<GroupId, GroupEntry>,
    /// Control rows by table and key.
    pub(crate) control: Table,
    /// Index rows.
    pub(crate) index: Table,
}

/// Reads the root that a slot points to from every mirror.
pub(crate) fn root(
    pool: &Pool<'_>,
    slot: &CheckpointSlot,
    report: &mut Report<'_>,
) -> Option<CheckpointRoot> {
    let piece = Piece {
        group: slot.group,
        offset_bytes: slot.offset_bytes,
        len_bytes: slot.len_bytes,
    };
    pool.examine(
        report,
        format_args!("root of the checkpoint at lsn {}", slot.lsn),
        piece,
        |bytes| {
            slot.verify(bytes)?;
            let root = CheckpointRoot::decode(bytes)?;
            let own = root.pool == pool.superblock.pool && root.lsn == slot.lsn;
            let field = DecodeError::Field {
                structure: "checkpoint root",
                field: "pool or lsn",
            };
            own.then_some(root).ok_or(field)
        },
    )
}

/// Reads everything that the root points to. Sections that are damaged on all mirrors are missing
/// from what is given, and reported.
pub(crate) fn load(pool: &Pool<'_>, root: &CheckpointRoot, report: &mut Report<'_>) -> State {
    let mut reader = Reader { pool, report };
    let mut groups = BTreeMap::new();
    for (key, value) in reader.table("group table", &root.groups) {
        let row = GroupEntry::parse_key(&key).and_then(|id| Ok((id, GroupEntry::decode(&value)?)));
        match row {
            Ok((id, entry)) => drop(groups.insert(id, entry)),
            Err(error) => reader.report.damage(format_args!("group table: {error}")),
        }
    }
    let control = reader.table("control rows", &root.control);
    let mut index = reader.table("index base", &root.base);
    for run in &root.runs {
        reader.merge("index run", run, &mut index);
    }
    State {
        lsn: root.lsn,
        groups,
        control,
        index,
    }
}

struct Reader<'r, 'p, 'o> {
    pool: &'p Pool<'p>,
    report: &'r mut Report<'o>,
}

impl Reader<'_, '_, '_> {
    fn table(&mut self, what: &str, sections: &[Pointer]) -> Table {
        let mut table = Table::new();
        self.merge(what, sections, &mut table);
        table
    }

    /// Puts the rows of the sections, which must go on in order, over those of `table`.
    fn merge(&mut self, what: &str, sections: &[Pointer], table: &mut Table) {
        let mut last: Option<Vec<u8>> = None;
        for pointer in sections {
            let rows = self.section(what, pointer);
            let first = rows.first().map(|(key, _)| key);
            if last.is_some() && first.is_some() && first <= last.as_ref() {
                self.report.damage(format_args!(
                    "{what}: sections are not in the order of keys"
                ));
            }
            last = rows.last().map(|(key, _)| key.clone()).or(last);
            for (key, value) in rows {
                match value {
                    Some(value) => drop(table.insert(key, value)),
                    None => drop(table.remove(&key)),
                }
            }
        }
    }

    fn section(&mut self, what: &str, pointer: &Pointer) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let piece = Piece {
            group: pointer.group,
            offset_bytes: pointer.offset_bytes,
            len_bytes: pointer.len_bytes,
        };
        let rows = self.pool.examine(self.report, what, piece, |bytes| {
            pointer.verify(bytes)?;
            let mut cursor = SectionReader::open(bytes)?.cursor();
            let mut rows = Vec::new();
            while let Some(row) = cursor.next() {
                let (key, value) = row?;
                rows.push((key.to_vec(), value.map(<[u8]>::to_vec)));
            }
            Ok(rows)
        });
        rows.unwrap_or_default()
    }
}

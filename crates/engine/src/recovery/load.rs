//! Loading a checkpoint: everything by its hash, from whichever mirror has it.

use super::Recovery;
use crate::{
    catalog::Catalog,
    checkpoint::Shape,
    error::OpenError,
    index::{Index, Loader},
    read::Span,
    space::Space,
};
use blockhouse_device::Device;
use blockhouse_format::{
    CheckpointRoot, CheckpointSlot, DecodeError, GroupEntry, GroupId, Lsn, Pointer, SectionReader,
    control, record::Control,
};

impl<D: Device> Recovery<D> {
    /// Loads the newest checkpoint, or the one before it if that cannot be read. A pool that never
    /// made one begins with nothing.
    pub(super) async fn load_checkpoint(&mut self) -> Result<(), OpenError> {
        let mut why: Option<String> = None;
        for slot in self.superblocks.newest.checkpoints() {
            match self.load(&slot).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::error!(lsn = slot.lsn.0, error, "a checkpoint cannot be read");
                    why.get_or_insert(error);
                    self.reset();
                }
            }
        }
        match why {
            None => Ok(()),
            Some(why) => Err(OpenError::NoCheckpoint { why }),
        }
    }

    fn reset(&mut self) {
        let pins = self.space.pins().clone();
        self.space = Space::new(self.layout.clone(), pins);
        self.catalog = Catalog::default();
        self.index = Index::new();
        self.shape = Shape::default();
    }

    async fn load(&mut self, slot: &CheckpointSlot) -> Result<(), String> {
        let root = self.read_root(slot).await?;
        self.load_groups(&root.groups).await?;
        self.load_control(&root.control).await?;
        self.load_index(&root).await?;
        let others = root
            .groups
            .iter()
            .chain(&root.control)
            .map(|pointer| pointer.group);
        let others: Vec<GroupId> = others.chain([slot.group]).collect();
        self.shape = Shape::loaded(root.base.clone(), root.runs.clone(), others);
        self.space.set_index_groups(&self.shape.groups(), &[]);
        self.space
            .set_checkpoint_bytes(self.index.resident_bytes() as u64);
        self.epoch_seen = root.epoch;
        self.log.group = root.log.group;
        self.log.generation = root.log.generation;
        self.log.offset_bytes = root.log.offset_bytes;
        self.log.previous_crc = root.log.previous_crc;
        self.log.successor = root.log.successor;
        self.log.lsn_next = Lsn(root.lsn.0 + 1);
        self.log.floor = self.log.floor.max(root.time_floor);
        Ok(())
    }

    async fn read_root(&self, slot: &CheckpointSlot) -> Result<CheckpointRoot, String> {
        let CheckpointSlot {
            group,
            offset_bytes,
            len_bytes,
            ..
        } = *slot;
        let span = Span {
            group,
            offset_bytes,
            len_bytes,
        };
        let named = || "a checkpoint's root".to_owned();
        let read = self
            .reading()
            .span(span, &named, |bytes| slot.verify(bytes))
            .await;
        let (covering, ()) = read.map_err(|error| error.to_string())?;
        let root = CheckpointRoot::decode(covering.bytes()).map_err(|error| error.to_string())?;
        if root.pool == self.superblocks.newest.pool && root.lsn == slot.lsn {
            Ok(root)
        } else {
            Err("the root is of another checkpoint".into())
        }
    }

    /// Shows every row of a section to `take`.
    async fn section(
        &self,
        pointer: &Pointer,
        mut take: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), String>,
    ) -> Result<(), String> {
        let Pointer {
            group,
            offset_bytes,
            len_bytes,
            ..
        } = *pointer;
        let span = Span {
            group,
            offset_bytes,
            len_bytes,
        };
        let named = || "a checkpoint's section".to_owned();
        let read = self
            .reading()
            .span(span, &named, |bytes| pointer.verify(bytes))
            .await;
        let (covering, ()) = read.map_err(|error| error.to_string())?;
        let text = |error: DecodeError| error.to_string();
        let section = SectionReader::open(covering.bytes()).map_err(text)?;
        let mut rows = section.cursor();
        while let Some(row) = rows.next() {
            let (key, value) = row.map_err(text)?;
            take(key, value)?;
        }
        Ok(())
    }

    async fn load_groups(&mut self, pointers: &[Pointer]) -> Result<(), String> {
        let mut rows = Vec::new();
        for pointer in pointers {
            self.section(pointer, |key, value| {
                let id = GroupEntry::parse_key(key).map_err(|error| error.to_string())?;
                let value = value.ok_or("a group's row is missing")?;
                let entry = GroupEntry::decode(value).map_err(|error| error.to_string())?;
                rows.push((id, entry));
                Ok(())
            })
            .await?;
        }
        for (id, entry) in rows {
            self.space.restore(id, &entry);
        }
        self.space.restored();
        Ok(())
    }

    async fn load_control(&mut self, pointers: &[Pointer]) -> Result<(), String> {
        let mut catalog = Catalog::default();
        for pointer in pointers {
            self.section(pointer, |key, value| {
                let parsed = control::parse_row_key(key).map_err(|error| error.to_string())?;
                let (table, key) = (parsed.0, parsed.1.to_vec());
                let value = value.map(<[u8]>::to_vec);
                let change = Control { table, key, value };
                catalog.apply(change).map_err(|error| error.to_string())
            })
            .await?;
        }
        self.catalog = catalog;
        Ok(())
    }

    async fn load_index(&mut self, root: &CheckpointRoot) -> Result<(), String> {
        let mut loader = Loader::new();
        for pointer in &root.base {
            self.section(pointer, |key, value| {
                let value = value.ok_or("a base removes a row")?;
                loader.push(key, value).map_err(|error| error.to_string())
            })
            .await?;
        }
        for pointer in root.runs.iter().flatten() {
            self.section(pointer, |key, value| {
                loader.amend(key, value).map_err(|error| error.to_string())
            })
            .await?;
        }
        self.index = loader.finish();
        Ok(())
    }
}

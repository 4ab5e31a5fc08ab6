//! Where the next section goes.

use crate::space::{NoGroup, Purpose, Space};
use blockhouse_format::{Generation, GroupId};

/// An index group being filled.
#[derive(Debug, Clone, Copy)]
struct Filling {
    group: GroupId,
    generation: Generation,
    next_bytes: u32,
}

/// Index groups that are open: the one being filled, and those taken for what comes after.
#[derive(Debug, Default)]
pub(crate) struct IndexTail {
    filling: Vec<Filling>,
    groups: Vec<GroupId>,
}

impl IndexTail {
    /// The groups that are open.
    pub(crate) fn groups(&self) -> &[GroupId] {
        &self.groups
    }

    /// A place for so many bytes.
    pub(crate) fn place(
        &mut self,
        space: &mut Space,
        len_bytes: usize,
    ) -> Result<(GroupId, Generation, u32), NoGroup> {
        let payload = space.payload();
        let len = u32::try_from(len_bytes).map_err(|_| NoGroup)?;
        if len > payload.end - payload.start {
            return Err(NoGroup);
        }
        while let Some(first) = self.filling.first_mut() {
            if len <= payload.end - first.next_bytes {
                let at = first.next_bytes;
                first.next_bytes += len;
                return Ok((first.group, first.generation, at));
            }
            let full = first.group;
            space.seal(full);
            self.filling.remove(0);
            self.groups.retain(|group| *group != full);
        }
        self.take(space)?;
        self.place(space, len_bytes)
    }

    /// Makes sure that so many bytes have room without another group being taken.
    pub(crate) fn reserve(&mut self, space: &mut Space, len_bytes: usize) -> Result<(), NoGroup> {
        let end = space.payload().end;
        loop {
            let room: u64 = self
                .filling
                .iter()
                .map(|f| u64::from(end - f.next_bytes))
                .sum();
            if room >= len_bytes as u64 {
                return Ok(());
            }
            self.take(space)?;
        }
    }

    fn take(&mut self, space: &mut Space) -> Result<(), NoGroup> {
        let (group, generation) = space.take(Purpose::Index)?;
        let next_bytes = space.payload().start;
        self.filling.push(Filling {
            group,
            generation,
            next_bytes,
        });
        self.groups.push(group);
        Ok(())
    }

    /// A checkpoint failed: what it wrote is garbage, and nothing is appended behind it.
    pub(crate) fn abandon(&mut self, space: &mut Space, used: &[GroupId]) {
        for group in self.groups.drain(..).chain(used.iter().copied()) {
            space.abandon(group);
        }
        self.filling.clear();
    }
}

//! Checking what must always be true of an open engine.

use crate::{rows, shared::Shared};
use blockhouse_format::{
    GroupId, GroupKind, GroupState,
    entry::{self, DataPlace, Entry, IndexKey, Reference},
};
use std::collections::BTreeMap;

/// Something that must be true is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// A row cannot be read.
    #[error("the index row {key} cannot be read: {why}")]
    Row {
        /// Its key, in hexadecimal.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The row of something refers to a thing that has no row.
    #[error("the index row {key} has no {missing}")]
    Orphan {
        /// Its key, in hexadecimal.
        key: String,
        /// What should be there.
        missing: &'static str,
    },
    /// A row refers to a group that is free, or of another kind or generation.
    #[error("the index row {key} refers to group {group}, which is {state}")]
    Reference {
        /// Its key, in hexadecimal.
        key: String,
        /// The group.
        group: u32,
        /// What the group table says of it.
        state: String,
    },
    /// A group's live bytes are not the sum of what refers to it.
    #[error("group {group} counts {counted} live bytes, rows refer to {referred}")]
    LiveBytes {
        /// The group.
        group: u32,
        /// What the group table says.
        counted: u64,
        /// What the rows say.
        referred: u64,
    },
    /// Free groups are not counted rightly.
    #[error("{counted} groups are counted as free, {found} are")]
    Free {
        /// The count.
        counted: u32,
        /// How many are.
        found: u32,
    },
}

/// Looks at every row and every group.
pub(crate) fn audit(shared: &Shared) -> Result<(), AuditError> {
    let index = shared.index.read();
    let space = shared.space.lock();
    let catalog = shared.catalog.read();
    let mut live: BTreeMap<GroupId, u64> = BTreeMap::new();
    let mut cursor = index.cursor(&[]);
    while let Some((key, value)) = cursor.next() {
        let bad = |why: String| AuditError::Row {
            key: blockhouse_types::hex(key),
            why,
        };
        let parsed = entry::parse_key(key).map_err(|error| bad(error.to_string()))?;
        let row = rows::decode(value).map_err(|error| bad(error.to_string()))?;
        let bucket = match &parsed {
            IndexKey::Object { bucket, .. } | IndexKey::Upload { bucket, .. } => Some(*bucket),
            IndexKey::Part { .. } | IndexKey::Extents { .. } => None,
        };
        let orphan = |missing| AuditError::Orphan {
            key: blockhouse_types::hex(key),
            missing,
        };
        if bucket.is_some_and(|bucket| catalog.bucket_by_id(bucket).is_none()) {
            return Err(orphan("bucket"));
        }
        let wide = match (&parsed, &row) {
            (IndexKey::Object { sequence, .. }, Entry::Object(object)) => {
                Some((*sequence, &object.data))
            }
            (IndexKey::Part { .. }, Entry::Part(part)) => Some((part.sequence, &part.data)),
            (IndexKey::Object { .. }, Entry::DeleteMarker(_))
            | (IndexKey::Upload { .. }, Entry::Upload(_))
            | (IndexKey::Extents { .. }, Entry::Extents(_)) => None,
            _ => return Err(bad("its value is not of its key's kind".into())),
        };
        if let Some((sequence, data @ DataPlace::Wide { .. })) = wide {
            rows::extents(&*index, sequence, data).map_err(|_| orphan("extents"))?;
        }
        for Reference {
            group,
            generation,
            len_bytes,
        } in row.references()
        {
            let there = space.group(group).filter(|there| {
                there.generation == generation
                    && matches!(there.state, GroupState::Open | GroupState::Sealed)
                    && there.kind != GroupKind::Index
            });
            if there.is_none() {
                let state = format!("{:?}", space.group(group));
                let key = blockhouse_types::hex(key);
                return Err(AuditError::Reference {
                    key,
                    group: group.0,
                    state,
                });
            }
            *live.entry(group).or_default() += len_bytes;
        }
    }
    let mut free = 0;
    for (id, group) in space.groups() {
        free += u32::from(group.state == GroupState::Free);
        let referred = live.get(&id).copied().unwrap_or(0);
        if group.kind != GroupKind::Index && group.live_bytes != referred {
            let (group, counted) = (id.0, group.live_bytes);
            return Err(AuditError::LiveBytes {
                group,
                counted,
                referred,
            });
        }
    }
    let counted = space.stats().groups_free;
    if counted == free {
        Ok(())
    } else {
        Err(AuditError::Free {
            counted,
            found: free,
        })
    }
}

//! All resources of one version, and how the next one is made.

use crate::{Change, Fault, Invalid, Kind, Name, Put, Resource, Stamp, is_of_network};
use blockhouse_netfilter::Model;
use blockhouse_types::AccountId;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The resources of one version. Those that a change does not touch are shared with the version before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub(crate) resources: BTreeMap<Name, Arc<Resource>>,
    unreadable: BTreeMap<Box<str>, Unreadable>,
}

/// A row that cannot be read back. It stays as it is until a change removes or replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What it is, if that much can be told.
    pub name: Option<Name>,
    /// What is wrong with it.
    pub fault: Fault,
}

/// A row that a change makes, by its name; without bytes, it goes.
pub type RowChange = (Box<str>, Option<Arc<[u8]>>);

/// A change that may be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// What the state will be.
    pub state: State,
    /// The rows that make it so.
    pub rows: Vec<RowChange>,
    /// The network, if it will be another one.
    pub network: Option<Model>,
}

impl State {
    /// Reads all rows, by name. What cannot be read is noted, see [`Self::unreadable`].
    pub fn read<'r>(rows: impl IntoIterator<Item = (&'r str, &'r [u8])>) -> Self {
        let mut state = Self::default();
        for (row, json) in rows {
            let name = Name::parse(row);
            let resource = match &name {
                Some(name) => Resource::read(name.kind(), json),
                None => Err(Fault::Name),
            };
            match (name, resource) {
                (Some(name), Ok(resource)) => {
                    state.resources.insert(name, Arc::new(resource));
                }
                (name, Err(fault)) => {
                    let unreadable = Unreadable { name, fault };
                    state.unreadable.insert(row.into(), unreadable);
                }
                // A resource is read for a name alone.
                (None, Ok(_)) => {}
            }
        }
        state
    }

    /// The resource of that name.
    pub fn get(&self, name: &Name) -> Option<&Resource> {
        self.resources.get(name).map(|resource| &**resource)
    }

    /// All resources, in order of their names.
    pub fn resources(&self) -> impl Iterator<Item = (&Name, &Resource)> {
        self.resources.iter().map(|(name, r)| (name, &**r))
    }

    /// An account's resources of one kind, in order of their names.
    pub fn of(&self, kind: Kind, account: AccountId) -> impl Iterator<Item = (&Name, &Resource)> {
        let range = self.resources.range(Name::range(kind, account));
        range.map(|(name, resource)| (name, &**resource))
    }

    /// The rows that cannot be read, by their names as they stand there.
    pub fn unreadable(&self) -> &BTreeMap<Box<str>, Unreadable> {
        &self.unreadable
    }

    /// Judges a change whole, and gives what it makes of this state.
    pub fn prepare(&self, change: Change, stamp: &mut Stamp<'_>) -> Result<Prepared, Invalid> {
        let mut next = self.clone();
        let mut rows = Vec::with_capacity(change.puts.len() + change.deletes.len());
        let mut touched = BTreeSet::new();
        for row in change.deletes {
            let found = match Name::parse(&row) {
                Some(name) => next.resources.remove(&name).is_some(),
                None => false,
            };
            let fault = match next.unreadable.remove(&row).is_some() || found {
                true if touched.insert(row.clone()) => None,
                true => Some(Fault::Twice),
                false if touched.contains(&row) => Some(Fault::Twice),
                false => Some(Fault::NotThere),
            };
            if let Some(fault) = fault {
                let resource = row.chars().take(600).collect::<String>().into();
                return Err(Invalid { resource, fault });
            }
            rows.push((row, None));
        }
        for Put { name, mut resource } in change.puts {
            let row: Box<str> = name.to_string().into();
            let invalid = |fault| Invalid {
                resource: row.clone(),
                fault,
            };
            if !touched.insert(row.clone()) {
                return Err(invalid(Fault::Twice));
            }
            if name.kind() != resource.kind() {
                return Err(invalid(Fault::Name));
            }
            let stamped = resource.stamp(self.get(&name), stamp);
            stamped.map_err(invalid)?;
            resource.check(&name).map_err(invalid)?;
            let json = resource.write().map_err(invalid)?;
            next.unreadable.remove(&row);
            next.resources.insert(name, Arc::new(resource));
            rows.push((row, Some(json.into())));
        }
        next.check_together()?;
        next.check_endpoint_policies()?;
        let of_network = |row: &str| Name::parse(row).is_some_and(|n| is_of_network(n.kind()));
        let network = match touched.iter().any(|row| of_network(row)) {
            true => next.checked_network(self)?,
            false => None,
        };
        Ok(Prepared {
            state: next,
            rows,
            network,
        })
    }

    /// Whether the resources agree with each other.
    fn check_together(&self) -> Result<(), Invalid> {
        let mut folded: BTreeMap<Name, &Name> = BTreeMap::new();
        for (name, resource) in &self.resources {
            let invalid = |fault| Invalid {
                resource: name.to_string().into(),
                fault,
            };
            if let Some(other) = folded.insert(name.folded(), name) {
                let other = other.to_string().into();
                return Err(invalid(Fault::SameButCase { other }));
            }
            // What is there and cannot be read is there.
            let is_there = |wanted: &Name| {
                self.resources.contains_key(wanted)
                    || self.unreadable.contains_key(&*wanted.to_string())
            };
            let missing = resource.references(name).into_iter();
            if let Some(missing) = missing.into_iter().find(|name| !is_there(name)) {
                let missing = missing.to_string().into();
                return Err(invalid(Fault::Missing { missing }));
            }
        }
        Ok(())
    }
}

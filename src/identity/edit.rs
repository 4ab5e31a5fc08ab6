//! Parts of a resource that commands change.

use crate::cli::identity::HolderArgs;
use anyhow::{Result, bail};
use blockhouse_state::{Document, Kind, Resource, User};
use std::collections::{BTreeMap, BTreeSet};

/// Names, each once.
pub(super) type Names = BTreeSet<Box<str>>;

/// Whom the arguments name.
pub(super) fn holder(args: &HolderArgs) -> Result<(Kind, &str)> {
    let named = [
        (Kind::User, &args.user),
        (Kind::Group, &args.group),
        (Kind::Role, &args.role),
    ];
    let mut named = named
        .into_iter()
        .filter_map(|(kind, name)| Some((kind, name.as_deref()?)));
    match named.next() {
        Some(holder) => Ok(holder),
        None => bail!("--user, --group or --role says whose"),
    }
}

pub(super) fn user(resource: &mut Resource) -> Result<&mut User> {
    match resource {
        Resource::User(user) => Ok(user),
        other => bail!("a {} is no user", other.kind().as_str()),
    }
}

/// The managed policies that it has.
pub(super) fn attached(resource: &mut Resource) -> Result<&mut Names> {
    match resource {
        Resource::User(user) => Ok(&mut user.attached),
        Resource::Group(group) => Ok(&mut group.attached),
        Resource::Role(role) => Ok(&mut role.attached),
        other => bail!("a {} has no policies", other.kind().as_str()),
    }
}

/// Its own policies.
pub(super) fn inline(resource: &mut Resource) -> Result<&mut BTreeMap<Box<str>, Document>> {
    match resource {
        Resource::User(user) => Ok(&mut user.policies),
        Resource::Group(group) => Ok(&mut group.policies),
        Resource::Role(role) => Ok(&mut role.policies),
        other => bail!("a {} has no policies", other.kind().as_str()),
    }
}

/// What bounds it.
pub(super) fn boundary(resource: &mut Resource) -> Result<&mut Option<Box<str>>> {
    match resource {
        Resource::User(user) => Ok(&mut user.boundary),
        Resource::Role(role) => Ok(&mut role.boundary),
        other => bail!("a {} has no boundary", other.kind().as_str()),
    }
}

/// What is worth saying of it in one line.
pub(super) fn summary(resource: &Resource) -> String {
    let list = |what: &str, names: &mut dyn Iterator<Item = &Box<str>>| {
        let names: Vec<&str> = names.map(|name| &**name).collect();
        match names.is_empty() {
            true => String::new(),
            false => format!("  {what} {}", names.join(", ")),
        }
    };
    match resource {
        Resource::User(user) => [
            list("in", &mut user.groups.iter()),
            list("has", &mut user.attached.iter()),
            list("own", &mut user.policies.keys()),
            list("at most", &mut user.boundary.iter()),
        ]
        .concat(),
        Resource::Role(role) => [
            list("has", &mut role.attached.iter()),
            list("own", &mut role.policies.keys()),
            list("at most", &mut role.boundary.iter()),
        ]
        .concat(),
        Resource::Group(group) => [
            list("has", &mut group.attached.iter()),
            list("own", &mut group.policies.keys()),
        ]
        .concat(),
        Resource::Account(account) => format!("  {}", account.name),
        _ => String::new(),
    }
}

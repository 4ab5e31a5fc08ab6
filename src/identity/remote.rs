//! The desired state of a running node, as its administrator address shows and changes it.

use crate::{ask, cli::NodeArgs};
use anyhow::{Context as _, Result};
use blockhouse_state::{Kind, Name, Resource};
use blockhouse_types::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use std::collections::{BTreeMap, BTreeSet};

/// The state as it was when it was asked for. A change that it makes is refused when somebody else was
/// quicker.
pub(crate) struct Remote<'a> {
    node: &'a NodeArgs,
    text: String,
    account: AccountId,
    version: u64,
    resources: BTreeMap<Name, Resource>,
    unreadable: Vec<Lost>,
}

/// The principals of one account.
pub(crate) struct Known {
    account: AccountId,
    names: BTreeSet<String>,
}

impl Known {
    /// Whether there is a principal with this ARN or id. Of another account nothing is known, so there
    /// is whoever is named.
    pub(crate) fn has(&self, name: &str) -> bool {
        let account = name.split(':').nth(4).or(Some(name));
        let account = account.and_then(|account| AccountId::parse(account).ok());
        match account {
            Some(account) if account != self.account => true,
            Some(_) if !name.contains(':') => true,
            _ => self.names.contains(name),
        }
    }
}

/// A resource that cannot be read.
#[derive(Deserialize)]
pub(super) struct Lost {
    pub(super) name: String,
    pub(super) reason: String,
}

#[derive(Deserialize)]
struct Shown {
    account: String,
    version: u64,
    resources: Vec<Named<Box<RawValue>>>,
    #[serde(default)]
    unreadable: Vec<Lost>,
}

#[derive(Serialize, Deserialize)]
struct Named<R> {
    name: String,
    resource: R,
}

#[derive(Serialize)]
struct Change<'r> {
    expected: u64,
    put: Vec<Named<&'r Resource>>,
    delete: Vec<String>,
}

impl<'a> Remote<'a> {
    /// Asks for it.
    pub(crate) fn fetch(node: &'a NodeArgs) -> Result<Self> {
        let text = ask::admin_text(node, "GET", "/state", "")?;
        let unknown = "the node's state is not one that this program knows";
        let shown: Shown = serde_json::from_str(&text).context(unknown)?;
        let mut resources = BTreeMap::new();
        for Named { name, resource } in shown.resources {
            let name = Name::parse(&name).context(unknown)?;
            let resource = Resource::read(name.kind(), resource.get().as_bytes());
            resources.insert(name, resource.context(unknown)?);
        }
        Ok(Self {
            node,
            account: AccountId::parse(&shown.account).context(unknown)?,
            text,
            version: shown.version,
            resources,
            unreadable: shown.unreadable,
        })
    }

    /// The node's own answer.
    pub(super) fn text(&self) -> &str {
        self.text.trim_end()
    }

    /// Whose resources it has.
    pub(super) fn account(&self) -> AccountId {
        self.account
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn resources(&self) -> &BTreeMap<Name, Resource> {
        &self.resources
    }

    pub(super) fn unreadable(&self) -> &[Lost] {
        &self.unreadable
    }

    /// The name of one of the account's.
    pub(super) fn name(&self, kind: Kind, name: &str) -> Result<Name> {
        let full = Name::of(kind, self.account, name);
        full.with_context(|| format!("{name:?} is no name of a {}", kind.as_str()))
    }

    /// A resource, by its name.
    pub(super) fn find(&self, kind: Kind, name: &str) -> Result<(String, Resource)> {
        let full = self.name(kind, name)?;
        let found = self.resources.get(&full);
        let found = found.with_context(|| format!("there is no {} {name}", kind.as_str()))?;
        Ok((full.to_string(), found.clone()))
    }

    /// A resource of this content, by its name.
    pub(super) fn resource(
        &self,
        kind: Kind,
        name: &str,
        content: &Value,
    ) -> Result<(String, Resource)> {
        let full = self.name(kind, name)?;
        let resource = Resource::read(kind, content.to_string().as_bytes())?;
        Ok((full.to_string(), resource))
    }

    /// The users and roles that there are.
    pub(crate) fn known(&self) -> Known {
        let mut names = BTreeSet::new();
        for (name, resource) in &self.resources {
            let (path, id) = match resource {
                Resource::User(user) => (&user.path, &user.id),
                Resource::Role(role) => (&role.path, &role.id),
                _ => continue,
            };
            let (account, kind, last) = (self.account, name.kind().as_str(), name.last());
            names.insert(format!("arn:aws:iam::{account}:{kind}{path}{last}"));
            names.extend(id.iter().map(|id| id.as_str().to_owned()));
        }
        Known {
            account: self.account,
            names,
        }
    }

    /// Makes what is not there.
    pub(super) fn create(&self, kind: Kind, name: &str, content: &Value) -> Result<()> {
        let full = self.name(kind, name)?;
        let there = self.resources.contains_key(&full);
        anyhow::ensure!(!there, "there is a {} {name} already", kind.as_str());
        self.put(vec![self.resource(kind, name, content)?])
    }

    /// Makes or replaces these.
    pub(super) fn put(&self, puts: Vec<(String, Resource)>) -> Result<()> {
        self.change(&puts, Vec::new()).map(drop)
    }

    /// Deletes these.
    pub(super) fn delete(&self, names: Vec<String>) -> Result<()> {
        self.change(&[], names).map(drop)
    }

    /// Makes and deletes, all or nothing; tells the new version.
    pub(super) fn change(&self, puts: &[(String, Resource)], delete: Vec<String>) -> Result<u64> {
        let put = puts.iter().map(|(name, resource)| Named {
            name: name.clone(),
            resource,
        });
        let change = Change {
            expected: self.version,
            put: put.collect(),
            delete,
        };
        let body = serde_json::to_string(&change)?;
        let answer = ask::admin(self.node, "POST", "/state", &body)?;
        answer["version"]
            .as_u64()
            .context("the node tells no version")
    }
}

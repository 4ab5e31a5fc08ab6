use crate::{Body, Fault, Name, Scope};
use serde::{Deserialize, Serialize};

/// Longest name of an account, in bytes. Source: Organizations API reference, "AccountName".
const NAME_LEN_MAX: usize = 50;

/// What is said of an account. One of which nothing is said is no less an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// What people call it.
    pub name: Box<str>,
}

impl Body for Account {
    const SCOPE: Scope = Scope::Account;

    fn check(&self, _: &Name) -> Result<(), Fault> {
        let legal = |c: char| !c.is_control();
        if self.name.is_empty() || self.name.len() > NAME_LEN_MAX || !self.name.chars().all(legal) {
            return Err(Fault::Inner {
                what: "name",
                name: self.name.clone(),
            });
        }
        Ok(())
    }
}

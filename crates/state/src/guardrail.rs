use crate::{Body, Document, Fault, Name, Scope};
use blockhouse_policy as policy;
use serde::{Deserialize, Serialize};

/// The most that may happen on this node at all, whoever asks: the operator's own policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    /// The policy.
    pub document: Document,
}

impl Body for Guardrail {
    const SCOPE: Scope = Scope::Node;

    fn check(&self, _: &Name) -> Result<(), Fault> {
        let kind = policy::Kind::Guardrail;
        self.document.check(kind, "document", kind.as_str())
    }
}

//! A policy within a resource: its text as it was written, and what it was compiled to.

use crate::Fault;
use blockhouse_policy::{Kind, Policy};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;
use std::sync::{Arc, OnceLock};

/// A policy document. In JSON it is the document itself, or a text that holds it, as IAM's API has it;
/// either way its own text is kept as it is, so that the places that errors name are its own.
#[derive(Clone)]
pub struct Document {
    text: Box<str>,
    /// Compiled once for all versions of the state that it is in.
    compiled: OnceLock<Arc<Policy>>,
}

impl Document {
    /// A document of this text, which need not be a policy.
    pub fn new(text: &str) -> Self {
        Self {
            text: text.into(),
            compiled: OnceLock::new(),
        }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Judges it as a policy of the kind; `id` is what decisions call it.
    pub fn check(&self, kind: Kind, name: &str, id: &str) -> Result<(), Fault> {
        let policy = Policy::parse(kind, id, &self.text).map_err(|fault| Fault::Policy {
            policy: name.into(),
            fault: Box::new(fault),
        })?;
        // Where it is compiled already, it is so to the same.
        let _ = self.compiled.set(Arc::new(policy));
        Ok(())
    }

    /// The policy. One that cannot be read denies everything.
    pub fn policy(&self, kind: Kind, id: &str) -> Arc<Policy> {
        let compile = || {
            let policy = Policy::parse(kind, id, &self.text);
            Arc::new(policy.unwrap_or_else(|_| Policy::unreadable(kind, id)))
        };
        Arc::clone(self.compiled.get_or_init(compile))
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Document").field(&self.text).finish()
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(&self.text) {
            // A text that is a JSON string itself would be read as what it holds, and one with spaces
            // around it without them.
            Ok(raw) if raw.get() == &*self.text && raw.get().starts_with('{') => raw.serialize(to),
            _ => self.text.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'{') => Ok(Self::new(text)),
            Some(b'"') => {
                let text: Box<str> = serde_json::from_str(text).map_err(D::Error::custom)?;
                Ok(Self::new(&text))
            }
            _ => Err(D::Error::custom(
                "a policy is an object, or a text that holds one",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Document;

    #[test]
    fn text_reads_back_as_it_was_written() {
        let texts = [
            "{}",
            " {}",
            "{}\n",
            "{\n \"Version\": \"\"\n}",
            "\"{}\"",
            " ",
            "",
        ];
        for text in texts {
            let json = serde_json::to_string(&Document::new(text)).unwrap();
            let again: Document = serde_json::from_str(&json).unwrap();
            assert_eq!(again.text(), text, "by way of {json}");
        }
    }
}

use crate::{Fault, Invalid, Name, Resource};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most resources that one change touches.
pub const CHANGE_RESOURCES_MAX: usize = 512;

/// A change of the state, as it is asked for: all of it, or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The version that it was made for.
    pub expected: u64,
    /// What is made, or replaced whole.
    pub puts: Vec<Put>,
    /// The names of what goes. Text, because a row that cannot be read must be able to go.
    pub deletes: Vec<Box<str>>,
}

/// A resource that is put.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub resource: Resource,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    expected: u64,
    #[serde(default)]
    put: Vec<PutDocument>,
    #[serde(default)]
    delete: Vec<Box<str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutDocument {
    name: Box<str>,
    resource: Box<RawValue>,
}

impl Change {
    /// Reads one: `{"expected": VERSION, "put": [{"name", "resource"}, …], "delete": [NAME, …]}`.
    pub fn read(json: &[u8]) -> Result<Self, Invalid> {
        let of_change = |fault| Invalid {
            resource: "change".into(),
            fault,
        };
        let document: Document = serde_json::from_slice(json)
            .map_err(|error| of_change(Fault::Json(error.to_string())))?;
        let touched = document.put.len() + document.delete.len();
        if touched > CHANGE_RESOURCES_MAX {
            return Err(of_change(Fault::TooMany {
                what: "resources of one change",
                max: CHANGE_RESOURCES_MAX,
            }));
        }
        let puts = document.put.into_iter().map(Put::read);
        Ok(Self {
            expected: document.expected,
            puts: puts.collect::<Result<_, _>>()?,
            deletes: document.delete,
        })
    }
}

impl Put {
    fn read(document: PutDocument) -> Result<Self, Invalid> {
        let invalid = |fault| Invalid {
            resource: document.name.chars().take(600).collect::<String>().into(),
            fault,
        };
        let name = Name::parse(&document.name).ok_or_else(|| invalid(Fault::Name))?;
        let resource = Resource::read(name.kind(), document.resource.get().as_bytes());
        Ok(Self {
            name,
            resource: resource.map_err(invalid)?,
        })
    }
}

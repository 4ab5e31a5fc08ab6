//! Maps of JSON that name nothing twice. Serde's own would keep the last of two, so that what is read is
//! not what was written.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    marker::PhantomData,
};

/// Reads an object whose names are all different.
pub(crate) fn map<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    from: D,
) -> Result<BTreeMap<Box<str>, V>, D::Error> {
    struct Unique<V>(PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Unique<V> {
        type Value = BTreeMap<Box<str>, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((name, value)) = from.next_entry::<Box<str>, V>()? {
                if map.contains_key(&name) {
                    return Err(A::Error::custom(format_args!("{name} stands there twice")));
                }
                map.insert(name, value);
            }
            Ok(map)
        }
    }
    from.deserialize_map(Unique(PhantomData))
}

/// Reads a list of texts that are all different.
pub(crate) fn set<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<Box<str>>, D::Error> {
    struct Unique;
    impl<'de> Visitor<'de> for Unique {
        type Value = BTreeSet<Box<str>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of names")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut set = BTreeSet::new();
            while let Some(name) = from.next_element::<Box<str>>()? {
                if set.contains(&name) {
                    return Err(A::Error::custom(format_args!("{name} stands there twice")));
                }
                set.insert(name);
            }
            Ok(set)
        }
    }
    from.deserialize_seq(Unique)
}

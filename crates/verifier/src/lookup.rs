//! Finds the key that a request names in the same time whether there is such a key or not.
//!
//! A table by the keyed hash of the id, of which a look-up reads the same number of places always and
//! chooses among them without a branch. Who asks for a key that is not there is given one that nobody
//! has, and is judged by it to the end: how long a refusal takes tells nobody which keys exist.

use crate::keys::{KeyStore, KnownKey};
use std::{collections::hash_map::RandomState, hash::BuildHasher as _, sync::Arc};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

/// Places that a look-up reads.
const WINDOW: usize = 8;

/// Places of the smallest table.
const PLACES_MIN: usize = 16;

/// The number of the key that nobody has.
const NOBODY: u32 = 0;

/// The enabled keys of one moment.
#[derive(Debug)]
pub(crate) struct Lookup {
    hasher: RandomState,
    /// The first is the one that nobody has.
    keys: Vec<Arc<KnownKey>>,
    places: Vec<Place>,
    /// The bits of a hash that say where a window begins.
    mask: usize,
}

/// An id's hash and its key's number.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    hash: u64,
    key: u32,
}

/// What a look-up comes to.
pub(crate) struct Found<'a> {
    /// The key, or the one that nobody has.
    pub(crate) key: &'a Arc<KnownKey>,
    /// Whether it is the one that was asked for. An id of the same hash as another's is taken for it
    /// here; whoever accepts what the key signed must look at the id.
    pub(crate) is_known: bool,
}

impl Lookup {
    /// The enabled keys of a store.
    pub(crate) fn new(store: &KeyStore) -> Self {
        // It judges in order to take time, and what it accepts is refused: its secret is none.
        let mut keys = vec![Arc::new(KnownKey::nobody())];
        keys.extend(store.enabled().cloned());
        let mut size = PLACES_MIN.max(2 * keys.len().next_power_of_two());
        loop {
            let hasher = RandomState::new();
            if let Some(places) = place_all(&keys, &hasher, size) {
                let mask = size - 1;
                return Self {
                    hasher,
                    keys,
                    places,
                    mask,
                };
            }
            // Too many side by side, or two of one hash: elsewhere, and with more room.
            size *= 2;
        }
    }

    /// The key of this id, or the one that nobody has.
    pub(crate) fn find(&self, id: &str) -> Found<'_> {
        let hash = self.hasher.hash_one(id);
        let home = hash as usize & self.mask;
        let mut number = NOBODY;
        for place in &self.places[home..home + WINDOW] {
            number.conditional_assign(&place.key, place.hash.ct_eq(&hash));
        }
        Found {
            key: &self.keys[number as usize],
            is_known: number != NOBODY,
        }
    }
}

/// Each key in the first free place of its window; `None` where one finds none.
fn place_all(keys: &[Arc<KnownKey>], hasher: &RandomState, size: usize) -> Option<Vec<Place>> {
    // The last window may begin at the last place.
    let mut places = vec![Place::default(); size + WINDOW];
    for (number, key) in keys.iter().enumerate().skip(1) {
        let hash = hasher.hash_one(&*key.id);
        let home = hash as usize & (size - 1);
        let window = &mut places[home..home + WINDOW];
        if window.iter().any(|place| place.hash == hash) {
            return None;
        }
        let free = window.iter_mut().find(|place| place.key == NOBODY)?;
        let key = u32::try_from(number).ok()?;
        *free = Place { hash, key };
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_types::AccountId;
    use blockhouse_verifier_wire::{
        Principal,
        provision::{Material, NewKey},
    };
    use zeroize::Zeroizing;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let key = |n: usize, enabled| NewKey {
            id: format!("AK{n}"),
            principal: Principal::Root {
                account: AccountId::from_number(1).unwrap(),
            },
            enabled,
            material: Material::Secret(Zeroizing::new("hush".to_owned())),
        };
        for count in [0, 1, 7, 100, 3000] {
            let store = KeyStore::new((0..count).map(|n| key(n, n % 5 != 4))).unwrap();
            let lookup = Lookup::new(&store);
            for n in 0..2 * count {
                let id = format!("AK{n}");
                let found = lookup.find(&id);
                assert_eq!(found.is_known, n < count && n % 5 != 4, "{id} of {count}");
                assert_eq!(&*found.key.id, if found.is_known { &*id } else { "" });
            }
            assert!(!lookup.find("").is_known);
        }
    }
}

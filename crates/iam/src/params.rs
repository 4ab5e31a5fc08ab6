//! The parameters of a call: a form, `Name=value&…`, with lists as `Name.member.1`, `Name.member.2`.
//!
//! Strict where AWS is lax: a parameter that nobody asked for is refused, since a policy whose name is
//! spelt wrongly would be a policy that is not simulated.

use crate::Error;
use percent_encoding::percent_decode;
use std::collections::BTreeMap;

/// Bytes of a body at most.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Parameters of a call at most.
pub const PARAMS_MAX: usize = 20_000;

/// The parameters that nobody took yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads a body. What is no form, is not UTF-8, or names a parameter twice is a ValidationError.
    pub fn read(body: &[u8]) -> Result<Self, Error> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Error::validation("The request is too long"));
        }
        let mut params = BTreeMap::new();
        for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            if params.len() == PARAMS_MAX {
                return Err(Error::validation("The request has too many parameters"));
            }
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if params.insert(name, value).is_some() {
                return Err(Error::validation("A parameter stands twice"));
            }
        }
        Ok(Self(params))
    }

    /// Takes the parameter of this name; one without a value counts as absent.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// Takes a list of values. An empty list may be written as `Name=`.
    pub fn list(&mut self, name: &str, items_max: usize) -> Result<Vec<String>, Error> {
        self.members(name, items_max, |params, member| params.0.remove(member))
    }

    /// Takes a list whose members have parameters of their own, each with `take`, which says `None`
    /// where there is no such member.
    pub fn members<T>(
        &mut self,
        name: &str,
        items_max: usize,
        mut take: impl FnMut(&mut Self, &str) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        if self.0.get(name).is_some_and(String::is_empty) {
            self.0.remove(name);
        }
        let mut items = Vec::new();
        while let Some(item) = take(self, &format!("{name}.member.{}", items.len() + 1)) {
            if items.len() == items_max {
                return Err(Error::validation(format!(
                    "Value at '{name}' failed to satisfy constraint: Member must have length less than \
                     or equal to {items_max}"
                )));
            }
            items.push(item);
        }
        Ok(items)
    }

    /// Refuses what nobody took.
    pub fn finish(self) -> Result<(), Error> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::validation(format!(
                "Unknown parameter, or a gap in a list: {}",
                shown(name)
            ))),
        }
    }
}

/// As much of what a client sent as an error repeats.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(128).collect()
}

fn decode(text: &[u8]) -> Result<String, Error> {
    let refuse = || Error::validation("The request is not a form in UTF-8");
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    let mut whole = spaced.iter().enumerate().filter(|(_, b)| **b == b'%');
    let is_hex = |at: usize| spaced.get(at).is_some_and(u8::is_ascii_hexdigit);
    if !whole.all(|(at, _)| is_hex(at + 1) && is_hex(at + 2)) {
        return Err(refuse());
    }
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(decoded).map_err(|_| refuse())
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    fn read(body: &str) -> Params {
        Params::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn lists_and_what_is_left_over() {
        let mut params = read("A.member.1=x&A.member.2=y+z&B=&C=%2B&A.member.4=lost");
        assert_eq!(params.list("A", 10).unwrap(), ["x", "y z"]);
        assert_eq!(params.list("B", 10).unwrap(), Vec::<String>::new());
        assert_eq!(params.take("C").as_deref(), Some("+"));
        let error = params.finish().unwrap_err();
        assert!(error.message.contains("A.member.4"), "{error:?}");
        assert!(read("A.member.1=x&A.member.2=y").list("A", 1).is_err());
    }

    #[test]
    fn no_forms() {
        for body in ["a=1&a=2", "a=%", "a=%f", "a=%zz", "a=%ff"] {
            assert!(Params::read(body.as_bytes()).is_err(), "{body}");
        }
        let many: String = (0..=PARAMS_MAX).map(|n| format!("{n}=&")).collect();
        assert!(Params::read(many.as_bytes()).is_err());
        assert!(Params::read(&vec![b'a'; BODY_BYTES_MAX + 1]).is_err());
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read(pairs in prop::collection::btree_map("\\PC{1,20}", "\\PC{0,20}", 0..20)) {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let body: Vec<String> = pairs.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
            prop_assert_eq!(read(&body.join("&")).0, pairs);
        }

        #[test]
        fn anything_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Params::read(&body);
        }
    }
}

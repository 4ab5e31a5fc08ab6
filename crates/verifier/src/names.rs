//! The names of one endpoint: a canonical one and its aliases, as the operator declared them.
//!
//! A link made for any of them works under each, and is one link under all: made inside, used
//! outside through a proxy. What a proxy says of the name that it was asked for (`X-Forwarded-Host`)
//! is never looked at: any client can say that.

use std::fmt;

/// Alias names of one endpoint at most.
pub const ALIASES_MAX: usize = 8;

/// The names that are one endpoint; none, where nothing was declared.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The canonical name first.
    all: Vec<Box<str>>,
}

/// More than [`ALIASES_MAX`] aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an endpoint has at most {ALIASES_MAX} alias names")]
pub struct TooManyAliases;

/// A host that is one of the names, or below one of them (`bucket.name`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    names: &'a Names,
    /// What stands before the name, with its dot: a bucket in virtual-hosted style.
    before: &'a str,
    /// Which of them.
    at: usize,
    /// Whether it stands there letter by letter.
    exact: bool,
}

impl Names {
    /// One endpoint's names. Each is a value of `Host` as signers write it: with a port, unless that
    /// is the default of the scheme.
    pub fn new(
        canonical: &str,
        aliases: impl IntoIterator<Item = String>,
    ) -> Result<Self, TooManyAliases> {
        let mut all = vec![canonical.to_ascii_lowercase().into_boxed_str()];
        for alias in aliases {
            let alias = alias.to_ascii_lowercase().into_boxed_str();
            if !all.contains(&alias) {
                all.push(alias);
            }
        }
        if all.len() > 1 + ALIASES_MAX {
            return Err(TooManyAliases);
        }
        Ok(Self { all })
    }

    /// The canonical name, if any was declared.
    pub(crate) fn first(&self) -> Option<&str> {
        self.all.first().map(|name| &**name)
    }

    /// Finds the host among the names; the longest decides.
    pub(crate) fn find<'a>(&'a self, host: &'a str) -> Option<Named<'a>> {
        let named = self.all.iter().enumerate().filter_map(|(at, name)| {
            let (before, tail) = host.split_at_checked(host.len().checked_sub(name.len())?)?;
            let below = before.is_empty() || (before.len() > 1 && before.ends_with('.'));
            (below && tail.eq_ignore_ascii_case(name)).then_some(Named {
                names: self,
                before,
                at,
                exact: *tail == **name,
            })
        });
        named.min_by_key(|named| named.before.len())
    }
}

impl Named<'_> {
    /// Whether the host is by the canonical name already.
    pub(crate) fn is_canonical(&self) -> bool {
        self.at == 0 && self.exact
    }

    /// The same host by the canonical name.
    pub(crate) fn canonical(&self) -> String {
        self.by(0)
    }

    /// The same host in every other spelling: by the other names, and by its own as declared.
    pub(crate) fn others(&self) -> impl Iterator<Item = String> {
        let others = (0..self.names.all.len()).filter(|at| *at != self.at || !self.exact);
        others.map(|at| self.by(at))
    }

    fn by(&self, at: usize) -> String {
        let name = self.names.all.get(at).map_or("", |name| &**name);
        format!("{}{name}", self.before)
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.all.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let aliases = [
            "files.example".to_owned(),
            "S3.Files.Example:9443".to_owned(),
        ];
        Names::new("10.0.0.1:9000", aliases).unwrap()
    }

    #[test]
    fn a_host_is_found_by_any_name_and_below_it() {
        let names = names();
        let canonical = |host: &str| names.find(host).map(|named| named.canonical());
        for (host, by_canonical) in [
            ("10.0.0.1:9000", "10.0.0.1:9000"),
            ("files.example", "10.0.0.1:9000"),
            ("FILES.example", "10.0.0.1:9000"),
            ("bkt.files.example", "bkt.10.0.0.1:9000"),
            ("bkt.s3.files.example:9443", "bkt.10.0.0.1:9000"),
        ] {
            assert_eq!(canonical(host).as_deref(), Some(by_canonical), "{host}");
        }
        for foreign in [
            "",
            "example",
            ".files.example",
            "xfiles.example",
            "files.example:80",
        ] {
            assert_eq!(canonical(foreign), None, "{foreign}");
        }
        assert!(Names::default().find("files.example").is_none());
    }

    #[test]
    fn the_others_are_all_but_the_received_one() {
        let names = names();
        let others: Vec<_> = names.find("b.files.example").unwrap().others().collect();
        assert_eq!(others, ["b.10.0.0.1:9000", "b.s3.files.example:9443"]);
    }

    #[test]
    fn only_the_canonical_name_needs_no_other_spelling() {
        let names = Names::new("a.b", ["c.d".to_owned()]).unwrap();
        let canonical = |host| names.find(host).unwrap().is_canonical();
        assert!(canonical("a.b") && canonical("x.a.b"));
        assert!(!canonical("A.b") && !canonical("c.d"));
    }

    #[test]
    fn the_bound_holds() {
        let aliases = |count: usize| (0..count).map(|n| format!("a{n}"));
        assert!(Names::new("c", aliases(ALIASES_MAX)).is_ok());
        assert!(Names::new("c", aliases(ALIASES_MAX + 1)).is_err());
        // One that stands twice is one.
        assert!(Names::new("a0", aliases(ALIASES_MAX + 1)).is_ok());
    }
}

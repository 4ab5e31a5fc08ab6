//! `identity apply`: what a file says becomes so, whole or not at all.

use crate::cli::identity::ApplyArgs;
use crate::remote::Remote;
use anyhow::{Context as _, Result, bail, ensure};
use blockhouse_state::{Kind, Name, Resource};
use blockhouse_types::AccountId;
use serde::{Deserialize, Deserializer, de::MapAccess, de::Visitor};
use serde_json::{Value, value::RawValue};
use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{IsTerminal as _, Read as _, Write as _, stdin, stdout},
    path::Path,
    process::ExitCode,
};

/// Bytes of a file at most: more than one change can be.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What `--prune` deletes.
const PRUNED: [Kind; 4] = [Kind::User, Kind::Group, Kind::Role, Kind::Policy];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(deserialize_with = "pairs")]
    resources: Vec<(String, Box<RawValue>)>,
}

/// What the node has to change.
#[derive(Default)]
struct Difference {
    puts: Vec<(String, Resource)>,
    deletes: Vec<String>,
    lines: Vec<String>,
}

pub(super) fn run(args: &ApplyArgs) -> Result<ExitCode> {
    let text = read(&args.file)?;
    let shown = || format!("{}", args.file.display());
    let document: Document = serde_json::from_str(&text).with_context(shown)?;
    let remote = Remote::fetch(&args.node)?;
    let difference = difference(&remote, document, args.prune).with_context(shown)?;
    if difference.lines.is_empty() {
        println!("nothing differs from version {}", remote.version());
        return Ok(ExitCode::SUCCESS);
    }
    for line in &difference.lines {
        println!("{line}");
    }
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !agreed()? {
        println!("nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    let version = remote.change(&difference.puts, difference.deletes)?;
    println!("version {version}");
    Ok(ExitCode::SUCCESS)
}

fn difference(remote: &Remote<'_>, document: Document, prune: bool) -> Result<Difference> {
    let mut difference = Difference::default();
    let mut named = BTreeMap::new();
    for (text, content) in document.resources {
        let name = full_name(&text, remote.account());
        let name = name.with_context(|| format!("{text:?} is no name of a resource"))?;
        let resource = Resource::read(name.kind(), content.get().as_bytes());
        let mut resource = resource.with_context(|| text.clone())?;
        let there = remote.resources().get(&name);
        if let Some(there) = there {
            keep_given(&mut resource, there);
        }
        let twice = named.insert(name.clone(), ()).is_some();
        ensure!(!twice, "{name} stands there twice");
        match there {
            Some(there) if *there == resource => continue,
            Some(there) => {
                let fields = changed_fields(there, &resource)?.join(", ");
                difference.lines.push(format!("~ {name}: {fields}"));
            }
            None => difference.lines.push(format!("+ {name}")),
        }
        difference.puts.push((name.to_string(), resource));
    }
    for name in remote.resources().keys() {
        let goes = prune && PRUNED.contains(&name.kind()) && !named.contains_key(name);
        if goes {
            difference.lines.push(format!("- {name}"));
            difference.deletes.push(name.to_string());
        }
    }
    Ok(difference)
}

/// A file may leave the account out: `user/alice`.
fn full_name(text: &str, account: AccountId) -> Option<Name> {
    if let Some(name) = Name::parse(text) {
        return Some(name);
    }
    match text.split_once('/') {
        Some((kind, last)) => Name::of(Kind::parse(kind)?, account, last),
        None => Name::of_account(Kind::parse(text)?, account),
    }
}

/// What the node gave is no difference.
fn keep_given(resource: &mut Resource, there: &Resource) {
    let (id, created, of_id, of_created) = match (resource, there) {
        (Resource::User(new), Resource::User(old)) => {
            (&mut new.id, &mut new.created, &old.id, &old.created)
        }
        (Resource::Role(new), Resource::Role(old)) => {
            (&mut new.id, &mut new.created, &old.id, &old.created)
        }
        _ => return,
    };
    if id.is_none() {
        id.clone_from(of_id);
    }
    if created.is_none() {
        created.clone_from(of_created);
    }
}

pub(crate) fn changed_fields(there: &Resource, new: &Resource) -> Result<Vec<String>> {
    let (there, new) = (serde_json::to_value(there)?, serde_json::to_value(new)?);
    let empty = serde_json::Map::new();
    let fields = |value: &'_ Value| value.as_object().cloned().unwrap_or_else(|| empty.clone());
    let (there, new) = (fields(&there), fields(&new));
    let names = there.keys().chain(new.keys());
    let mut names: Vec<String> = names
        .filter(|name| there.get(*name) != new.get(*name))
        .cloned()
        .collect();
    names.sort_unstable();
    names.dedup();
    // A policy of the same meaning that is written in another way.
    if names.is_empty() {
        names.push("white space".to_owned());
    }
    Ok(names)
}

pub(crate) fn agreed() -> Result<bool> {
    if !stdin().is_terminal() {
        bail!("nobody is there to be asked: --yes or --dry-run");
    }
    print!("Change this? [y/N] ");
    stdout().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "yes"))
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let mut take =
        |from: &mut dyn std::io::Read| from.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    let len = match path.to_str() {
        Some("-") => take(&mut stdin()),
        _ => File::open(path).and_then(|mut file| take(&mut file)),
    };
    let len = len.with_context(|| format!("{}", path.display()))?;
    ensure!(
        len as u64 <= FILE_BYTES_MAX,
        "{}: at most 4 MiB",
        path.display()
    );
    Ok(text)
}

/// An object's members in order, so that a name that stands there twice is seen.
fn pairs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, Box<RawValue>)>, D::Error> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, Box<RawValue>)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of resources by their names")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = from.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    from.deserialize_map(Pairs)
}

//! The packet filter of a namespace: skeleton and rules by the program `nft`, large sets by netlink.
//!
//! `nft` takes a batch as JSON on its input and hands it to the kernel in one transaction: a batch that
//! the kernel refuses leaves the old rules as they are. Filling a set of a hundred thousand ranges by it
//! takes a second, so that large ones go by netlink, each by itself in one transaction.

use blockhouse_netfilter::{AddressSet, Family, Plan, TABLE, Table};
use blockhouse_netlink::{
    Failed,
    namespace::Namespace,
    nft::{
        BadNftName, BadRange, Key, KeyRange, NftName, NftSocket, SetName, SetUpdate, UpdateError,
    },
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    process::{Command, Stdio},
};

/// Sets with more ranges go by netlink.
const RANGES_BY_NFT_MAX: usize = 1000;

/// Bytes of what `nft` says that are kept.
const SAID_BYTES_MAX: usize = 600;

/// Why rules are as they were.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The program `nft` did not run.
    #[error("the program nft does not run")]
    Run(#[source] io::Error),
    /// It, or the kernel, refuses the batch.
    #[error("the packet filter refuses: {0}")]
    Refused(String),
    /// What it lists cannot be read.
    #[error("nft's list of sets cannot be read")]
    List(#[source] serde_json::Error),
    /// The namespace cannot be entered.
    #[error(transparent)]
    Namespace(#[from] Failed),
    /// A set cannot be filled.
    #[error("filling a set")]
    Set(#[from] UpdateError),
    /// A set or range that the kernel cannot have: our own fault.
    #[error("a set that cannot be")]
    Name(#[from] BadNftName),
    /// Likewise.
    #[error("a range that cannot be")]
    Range(#[from] BadRange),
}

/// The names of the sets and meters that a namespace has.
pub(crate) type Sets = BTreeSet<String>;

/// Tries all of it on the kernel, and changes nothing.
pub(crate) fn check(plan: &Plan, there: &Sets, inside: &Namespace) -> Result<(), RulesError> {
    let mut batch = commands(plan.skeleton(|name| there.contains(name)));
    batch.extend(commands(plan.rules(RANGES_BY_NFT_MAX)));
    nft(inside, &["-c"], &serde_json::json!({ "nftables": batch })).map(drop)
}

/// Puts the plan's rules in force; `before` is what was in force, if that is known. Gives the sets that
/// there are now, if they are others.
pub(crate) fn apply(
    plan: &Plan,
    before: Option<&Plan>,
    (inside, socket): (&Namespace, &mut NftSocket),
) -> Result<Option<Sets>, RulesError> {
    let skeleton = |plan: &Plan| plan.skeleton(|_| false);
    let is_built = before.is_some_and(|before| skeleton(before) == skeleton(plan));
    if !is_built {
        let there = sets(inside)?;
        nft(inside, &[], &plan.skeleton(|name| there.contains(name)))?;
    }
    fill(plan, before, socket)?;
    nft(inside, &[], &plan.rules(RANGES_BY_NFT_MAX))?;
    if is_built {
        return Ok(None);
    }
    if let Some(leftovers) = before.and_then(|before| plan.leftovers(before)) {
        nft(inside, &[], &leftovers)?;
    }
    sets(inside).map(Some)
}

/// Fills the large sets: by what differs, where it is known what was in them.
fn fill(plan: &Plan, before: Option<&Plan>, socket: &mut NftSocket) -> Result<(), RulesError> {
    let is_large =
        |set: &AddressSet| set.table == Table::Inet && set.ranges.len() > RANGES_BY_NFT_MAX;
    let known: Vec<AddressSet> = before
        .into_iter()
        .flat_map(Plan::sets)
        .filter(is_large)
        .collect();
    let mut updates = Vec::new();
    for set in plan.sets().filter(is_large) {
        let old = known.iter().find(|old| old.name == set.name);
        if old.is_some_and(|old| old.ranges == set.ranges) {
            continue;
        }
        updates.push(update(&set, old)?);
    }
    Ok(socket.update(&updates)?)
}

fn update(set: &AddressSet, old: Option<&AddressSet>) -> Result<SetUpdate, RulesError> {
    let ranges = |set: &AddressSet| -> Result<BTreeSet<KeyRange>, BadRange> {
        let ranges = set.ranges.iter();
        ranges
            .map(|(first, last)| KeyRange::new(*first, *last))
            .collect()
    };
    let new = ranges(set)?;
    let old_ranges = old.map(ranges).transpose()?;
    let empty = BTreeSet::new();
    let there = old_ranges.as_ref().unwrap_or(&empty);
    Ok(SetUpdate {
        set: SetName {
            table: TABLE.parse::<NftName>()?,
            set: set.name.parse::<NftName>()?,
        },
        key: match set.family {
            Family::V4 => Key::V4,
            Family::V6 => Key::V6,
        },
        flush: old.is_none(),
        delete: there.difference(&new).copied().collect(),
        add: new.difference(there).copied().collect(),
    })
}

fn commands(batch: Value) -> Vec<Value> {
    match batch {
        Value::Object(mut fields) => match fields.remove("nftables") {
            Some(Value::Array(commands)) => commands,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Asks for them.
fn sets(inside: &Namespace) -> Result<Sets, RulesError> {
    #[derive(Deserialize)]
    struct Listed {
        nftables: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        set: Option<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let listed = run(inside, &["-j", "-t", "list", "sets"], b"")?;
    let listed: Listed = serde_json::from_slice(&listed).map_err(RulesError::List)?;
    let named = listed.nftables.into_iter().filter_map(|entry| entry.set);
    Ok(named.map(|set| set.name).collect())
}

fn nft(inside: &Namespace, how: &[&str], batch: &Value) -> Result<Vec<u8>, RulesError> {
    let arguments = [how, &["-j", "-f", "-"]].concat();
    run(inside, &arguments, batch.to_string().as_bytes())
}

/// Runs the program in the namespace, and gives what it prints.
fn run(inside: &Namespace, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, RulesError> {
    let output = inside.run(|| {
        let mut child = Command::new("nft")
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // It reads all of its input before it prints; one that ends early says why.
        let taken = child.stdin.take().map(|mut stdin| stdin.write_all(input));
        let output = child.wait_with_output()?;
        match taken {
            Some(Err(error)) if output.status.success() => Err(error),
            _ => Ok(output),
        }
    })?;
    let output = output.map_err(RulesError::Run)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    let said = &said[..said.floor_char_boundary(SAID_BYTES_MAX)];
    Err(RulesError::Refused(said.replace('\n', "; ")))
}

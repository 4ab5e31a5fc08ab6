//! The shape of the repository, held by a test: the arrows between crates, the opening prose of every
//! module, and words that do not belong here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every `.rs` file of the product and its tests.
fn sources() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![]);
    for top in ["src", "crates", "tests", "fuzz", "bench"] {
        folders.push(root().join(top));
    }
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let skipped = path
                .file_name()
                .is_some_and(|n| n == "target" || n == ".venv");
            if path.is_dir() && !skipped {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(
        found.len() > 50,
        "the walk found {} files only",
        found.len()
    );
    found
}

/// The table of `docs/architecture.md`.
fn arrows_allowed() -> BTreeMap<String, BTreeSet<String>> {
    let page = read(&root().join("docs/architecture.md"));
    let (_, rest) = page
        .split_once("<!-- arrows -->")
        .expect("the table's begin mark");
    let (table, _) = rest
        .split_once("<!-- /arrows -->")
        .expect("the table's end mark");
    let row = |line: &str| -> Option<(String, BTreeSet<String>)> {
        let mut cells = line.trim().trim_matches('|').split('|').map(str::trim);
        let (name, may) = (cells.next()?, cells.next()?);
        let may = may.split(',').map(str::trim).filter(|m| !m.is_empty());
        Some((name.to_owned(), may.map(str::to_owned).collect()))
    };
    table
        .lines()
        .filter(|l| l.starts_with("| ") && !l.contains("may know"))
        .filter_map(row)
        .collect()
}

/// What `cargo metadata` says: for each package its normal and build dependencies in the workspace.
fn arrows_drawn() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let short = |name: &str| name.strip_prefix("blockhouse-").unwrap_or(name).to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    let members: BTreeSet<_> = packages
        .iter()
        .map(|p| short(p["name"].as_str().unwrap()))
        .collect();
    let mut drawn = BTreeMap::new();
    for package in packages {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let known = dependencies
            .filter(|d| d["kind"].as_str() != Some("dev"))
            .map(|d| short(d["name"].as_str().unwrap()))
            .filter(|d| members.contains(d));
        drawn.insert(short(package["name"].as_str().unwrap()), known.collect());
    }
    drawn.remove("blockhouse");
    drawn
}

#[test]
fn the_arrows_are_those_of_the_map() {
    let (allowed, drawn) = (arrows_allowed(), arrows_drawn());
    let names = |map: &BTreeMap<String, _>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&allowed),
        names(&drawn),
        "the map and the workspace name the same crates"
    );
    for (name, known) in &drawn {
        let beyond: Vec<_> = known.difference(&allowed[name]).collect();
        assert!(
            beyond.is_empty(),
            "{name} knows {beyond:?}, which docs/architecture.md does not allow"
        );
        assert!(!known.contains("xtask"), "{name} depends on a tool");
    }
}

#[test]
fn every_crate_and_folder_module_opens_with_prose() {
    for path in sources() {
        let text = read(&path);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let has_folder = path.with_extension("").is_dir();
        if name == "lib.rs" || name == "main.rs" || has_folder {
            assert!(
                text.starts_with("//!"),
                "{} does not open with `//!`",
                path.display()
            );
        }
    }
}

/// The crates that do not forbid `unsafe`, what for, and the files that have it; `None` is all.
const UNSAFE_CRATES: [(&str, &str, Option<&str>); 3] = [
    ("crates/uring", "memory that the kernel writes to", None),
    (
        "crates/netlink",
        "socket options",
        Some("crates/netlink/src/sockopt.rs"),
    ),
    (
        "crates/digest",
        "vector instructions",
        Some("crates/digest/src/kernel/x86.rs"),
    ),
];

#[test]
fn unsafe_code_is_where_it_may_be() {
    for path in sources() {
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        let text = read(&path);
        let allowed = UNSAFE_CRATES
            .iter()
            .find(|(folder, ..)| Path::new(&shown).starts_with(folder));
        match allowed {
            None => assert!(
                !path.ends_with("src/lib.rs") || text.contains("#![forbid(unsafe_code)]"),
                "{shown} does not forbid unsafe"
            ),
            Some((_, why, Some(file))) => assert!(
                shown == *file || !text.contains("unsafe {") && !text.contains("unsafe fn"),
                "{shown} is unsafe; {why} are in {file}"
            ),
            Some((_, _, None)) => {}
        }
    }
}

/// Debt is written down as an issue, not left in the code.
#[test]
fn no_debt_marks() {
    let marks = ["TODO", "FIXME", "XXX", "HACK"].map(|m| format!("// {m}"));
    for path in sources() {
        if path.ends_with("tests/tidy.rs") {
            continue;
        }
        let text = read(&path);
        for mark in &marks {
            assert!(
                !text.contains(mark.as_str()),
                "{} has a `{mark}`",
                path.display()
            );
        }
        assert!(
            text.lines().count() <= 1000,
            "{} passes a thousand lines",
            path.display()
        );
    }
}

//! No operation of the data plane lacks a row in the table of actions.
//!
//! The crate that names the operations is not known here, and need not be: its source is, in which
//! every name stands behind an arrow.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use blockhouse_policy::{OPERATIONS, operation};
use std::{collections::BTreeSet, fs, path::PathBuf};

/// The names that `Operation::name` and its helpers give.
fn names() -> BTreeSet<String> {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../s3/src");
    let mut names = BTreeSet::new();
    for file in ["operation.rs", "operation/bucket.rs"] {
        let text = fs::read_to_string(source.join(file)).unwrap();
        let begins = ["fn name(", "fn get_name(", "fn delete_name("];
        for begin in begins.into_iter().filter_map(|f| text.find(f)) {
            let body = text[begin..].lines().take_while(|line| *line != "    }");
            let quoted = body.filter_map(|line| line.split_once("=> \"")?.1.split_once('"'));
            names.extend(quoted.map(|(name, _)| name.to_owned()));
        }
    }
    names
}

#[test]
fn no_operation_lacks_a_row() {
    let names = names();
    assert!(names.len() > 50, "the walk found {names:?} only");
    let lacking: Vec<_> = names
        .iter()
        .filter(|name| operation(name).is_none())
        .collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}

#[test]
fn every_row_needs_something() {
    for row in OPERATIONS {
        let needs = !row.s3.is_empty() || !row.outposts.is_empty();
        assert!(needs, "{} needs nothing", row.operation);
    }
}

//! Does a kernel take the rules, and does it do what the classification says? In network namespaces that
//! end with the commands in them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod packets;

use blockhouse_netfilter::{Model, Plan};
use serde_json::Value;
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// Says why nothing can be shown here.
fn cannot_run() -> Option<&'static str> {
    let works = |command: &mut Command| command.output().is_ok_and(|o| o.status.success());
    if !works(Command::new("nft").arg("--version")) {
        return Some("no nft on PATH");
    }
    let lists = Command::new("unshare")
        .args(["-n", "nft", "list", "ruleset"])
        .output();
    match lists {
        Ok(output) if output.status.success() => None,
        _ => Some("no right to make a network namespace with nf_tables"),
    }
}

/// Applies batches one after the other in one new namespace, and gives what is there then.
fn apply(batches: &[Value]) -> String {
    // Each batch is a line; nft reads one document at a time.
    let script = "set -e; while read -r batch; do printf '%s' \"$batch\" | nft -j -f -; done; nft list ruleset";
    let mut shell = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    for batch in batches {
        // The shell may be gone already, because a batch was refused; its own words say more.
        let _ = writeln!(stdin, "{batch}");
    }
    drop(stdin);
    let output = shell.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "nft refused a batch: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn plans(yaml: &str) -> Vec<Plan> {
    Model::from_yaml(yaml).unwrap().check().unwrap().compile()
}

#[test]
fn a_kernel_takes_skeleton_and_rules_again_and_again() {
    if let Some(reason) = cannot_run() {
        println!("NET-SKIP {reason}");
        return;
    }
    for plan in plans(include_str!("../golden/network.yaml")) {
        let (first, again) = (plan.skeleton(|_| false), plan.skeleton(|_| true));
        let rules = plan.rules(usize::MAX);
        let once = apply(&[first.clone(), rules.clone()]);
        let twice = apply(&[first, rules.clone(), again, rules.clone(), rules]);
        assert_eq!(once, twice, "{}", plan.namespace);
    }
}

#[test]
fn what_an_older_plan_had_is_removed() {
    if let Some(reason) = cannot_run() {
        println!("NET-SKIP {reason}");
        return;
    }
    let yaml = include_str!("../golden/network.yaml");
    let renamed = yaml.replace("vpce-b", "vpce-c").replace("eth1", "eth9");
    let (old, new) = (plans(yaml), plans(&renamed));
    assert_eq!(
        old[..2],
        new[..2],
        "the other namespaces' plans are the same"
    );
    let (old, new) = (&old[2], &new[2]);
    let made = apply(&[new.skeleton(|_| false), new.rules(usize::MAX)]);
    let changed = apply(&[
        old.skeleton(|_| false),
        old.rules(usize::MAX),
        new.skeleton(|_| false),
        new.rules(usize::MAX),
        new.leftovers(old).unwrap(),
    ]);
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&made), sorted(&changed));
    assert!(new.leftovers(new).is_none());
}

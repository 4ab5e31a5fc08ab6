//! The rules as the kernel gets them, frozen: a change to them is read as a difference before it is
//! merged. `BLOCKHOUSE_GOLDEN=renew cargo test -p blockhouse-netfilter --test golden` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use blockhouse_netfilter::{Model, Plan};
use serde_json::Value;
use std::{fmt::Write, fs, path::PathBuf};

/// One command a line, so that a difference shows the commands that differ.
fn lines(batch: &Value) -> String {
    let mut text = String::new();
    for command in batch["nftables"].as_array().unwrap() {
        writeln!(text, "{command}").unwrap();
    }
    text
}

fn shown(plan: &Plan) -> String {
    let Plan {
        namespace,
        links,
        routes,
        reply_rules,
        listeners,
        ..
    } = plan;
    let mut text = format!("# namespace {namespace}\n");
    links
        .iter()
        .for_each(|each| writeln!(text, "{each:?}").unwrap());
    routes
        .iter()
        .for_each(|each| writeln!(text, "{each:?}").unwrap());
    reply_rules
        .iter()
        .for_each(|each| writeln!(text, "{each:?}").unwrap());
    listeners
        .iter()
        .for_each(|each| writeln!(text, "{each:?}").unwrap());
    text += "\n# skeleton\n";
    text += &lines(&plan.skeleton(|_| false));
    text += "\n# rules\n";
    text += &lines(&plan.rules(usize::MAX));
    text
}

#[test]
fn the_rendered_plans_are_the_golden_ones() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let model = fs::read_to_string(folder.join("network.yaml")).unwrap();
    let plans = Model::from_yaml(&model).unwrap().check().unwrap().compile();
    let names: Vec<_> = plans
        .iter()
        .map(|plan| plan.namespace.to_string())
        .collect();
    assert_eq!(names, ["uplinks", "vpc-a", "vpc-b"]);
    for plan in &plans {
        let path = folder.join(format!("{}.txt", plan.namespace));
        let now = shown(plan);
        if std::env::var_os("BLOCKHOUSE_GOLDEN").is_some() {
            fs::write(&path, now).unwrap();
            continue;
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        let differs = now
            .lines()
            .zip(golden.lines())
            .find(|(now, golden)| now != golden);
        if now != golden {
            panic!("{} differs, first at {differs:#?}", path.display());
        }
    }
}

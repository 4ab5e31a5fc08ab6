//! The rules for the kernel: batches of nftables' JSON, as `nft -j -f -` takes them.
//!
//! ```text
//!   skeleton   tables, chains with their hooks, sets, meters, counters: adds what is not there
//!   rules      flushes chains and sets, fills them: replaces all of it in one transaction
//!   leftovers  removes what an older plan had and this one has not
//! ```
//!
//! A table is never deleted and made again: between the two a new chain that drops by default would be
//! asked before its rules are in. On the kept skeleton counters and meters live on, and the kernel
//! swaps old rules for new ones without a moment in between.
//!
//! Every name has a prefix (`s_`, `m_`, `c_`, `d_`, `ep4_`), since nft's own language has words of its
//! own that its JSON lets pass: a counter called `accept` could be made and never be listed.

mod rule;

use crate::{
    filter::{ASKED_BURST, ASKED_PER_SECOND, Filter, Hook, Measure, Meter, SetKey, Table},
    intervals::Family,
    plan::Plan,
    reason::{Counter, Reason},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::IpAddr};

/// The name of the tables.
pub const TABLE: &str = "bh";

/// Sources that one meter knows at one time. A source that finds it full is not measured; the kernel's
/// SYN cookies still stand behind it.
const METER_SIZE: u32 = 65_535;

/// Seconds that a meter of rates remembers a source that is silent: at least, and at most.
const METER_SECS: (u32, u32) = (10, 3600);

/// The chain that makes meters. It is never asked and always empty.
const METERS: &str = "u_meters";

impl Table {
    /// As nftables calls the family.
    pub fn family(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Arp => "arp",
        }
    }

    /// An object of the table.
    fn object(self, mut rest: Value) -> Value {
        if let Some(fields) = rest.as_object_mut() {
            fields.insert("family".to_owned(), self.family().into());
            fields.insert("table".to_owned(), TABLE.into());
        }
        rest
    }
}

/// A set of addresses as the kernel is to have it. Large ones are quicker filled without nft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressSet {
    /// In which table.
    pub table: Table,
    /// What it is called there.
    pub name: String,
    /// Of which kind its addresses are.
    pub family: Family,
    /// First and last addresses, both included; sorted, and none touches the next.
    pub ranges: Vec<(IpAddr, IpAddr)>,
}

impl Plan {
    /// Adds what does not change with the rules. It may be applied again at any time, except for the
    /// meters: nft forgets that they are dynamic when it declares them again, which the kernel
    /// refuses. So those whose names `is_there` knows, from `nft -j -t list sets`, are left out.
    pub fn skeleton(&self, is_there: impl Fn(&str) -> bool) -> Value {
        let mut batch = Vec::new();
        for table in [Table::Inet, Table::Arp] {
            let table = json!({"family": table.family(), "name": TABLE});
            batch.push(json!({"add": {"table": table}}));
        }
        for (table, counter) in counters(&self.filter) {
            batch.push(add(table, "counter", json!({"name": counter})));
        }
        for set in self.sets() {
            let (name, kind) = (set.name, kind(set.family));
            let rest = json!({"name": name, "type": kind, "flags": ["interval"]});
            batch.push(add(set.table, "set", rest));
        }
        for (table, name, hook) in chains(&self.filter) {
            batch.push(add(table, "chain", chain(&name, hook)));
        }
        let missing = self
            .filter
            .meters
            .iter()
            .filter(|meter| !is_there(&meter.name()));
        batch.extend(meters(missing));
        json!({ "nftables": batch })
    }

    /// Replaces rules and sets, in one transaction. Sets with more ranges than `ranges_max` are left
    /// alone: whoever applies the plan fills those from [`Plan::sets`], before the rules if they are
    /// new.
    pub fn rules(&self, ranges_max: usize) -> Value {
        let mut batch = Vec::new();
        for (table, name, _) in chains(&self.filter) {
            batch.push(json!({"flush": {"chain": table.object(json!({"name": name}))}}));
        }
        for set in self.sets().filter(|set| set.ranges.len() <= ranges_max) {
            let (table, name) = (set.table, &set.name);
            batch.push(json!({"flush": {"set": table.object(json!({"name": name}))}}));
            if !set.ranges.is_empty() {
                let elements: Vec<_> = set.ranges.iter().map(|range| element(*range)).collect();
                batch.push(add(
                    table,
                    "element",
                    json!({"name": name, "elem": elements}),
                ));
            }
        }
        for (table, reason) in reasons() {
            for expr in rule::drop_chain(reason) {
                let chain = rule::drop_chain_name(reason);
                batch.push(add(table, "rule", json!({"chain": chain, "expr": expr})));
            }
        }
        for chain in &self.filter.chains {
            for each in &chain.rules {
                let (name, expr) = (&chain.name, rule::expressions(each));
                batch.push(add(
                    chain.table,
                    "rule",
                    json!({"chain": name, "expr": expr}),
                ));
            }
        }
        json!({ "nftables": batch })
    }

    /// Removes chains, sets, meters and counters that `old` had and this plan has not, once this plan's
    /// rules are in force; `None` if there are none.
    pub fn leftovers(&self, old: &Self) -> Option<Value> {
        let mut batch = Vec::new();
        let kept: BTreeSet<_> = chains(&self.filter)
            .map(|(table, name, _)| (table, name))
            .collect();
        let gone = chains(&old.filter).map(|(table, name, _)| (table, name));
        for (table, name) in gone.filter(|chain| !kept.contains(chain)) {
            batch.push(json!({"flush": {"chain": table.object(json!({"name": &name}))}}));
            batch.push(json!({"delete": {"chain": table.object(json!({"name": &name}))}}));
        }
        let kept: BTreeSet<_> = set_names(self).collect();
        for (table, name) in set_names(old).filter(|set| !kept.contains(set)) {
            batch.push(json!({"delete": {"set": table.object(json!({"name": name}))}}));
        }
        let kept = counters(&self.filter);
        for (table, name) in counters(&old.filter).difference(&kept) {
            batch.push(json!({"delete": {"counter": table.object(json!({"name": name}))}}));
        }
        (!batch.is_empty()).then(|| json!({ "nftables": batch }))
    }

    /// The sets of addresses.
    pub fn sets(&self) -> impl Iterator<Item = AddressSet> {
        let sets = self.filter.sets.iter();
        sets.flat_map(|(key, all)| {
            families(key).iter().map(|family| AddressSet {
                table: key.table,
                name: key.name(*family),
                family: *family,
                ranges: all.ranges(*family),
            })
        })
    }

    /// The names of the counters.
    pub fn counters(&self) -> BTreeSet<(Table, String)> {
        counters(&self.filter)
    }
}

/// ARP knows IPv4 alone.
fn families(set: &SetKey) -> &'static [Family] {
    match set.table {
        Table::Inet => &Family::BOTH,
        Table::Arp => &[Family::V4],
    }
}

fn set_names(plan: &Plan) -> impl Iterator<Item = (Table, String)> {
    let meters = plan
        .filter
        .meters
        .iter()
        .map(|meter| (Table::Inet, meter.name()));
    plan.sets().map(|set| (set.table, set.name)).chain(meters)
}

fn add(table: Table, kind: &str, rest: Value) -> Value {
    json!({"add": {kind: table.object(rest)}})
}

fn kind(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4_addr",
        Family::V6 => "ipv6_addr",
    }
}

/// Which reasons are counted in which table.
fn reasons() -> impl Iterator<Item = (Table, Reason)> {
    Reason::ALL.into_iter().map(|reason| match reason {
        Reason::ForeignArp => (Table::Arp, reason),
        _ => (Table::Inet, reason),
    })
}

fn counters(filter: &Filter) -> BTreeSet<(Table, String)> {
    let of_namespace = reasons().map(|(table, reason)| {
        let (reason, endpoint) = (Some(reason), None);
        (table, Counter { reason, endpoint }.to_string())
    });
    let of_endpoints = filter.chains.iter().flat_map(|chain| {
        let counted = chain.rules.iter().filter_map(|rule| rule.counter());
        counted.map(|counter| (chain.table, counter.to_string()))
    });
    of_namespace.chain(of_endpoints).collect()
}

/// All chains: those that are asked, those of endpoints, and for each reason the one that drops.
fn chains(filter: &Filter) -> impl Iterator<Item = (Table, String, Option<Hook>)> {
    let dropping = reasons().map(|(table, reason)| (table, rule::drop_chain_name(reason), None));
    let ours = filter.chains.iter();
    dropping.chain(ours.map(|chain| (chain.table, chain.name.clone(), chain.hook)))
}

fn chain(name: &str, hook: Option<Hook>) -> Value {
    let Some(hook) = hook else {
        return json!({ "name": name });
    };
    json!({
        "name": name,
        "type": "filter",
        "hook": hook.name,
        "prio": hook.priority,
        "policy": if hook.drops { "drop" } else { "accept" },
    })
}

/// Declares meters. That they are dynamic nft learns from a rule in the same batch that uses them, for
/// its JSON has no word for it; the rule is then flushed again.
fn meters<'a>(missing: impl Iterator<Item = &'a Meter>) -> Vec<Value> {
    let table = Table::Inet;
    let (mut sets, mut uses) = (Vec::new(), Vec::new());
    for meter in missing {
        let mut set = json!({"name": meter.name(), "type": kind(meter.family), "size": METER_SIZE});
        if let (Some(fields), Some(secs)) = (set.as_object_mut(), remembered_secs(meter.measure)) {
            fields.insert("flags".to_owned(), json!(["timeout"]));
            fields.insert("timeout".to_owned(), secs.into());
        }
        sets.push(add(table, "set", set));
        let expr = [rule::over(meter), json!({"drop": null})];
        uses.push(add(table, "rule", json!({"chain": METERS, "expr": expr})));
    }
    if sets.is_empty() {
        return sets;
    }
    sets.push(add(table, "chain", chain(METERS, None)));
    sets.append(&mut uses);
    sets.push(json!({"flush": {"chain": table.object(json!({"name": METERS}))}}));
    sets
}

/// How long it takes until what a source has used up is whole again: before that it must not be
/// forgotten. What counts connections forgets with the last of them.
fn remembered_secs(measure: Measure) -> Option<u32> {
    let (per_second, burst) = match measure {
        Measure::Opened { per_second, burst } => (per_second, burst),
        Measure::Asked => (ASKED_PER_SECOND, ASKED_BURST),
        Measure::Open { .. } => return None,
    };
    let (least, most) = METER_SECS;
    Some((burst / per_second.max(1) + 1).clamp(least, most))
}

fn element((first, last): (IpAddr, IpAddr)) -> Value {
    // Of a whole family nft takes the prefix of no bits alone.
    if first.is_unspecified() && is_last(last) {
        return json!({"prefix": {"addr": first, "len": 0}});
    }
    match first == last {
        true => json!(first),
        false => json!({"range": [first, last]}),
    }
}

fn is_last(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.to_bits() == u32::MAX,
        IpAddr::V6(v6) => v6.to_bits() == u128::MAX,
    }
}

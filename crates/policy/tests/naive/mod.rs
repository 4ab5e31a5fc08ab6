//! The specification, written as plainly as it can be said: JSON in, a word out.
//!
//! It shares no code with the crate and none of its ideas: nothing is compiled, every value is text,
//! every rule is applied to everything. It is slow and short on purpose.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use serde_json::Value as Json;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

type Keys = BTreeMap<String, Vec<String>>;

/// `allowed`, `explicitDeny` or `implicitDeny`.
pub(crate) fn decide(case: &Json) -> &'static str {
    let q = Q::new(case);
    let all = q.all_policies();
    for (layer, policy) in &all {
        if *layer == "resource" && q.owner_keeps() {
            continue;
        }
        if statements(policy).any(|s| s["Effect"] == "Deny" && q.speaks(s, layer, policy)) {
            return "explicitDeny";
        }
    }
    for layer in ["guardrail", "endpoint"] {
        if all.iter().any(|(l, _)| *l == layer) && !q.allows(layer) {
            return "implicitDeny";
        }
    }
    let outposts = q.action.to_lowercase().starts_with("s3-outposts:");
    if q.kind == "anonymous" && (!case["access_point"].is_null() || outposts) {
        return "implicitDeny";
    }
    let own = q.account.clone().unwrap_or_default();
    let owner = case["owner"].as_str().unwrap_or(&own).to_owned();
    let mut pass = q.passes("resource", &owner);
    if let Some(account) = case["access_point"]["account"].as_str() {
        pass &= q.passes("access_point", account);
    }
    if pass { "allowed" } else { "implicitDeny" }
}

struct Q<'a> {
    case: &'a Json,
    action: String,
    arn: String,
    kind: &'static str,
    account: Option<String>,
    keys: Keys,
}

fn list(json: &Json) -> Vec<&Json> {
    match json {
        Json::Null => vec![],
        Json::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn statements(policy: &Json) -> impl Iterator<Item = &Json> {
    list(&policy["Statement"]).into_iter()
}

impl<'a> Q<'a> {
    fn new(case: &'a Json) -> Self {
        let arn = case["principal"].as_str().unwrap().to_owned();
        let kind = match &arn {
            a if a == "anonymous" => "anonymous",
            a if a.ends_with(":root") => "root",
            a if a.contains(":user/") => "user",
            a if a.contains(":assumed-role/") => "session",
            _ => "federated",
        };
        let account = arn.split(':').nth(4).map(str::to_owned);
        let mut q = Self {
            case,
            action: case["action"].as_str().unwrap().to_owned(),
            arn,
            kind,
            account,
            keys: Keys::new(),
        };
        q.learn_keys();
        q
    }

    fn learn_keys(&mut self) {
        let mut keys: Vec<(String, Vec<String>)> = vec![];
        let mut put =
            |name: &str, value: &str| keys.push((name.to_owned(), vec![value.to_owned()]));
        put(
            "aws:PrincipalType",
            match self.kind {
                "anonymous" => "Anonymous",
                "root" => "Account",
                "user" => "User",
                "session" => "AssumedRole",
                _ => "FederatedUser",
            },
        );
        if let Some(account) = &self.account {
            put("aws:PrincipalAccount", account);
            put(
                "aws:PrincipalArn",
                &self.role_arn().unwrap_or(self.arn.clone()),
            );
        }
        let last = self.arn.rsplit('/').next().unwrap_or_default();
        match (self.kind, &self.account) {
            ("anonymous", _) => put("aws:userid", "anonymous"),
            ("root", Some(account)) => put("aws:userid", account),
            ("federated", Some(account)) => put("aws:userid", &format!("{account}:{last}")),
            ("user", _) => put("aws:username", last),
            _ => {}
        }
        for (name, value) in self.case["context"].as_object().into_iter().flatten() {
            keys.push((name.clone(), list(value).into_iter().map(text).collect()));
        }
        for (name, values) in keys {
            self.keys.insert(name.to_lowercase(), values);
        }
        self.keys.retain(|_, values| !values.is_empty());
    }

    fn role_arn(&self) -> Option<String> {
        let role = self.arn.split_once(":assumed-role/")?.1.split('/').next()?;
        Some(format!(
            "arn:aws:iam::{}:role/{role}",
            self.account.as_ref()?
        ))
    }

    fn all_policies(&self) -> Vec<(&'a str, &'a Json)> {
        let policies = self.case["policies"].as_object().into_iter().flatten();
        policies
            .flat_map(|(layer, json)| list(json).into_iter().map(move |p| (layer.as_str(), p)))
            .collect()
    }

    fn owner_keeps(&self) -> bool {
        let action = self.action.to_lowercase();
        let kept = [
            "s3:putbucketpolicy",
            "s3:getbucketpolicy",
            "s3:deletebucketpolicy",
        ];
        self.kind == "root"
            && self.account.as_deref() == self.case["owner"].as_str()
            && kept.contains(&action.as_str())
    }

    fn allows(&self, layer: &str) -> bool {
        self.all_policies().iter().any(|(l, p)| {
            *l == layer && statements(p).any(|s| s["Effect"] == "Allow" && self.speaks(s, layer, p))
        })
    }

    /// The ways in which the layer's matching Allows name the caller.
    fn ways(&self, layer: &str) -> Vec<&'static str> {
        let mut ways = vec![];
        for (_, p) in self.all_policies().iter().filter(|(l, _)| *l == layer) {
            for s in statements(p) {
                if s["Effect"] == "Allow" && self.speaks(s, layer, p) {
                    ways.extend(self.ways_of(s));
                }
            }
        }
        ways
    }

    fn limits_ok(&self) -> bool {
        let there = |layer: &str| !self.case["policies"][layer].is_null();
        let boundary = self.kind == "root" || !there("boundary") || self.allows("boundary");
        let session = self.kind != "federated" && !there("session") || self.allows("session");
        boundary && session
    }

    fn passes(&self, layer: &str, owner: &str) -> bool {
        let ways = self.ways(layer);
        let Some(account) = &self.account else {
            return !ways.is_empty();
        };
        let identity = self.limits_ok() && (self.kind == "root" || self.allows("identity"));
        let trust = self.action.starts_with("sts:") && layer == "resource";
        if account != owner {
            return identity && !ways.is_empty();
        }
        if identity {
            return !trust || self.case["policies"]["resource"].is_null() || !ways.is_empty();
        }
        ways.contains(&"direct")
            || self.limits_ok() && (ways.contains(&"limited") || ways.contains(&"everyone"))
    }

    fn ways_of(&self, s: &Json) -> Vec<&'static str> {
        if !s["NotPrincipal"].is_null() {
            return if self.not_principal(&s["NotPrincipal"]) {
                vec!["everyone"]
            } else {
                vec![]
            };
        }
        self.named_by(&s["Principal"])
    }

    fn named_by(&self, principal: &Json) -> Vec<&'static str> {
        if principal.is_null() || principal == "*" {
            return vec!["everyone"];
        }
        let mut ways = vec![];
        // The canonical id that this product gives an account: its number behind a fixed mark.
        for id in list(&principal["CanonicalUser"]).into_iter().map(text) {
            let number: u64 = self.account.as_deref().unwrap_or("0").parse().unwrap();
            if self.account.is_some() && id == format!("{:0>44}0000{number:016x}", "b10c") {
                ways.push(if self.kind == "root" {
                    "direct"
                } else {
                    "account"
                });
            }
        }
        for entry in list(&principal["AWS"]).into_iter().map(text) {
            let account = self.account.clone().unwrap_or("none".to_owned());
            let names_account = entry == account || entry == format!("arn:aws:iam::{account}:root");
            if entry == "*" {
                ways.push("everyone");
            } else if names_account {
                ways.push(if self.kind == "root" {
                    "direct"
                } else {
                    "account"
                });
            } else if Some(&entry) == self.role_arn().as_ref() {
                ways.push("limited");
            } else if entry == self.arn {
                ways.push("direct");
            } else if self.kind == "federated" && self.case["issuer"] == entry.as_str() {
                ways.push("limited");
            }
        }
        ways
    }

    fn not_principal(&self, principal: &Json) -> bool {
        let ways = self.named_by(principal);
        let need: &[&str] = match self.kind {
            _ if ways.contains(&"everyone") => return false,
            "anonymous" => return true,
            "root" => &["direct"],
            "user" => &["direct", "account"],
            "federated" if self.case["issuer"].is_null() => &["direct", "account"],
            _ => &["direct", "account", "limited"],
        };
        !need.iter().all(|way| ways.contains(way))
    }

    /// Whether the statement speaks of the request.
    fn speaks(&self, s: &Json, layer: &str, policy: &Json) -> bool {
        let modern = policy["Version"] == "2012-10-17";
        let action = |json: &Json| {
            let any = |p: &Json| glob(&text(p).to_lowercase(), &self.action.to_lowercase());
            list(json).into_iter().any(any)
        };
        if !(if s["Action"].is_null() {
            !action(&s["NotAction"])
        } else {
            action(&s["Action"])
        }) {
            return false;
        }
        if self.ways_of(s).is_empty() {
            return false;
        }
        let mut names = vec![];
        if layer != "access_point" {
            names.extend(self.case["resource"].as_str().filter(|r| *r != "*"));
        }
        names.extend(self.case["access_point"]["name"].as_str());
        let resource = |json: &Json| {
            list(json).into_iter().any(|p| {
                let p = text(p);
                p == "*"
                    || names
                        .iter()
                        .any(|name| self.arn_matches(&p, name, modern, true))
            })
        };
        let on = match (&s["Resource"], &s["NotResource"]) {
            (Json::Null, Json::Null) => true,
            (Json::Null, not) => !resource(not),
            (some, _) => resource(some),
        };
        let conditions = s["Condition"].as_object().into_iter().flatten();
        on && conditions
            .flat_map(|(op, keys)| {
                keys.as_object()
                    .unwrap()
                    .iter()
                    .map(move |(k, v)| (op, k, v))
            })
            .all(|(op, key, values)| self.condition(op, key, &list(values), modern))
    }

    fn arn_matches(&self, pattern: &str, arn: &str, modern: bool, fold: bool) -> bool {
        // A colon within a variable is no separator: put the variables in first.
        let Some(pattern) = self.put_in(pattern, modern) else {
            return false;
        };
        let cut = |t: &str| t.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
        let (p, a) = (cut(&pattern), cut(arn));
        p.len() == 6
            && a.len() == 6
            && a[0] == "arn"
            && (0..6).all(|i| match fold && (i == 1 || i == 2) {
                true => glob(&p[i].to_lowercase(), &a[i].to_lowercase()),
                false => glob(&p[i], &a[i]),
            })
    }

    /// The pattern with its variables' values, whose own wildcards are made literal.
    fn put_in(&self, pattern: &str, modern: bool) -> Option<String> {
        if !modern {
            return Some(pattern.to_owned());
        }
        let mut out = String::new();
        let mut rest = pattern;
        while let Some(at) = rest.find("${") {
            out.push_str(&rest[..at]);
            let end = at + rest[at..].find('}')?;
            let inner = &rest[at + 2..end];
            rest = &rest[end + 1..];
            let value = match inner {
                "*" | "?" | "$" => inner.to_owned(),
                _ => {
                    let (name, default) = inner.split_once(',').unwrap_or((inner, ""));
                    let found = self.keys.get(&name.trim().to_lowercase());
                    match found.filter(|values| values.len() == 1) {
                        Some(values) => values[0].clone(),
                        None if default.is_empty() => return None,
                        None => default.trim().trim_matches('\'').to_owned(),
                    }
                }
            };
            for c in value.chars() {
                // Private-use characters stand for literal wildcards; see `glob`.
                out.push(match c {
                    '*' => '\u{e000}',
                    '?' => '\u{e001}',
                    c => c,
                });
            }
        }
        out.push_str(rest);
        Some(out)
    }

    fn condition(&self, op: &str, key: &str, values: &[&Json], modern: bool) -> bool {
        let found = self.keys.get(&key.to_lowercase());
        if op == "Null" {
            let wanted = if found.is_none() { "true" } else { "false" };
            return values.iter().any(|v| text(v).to_lowercase() == wanted);
        }
        let (set, op) = op.split_once(':').unwrap_or(("", op));
        let (op, if_exists) = match op.strip_suffix("IfExists") {
            Some(op) => (op, true),
            None => (op, false),
        };
        let negated = op.contains("Not");
        let Some(found) = found else {
            return if_exists || set == "ForAllValues" || set.is_empty() && negated;
        };
        let positive = op.replace("Not", "");
        let one = |have: &str| {
            let mut any = values.iter().map(|v| text(v));
            any.any(|want| self.compare(&positive, have, &want, modern))
        };
        match set {
            "ForAllValues" => found.iter().all(|v| one(v) != negated),
            "ForAnyValue" => found.iter().any(|v| one(v) != negated),
            _ => found.iter().any(|v| one(v)) != negated,
        }
    }

    fn compare(&self, op: &str, have: &str, want: &str, modern: bool) -> bool {
        let plain = || self.put_in(want, modern).map(|w| unescape(&w));
        match op {
            "StringEquals" => plain().is_some_and(|w| w == have),
            "StringEqualsIgnoreCase" => {
                plain().is_some_and(|w| w.to_lowercase() == have.to_lowercase())
            }
            "StringLike" => self.put_in(want, modern).is_some_and(|w| glob(&w, have)),
            "Bool" => {
                let bool = |t: &str| {
                    ["true", "false"]
                        .iter()
                        .position(|b| *b == t.to_lowercase())
                };
                bool(have).is_some() && bool(have) == bool(want)
            }
            "IpAddress" => in_range(have, want),
            "ArnEquals" | "ArnLike" => match want {
                "*" => have.starts_with("arn:") && have.matches(':').count() >= 5,
                _ => self.arn_matches(want, have, modern, false),
            },
            "BinaryEquals" => have == want,
            _ => {
                let (a, b, order) = match op.strip_prefix("Numeric") {
                    Some(order) => (have.parse().ok(), want.parse().ok(), order),
                    None => (
                        seconds(have),
                        seconds(want),
                        op.strip_prefix("Date").unwrap(),
                    ),
                };
                let (Some(a), Some(b)): (Option<f64>, Option<f64>) = (a, b) else {
                    return false;
                };
                match order {
                    "Equals" => a == b,
                    "LessThan" => a < b,
                    "LessThanEquals" => a <= b,
                    "GreaterThan" => a > b,
                    "GreaterThanEquals" => a >= b,
                    other => panic!("no order {other}"),
                }
            }
        }
    }
}

fn unescape(text: &str) -> String {
    text.replace('\u{e000}', "*").replace('\u{e001}', "?")
}

/// Wildcards by recursion.
fn glob(pattern: &str, text: &str) -> bool {
    let mut p = pattern.chars();
    match p.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = p.as_str();
            glob(rest, text)
                || text
                    .char_indices()
                    .any(|(i, c)| glob(rest, &text[i + c.len_utf8()..]))
        }
        Some(c) => {
            let mut t = text.chars();
            let Some(next) = t.next() else {
                return false;
            };
            let literal = match c {
                '\u{e000}' => '*',
                '\u{e001}' => '?',
                c => c,
            };
            (c == '?' || literal == next) && glob(p.as_str(), t.as_str())
        }
    }
}

fn bits(address: &str) -> Option<(Vec<bool>, bool)> {
    let v6 = match address.parse().ok()? {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    let mapped = v6.to_ipv4_mapped().is_some();
    let number = u128::from(Ipv6Addr::from(v6.octets()));
    Some((
        (0..128).rev().map(|i| number >> i & 1 == 1).collect(),
        mapped,
    ))
}

/// Every address as 128 bits, an IPv4 one in the range that is kept for them.
fn in_range(have: &str, range: &str) -> bool {
    let (base, len) = range.split_once('/').unwrap_or((range, "128"));
    let (Some((have, _)), Some((want, _))) = (bits(have), bits(base)) else {
        return false;
    };
    let Ok(mut len) = len.parse::<usize>() else {
        return false;
    };
    if !base.contains(':') && range.contains('/') {
        len += 96;
    }
    have[..len] == want[..len]
}

/// Seconds since 1970, of the forms that the tests use.
fn seconds(text: &str) -> Option<f64> {
    if text.len() != 4 && text.chars().all(|c| c.is_ascii_digit()) {
        return text.parse().ok();
    }
    let number =
        |range: std::ops::Range<usize>| text.get(range).and_then(|t| t.parse::<i64>().ok());
    let year = number(0..4)?;
    let (month, day) = (number(5..7).unwrap_or(1), number(8..10).unwrap_or(1));
    let leap = |y: i64| y % 4 == 0 && y % 100 != 0 || y % 400 == 0;
    let months = [
        31,
        28 + i64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut days: i64 = (1970..year).map(|y| 365 + i64::from(leap(y))).sum();
    days += months[..usize::try_from(month - 1).ok()?]
        .iter()
        .sum::<i64>()
        + day
        - 1;
    let (hour, minute) = (number(11..13).unwrap_or(0), number(14..16).unwrap_or(0));
    let second = number(17..19).unwrap_or(0);
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) as f64)
}

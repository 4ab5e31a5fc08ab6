//! What a decision costs: nanoseconds on one core, and the memory of a compiled policy.
//!
//! ```sh
//! cargo run --release -p blockhouse-policy --example bench_policy
//! ```
//! The figures are the best of several tries; nothing is asserted. *Typical* is ten policies with forty
//! statements: eight identity policies, a boundary and a bucket policy, every second statement with a
//! condition, and a context of a presigned request. *Ten thousand statements* is one guardrail, each
//! statement on a folder of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a policy of this file that cannot be read ends the program"
)]

use blockhouse_policy::{
    Action, Arn, Context, Decision, Dialect, Fact, Kind, Policies, Policy, Principal, Request,
    Resource,
    address_list::{AddressList, Admission, Entry, Networks, Peer},
    decide, explain,
};
use blockhouse_types::{AccountId, Timestamp};
use std::{
    fmt::Write as _,
    hint::black_box,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

const TRIES: usize = 15;
const ROUNDS: usize = 2_000;

fn main() {
    let account = AccountId::parse("111122223333").unwrap();
    let alice = Principal::user(account, "/", "alice");
    let context = presigned(&alice);
    typical(account, &alice, &context);
    many_statements(account, &alice, &context);
    filling(&alice);
    address_lists();
}

/// The context of a presigned GET, as a gateway fills it.
fn presigned(principal: &Principal) -> Context<'_> {
    let mut context = Context::of(principal, Dialect::S3);
    context.set_time(Timestamp::from_secs(1_767_225_600));
    context.set(Fact::SourceIp, IpAddr::from([192, 0, 2, 7]));
    context.set(Fact::SecureTransport, true);
    context.set(Fact::ViaAwsService, false);
    context.set(Fact::UserAgent, "Boto3/1.43.11");
    context.set(Fact::RequestedRegion, "local-1");
    context.set(Fact::ResourceAccount, "111122223333");
    context.set(Fact::S3ResourceAccount, "111122223333");
    context.set(Fact::AuthType, "REST-QUERY-STRING");
    context.set(Fact::SignatureAge, 1_000);
    context.set(Fact::SignatureVersion, "AWS4-HMAC-SHA256");
    context.set(Fact::ContentSha256, "UNSIGNED-PAYLOAD");
    context.set(Fact::TlsVersion, "1.3");
    context.set(Fact::PolicyAge, 12);
    context
}

/// Four statements on what `number` names, the last of which is on the bucket.
fn statements(number: usize, principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[
        {{"Sid":"A{number}","Effect":"Allow",{principal}"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::data-{number}/*"}},
        {{"Sid":"B{number}","Effect":"Deny",{principal}"Action":"s3:*","Resource":"*","Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}},
        {{"Sid":"C{number}","Effect":"Deny",{principal}"Action":"s3:*","Resource":"*","Condition":{{"NotIpAddress":{{"aws:SourceIp":["192.0.2.0/24","198.51.100.0/24"]}},"Null":{{"aws:SourceIp":"false"}}}}}},
        {{"Sid":"D{number}","Effect":"Allow",{principal}"Action":"s3:ListBucket","Resource":"arn:aws:s3:::data-{number}","Condition":{{"StringLike":{{"s3:prefix":"${{aws:username}}/*"}}}}}}]}}"#
    )
}

fn typical(account: AccountId, alice: &Principal, context: &Context<'_>) {
    let identity: Vec<Arc<Policy>> = (0..8)
        .map(|n| Arc::new(Policy::parse(Kind::Managed, "p", &statements(n, "")).unwrap()))
        .collect();
    let everything = statements(7, "").replace("arn:aws:s3:::data-7/*", "*");
    let boundary = Policy::parse(Kind::Boundary, "b", &everything).unwrap();
    let bucket = statements(7, r#""Principal":{"AWS":"111122223333"},"#);
    let bucket = Policy::parse(Kind::Bucket, "r", &bucket).unwrap();
    let policies = Policies {
        identity: &identity,
        boundary: Some(&boundary),
        resource: Some(&bucket),
        ..Policies::default()
    };
    let name = Arn::parse("arn:aws:s3:::data-7/alice/photo.jpg").unwrap();
    let ask = |action: &'static str| Request {
        principal: alice,
        action: Action::new(action),
        resource: Resource::new(name, account),
        context,
    };
    let (get, delete) = (ask("s3:GetObject"), ask("s3:DeleteObject"));
    assert!(decide(&policies, &get).is_allowed() && !decide(&policies, &delete).is_allowed());
    row(
        "typical, 10 policies, 40 statements, allowed",
        best(|| decide(&policies, &get)),
    );
    row(
        "the same, denied because nothing allows",
        best(|| decide(&policies, &delete)),
    );
    row("the same, explained", best(|| explain(&policies, &get)));
    let root = Principal::root(account);
    let by_root = Request {
        principal: &root,
        ..get
    };
    let none = Policies::default();
    row("root, no policy", best(|| decide(&none, &by_root)));
    let memory: usize = identity.iter().map(|p| p.memory_bytes()).sum();
    println!(
        "| memory of a policy of 4 statements, {} bytes of text | {} B |",
        identity[0].text().len(),
        memory / 8
    );
}

fn many_statements(account: AccountId, alice: &Principal, context: &Context<'_>) {
    let guard = |resource: &dyn Fn(usize) -> String| {
        let mut text = String::from(r#"{"Version":"2012-10-17","Statement":["#);
        for n in 0..10_000 {
            let effect = if n % 2 == 0 { "Allow" } else { "Deny" };
            let _ = write!(
                text,
                r#"{}{{"Effect":"{effect}","Action":"s3:{}Object","Resource":"{}"}}"#,
                if n == 0 { "" } else { "," },
                if n % 2 == 0 { "Get" } else { "Delete" },
                resource(n)
            );
        }
        text.push_str("]}");
        let begin = Instant::now();
        let policy = Policy::parse(Kind::Guardrail, "g", &text).unwrap();
        (policy, begin.elapsed())
    };
    let all = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let identity = [Arc::new(Policy::parse(Kind::Managed, "p", all).unwrap())];
    let shapes: [(&str, &dyn Fn(usize) -> String); 2] = [
        ("10,000 statements, a folder each", &|n| {
            format!("arn:aws:s3:::data-{}/folder-{n}/*", n % 100)
        }),
        ("10,000 statements, all on *", &|_| "*".to_owned()),
    ];
    for (what, resource) in shapes {
        let (policy, compile) = guard(resource);
        let policies = Policies {
            identity: &identity,
            guardrail: Some(&policy),
            ..Policies::default()
        };
        let name = Arn::parse("arn:aws:s3:::data-0/folder-5000/photo.jpg").unwrap();
        let request = Request {
            principal: alice,
            action: Action::new("s3:GetObject"),
            resource: Resource::new(name, account),
            context,
        };
        assert!(matches!(decide(&policies, &request), Decision::Allow(_)));
        row(what, best(|| decide(&policies, &request)));
        println!(
            "| its memory, {} bytes of text | {} B |\n| its compilation | {:.1} ms |",
            policy.text().len(),
            policy.memory_bytes(),
            compile.as_secs_f64() * 1e3
        );
    }
}

fn filling(alice: &Principal) {
    row(
        "to fill the context of a presigned request",
        best(|| presigned(alice)),
    );
}

fn address_lists() {
    let mut state = 7u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 16
    };
    let v4: Vec<Entry> = (0..100_000)
        .map(|_| {
            format!("{}/28", IpAddr::V4((random() as u32).into()))
                .parse()
                .unwrap()
        })
        .collect();
    let in_our_32 = |random: u64| 0x2001_0db8u128 << 96 | u128::from(random as u32) << 64;
    let v6: Vec<Entry> = (0..100_000)
        .map(|_| {
            format!("{}/64", IpAddr::V6(in_our_32(random()).into()))
                .parse()
                .unwrap()
        })
        .collect();
    let hosts = v6
        .iter()
        .map(|e| e.to_string().replace("/64", "1/128").parse().unwrap());
    let hosts: Vec<Entry> = hosts.collect();
    let lists = [
        ("IPv4", v4, false),
        ("IPv6, /64", v6, true),
        ("IPv6, /128", hosts, true),
    ];
    for (what, entries, is_v6) in lists {
        let begin = Instant::now();
        let list = AddressList::compile(&entries, &Networks::default()).unwrap();
        let compile = begin.elapsed();
        let peers: Vec<IpAddr> = (0..4_096)
            .map(|_| match is_v6 {
                false => IpAddr::V4((random() as u32).into()),
                true => IpAddr::V6((in_our_32(random()) | 1).into()),
            })
            .collect();
        let mut at = 0;
        let lookup = best(|| {
            at = (at + 1) % peers.len();
            Admission::judge(Some(&list), Peer::Public(peers[at])).is_admitted()
        });
        row(
            &format!("address list, {} ranges of {what}", list.range_count()),
            lookup,
        );
        println!(
            "| its memory | {} B |\n| its compilation | {:.1} ms |",
            list.memory_bytes(),
            compile.as_secs_f64() * 1e3
        );
    }
}

/// The shortest time that one call took, of several tries of many calls.
fn best<T>(mut call: impl FnMut() -> T) -> Duration {
    let try_once = |_| {
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            black_box(call());
        }
        begin.elapsed() / ROUNDS as u32
    };
    (0..TRIES).map(try_once).min().unwrap_or_default()
}

fn row(what: &str, time: Duration) {
    println!("| {what} | {} ns |", time.as_nanos());
}

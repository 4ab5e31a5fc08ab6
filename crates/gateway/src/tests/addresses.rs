//! The list of addresses that a bucket may be reached from.

use super::*;
use blockhouse_state::{Change, Stamp};
use blockhouse_store::ObjectStore as _;
use serde_json::json;

fn list(entries: &[&str]) -> String {
    let entries: String = entries
        .iter()
        .map(|e| format!("<Entry>{e}</Entry>"))
        .collect();
    format!("<AddressListConfiguration>{entries}</AddressListConfiguration>")
}

fn with_list(entries: &[&str]) -> Node {
    let node = Node::with_bucket();
    node.put("/bkt/key", "data").expect(200);
    node.put("/bkt?bh-addresses", list(entries)).expect(200);
    node
}

#[test]
fn whoever_is_not_listed_is_refused_however_he_asks() {
    let node = with_list(&["10.0.0.0/8", "2001:db8::/32"]);
    let by_link = links::link("/bkt/key", "a=1");
    let once = links::link("/bkt/key", "x-bh-once=t");
    for got in [
        node.get("/bkt/key"),
        node.put("/bkt/other", "data"),
        node.get("/bkt?list-type=2"),
        node.call("DELETE", "/bkt", &[], ""),
        node.call_as("", "GET", &by_link, &[], ""),
        node.call_as("", "GET", &once, &[], ""),
    ] {
        got.refused(403, "AccessDenied");
    }
    assert!(node.context.store.used_links().is_empty());
    // Nor does a copy read from there, or write to it.
    node.put("/more", "").expect(200);
    let from = [("x-amz-copy-source", "/bkt/key")];
    node.call("PUT", "/more/copy", &from, "")
        .refused(403, "AccessDenied");
    node.put("/more/key", "data").expect(200);
    let from = [("x-amz-copy-source", "/more/key")];
    node.call("PUT", "/bkt/copy", &from, "")
        .refused(403, "AccessDenied");
}

#[test]
fn whoever_is_listed_goes_on() {
    for entry in ["127.0.0.1", "127.0.0.0/8", "0.0.0.0/0"] {
        let node = with_list(&["10.0.0.0/8", entry]);
        node.get("/bkt/key").expect(200);
        let by_link = links::link("/bkt/key", "a=1");
        node.call_as("", "GET", &by_link, &[], "").expect(200);
        // It is one condition of several.
        node.call_as("", "GET", "/bkt/key", &[], "")
            .refused(403, "AccessDenied");
    }
}

#[test]
fn an_empty_list_is_not_the_same_as_none() {
    let node = with_list(&[]);
    node.get("/bkt/key").refused(403, "AccessDenied");
    node.call("DELETE", "/bkt?bh-addresses", &[], "")
        .expect(204);
    node.get("/bkt/key").expect(200);
    node.get("/bkt?bh-addresses")
        .refused(404, "NoSuchConfiguration");
}

#[test]
fn the_list_itself_can_be_mended_from_anywhere() {
    let node = with_list(&["10.0.0.0/8"]);
    let told = node.get("/bkt?bh-addresses").expect(200);
    assert_eq!(told.elements("Entry"), ["10.0.0.0/8"]);
    node.put("/bkt?bh-addresses", list(&["127.0.0.1/32"]))
        .expect(200);
    node.get("/bkt/key").expect(200);
    let stranger = format!("Fake {STRANGER}");
    for method in ["GET", "PUT", "DELETE"] {
        node.call_as(&stranger, method, "/bkt?bh-addresses", &[], "")
            .refused(403, "AccessDenied");
    }
}

#[test]
fn odd_lists_are_refused_and_change_nothing() {
    let node = with_list(&["127.0.0.0/8"]);
    for bad in ["10.0.0.0/33", "here", "", "vpc-A", "10.0.0.1-10.0.0.9"] {
        node.put("/bkt?bh-addresses", list(&[bad]))
            .refused(400, "InvalidArgument");
    }
    node.put("/bkt?bh-addresses", "<nonsense/>")
        .refused(400, "MalformedXML");
    node.get("/bkt/key").expect(200);
}

/// As long as lists may be; one more entry is too many, and changes nothing.
#[test]
fn a_hundred_thousand_ranges() {
    let node = with_list(&["127.0.0.1"]);
    let ranges = |count: u32| -> String {
        let entry = |n: u32| format!("<Entry>2001:db8:{:x}::{:x}</Entry>", n >> 16, n & 0xffff);
        let entries: String = (1..count).map(entry).collect();
        format!(
            "<AddressListConfiguration><Entry>127.0.0.0/8</Entry>{entries}</AddressListConfiguration>"
        )
    };
    node.put("/bkt?bh-addresses", ranges(100_000)).expect(200);
    node.get("/bkt/key").expect(200);
    let told = node.get("/bkt?bh-addresses").expect(200);
    assert_eq!(told.elements("Entry").len(), 100_000);
    node.put("/bkt?bh-addresses", ranges(100_001))
        .refused(400, "MalformedXML");
    let told = node.get("/bkt?bh-addresses").expect(200);
    assert_eq!(told.elements("Entry").len(), 100_000);
    // Such as take more room than a list may.
    let entry = |n: u32| format!("<Entry>vpc-{:064}/2001:db8::{n:x}</Entry>", 7);
    let entries: String = (0..40_000).map(entry).collect();
    let document = format!("<AddressListConfiguration>{entries}</AddressListConfiguration>");
    node.put("/bkt?bh-addresses", document)
        .refused(400, "MaxMessageLengthExceeded");
}

/// Changes the state as its owner would, by the administrator's listener.
fn configure(node: &Node, change: serde_json::Value) -> Result<(), String> {
    let mut change = change;
    change["expected"] = node.context.desired.load().version().into();
    let change = Change::read(change.to_string().as_bytes()).unwrap();
    let mut stamp = Stamp {
        now: node.context.now(),
        entropy: &mut Counting(0),
    };
    let parts = (&node.context.store, &*node.context.site);
    let changed = node.run(node.context.desired.change(parts, change, &mut stamp));
    changed.map(drop).map_err(|error| error.to_string())
}

fn group(entries: &[&str]) -> serde_json::Value {
    let name = format!("address-group/{OWNER}/partners");
    json!({ "put": [{ "name": name, "resource": { "entries": entries } }] })
}

#[test]
fn a_group_is_its_entries_of_the_moment() {
    let node = with_list(&["10.0.0.0/8"]);
    node.put("/bkt?bh-addresses", list(&["group:partners"]))
        .refused(400, "InvalidRequest");
    configure(&node, group(&["127.0.0.1"])).unwrap();
    node.put("/bkt?bh-addresses", list(&["10.0.0.0/8", "group:partners"]))
        .expect(200);
    node.get("/bkt/key").expect(200);
    let told = node.get("/bkt?bh-addresses").expect(200);
    assert_eq!(told.elements("Entry"), ["10.0.0.0/8", "group:partners"]);
    configure(&node, group(&["192.0.2.0/24"])).unwrap();
    node.get("/bkt/key").refused(403, "AccessDenied");
    configure(&node, group(&["127.0.0.0/8"])).unwrap();
    node.get("/bkt/key").expect(200);
    // While a list names it, it stays.
    let gone = json!({ "delete": [format!("address-group/{OWNER}/partners")] });
    let refused = configure(&node, gone.clone()).unwrap_err();
    assert!(
        refused.contains("bkt") && refused.contains("partners"),
        "{refused}"
    );
    node.get("/bkt/key").expect(200);
    node.call("DELETE", "/bkt?bh-addresses", &[], "")
        .expect(204);
    configure(&node, gone).unwrap();
}

#[test]
fn own_means_what_the_account_declares() {
    let node = with_list(&["own"]);
    node.get("/bkt/key").refused(403, "AccessDenied");
    let declare = |ranges: &[&str]| {
        let name = format!("public-ranges/{OWNER}");
        let change = json!({ "put": [{ "name": name, "resource": { "ranges": ranges } }] });
        configure(&node, change).unwrap();
    };
    declare(&["127.0.0.0/8"]);
    node.get("/bkt/key").expect(200);
    declare(&["192.0.2.0/24"]);
    node.get("/bkt/key").refused(403, "AccessDenied");
}

/// Lists that name a group are counted again when it grows.
#[test]
fn a_group_cannot_make_a_list_too_long() {
    let node = with_list(&["127.0.0.1"]);
    let ranges = |count: u32| -> Vec<String> {
        (0..count)
            .map(|n| format!("10.{}.{}.0/24", n >> 8, n & 255))
            .collect()
    };
    let entries: String = (0..10)
        .map(|n| format!("<Entry>group:g{n}</Entry>"))
        .collect();
    for n in 0..10 {
        let name = format!("address-group/{OWNER}/g{n}");
        let change = json!({ "put": [{ "name": name, "resource": { "entries": ranges(9_999) } }] });
        configure(&node, change).unwrap();
    }
    let document = format!(
        "<AddressListConfiguration><Entry>127.0.0.1</Entry>{entries}</AddressListConfiguration>"
    );
    node.put("/bkt?bh-addresses", document).expect(200);
    let name = format!("address-group/{OWNER}/g0");
    let grown = json!({ "put": [{ "name": name, "resource": { "entries": ranges(10_010) } }] });
    let refused = configure(&node, grown).unwrap_err();
    assert!(refused.contains("100000"), "{refused}");
    node.get("/bkt/key").expect(200);
}

//! Listings, page by page.

use super::*;

fn node_with(keys: &[&str]) -> Node {
    let node = Node::with_bucket();
    for key in keys {
        node.put(&format!("/bkt/{key}"), "data").expect(200);
    }
    node
}

#[test]
fn prefixes_and_delimiters() {
    let node = node_with(&["a", "b/1", "b/2", "c/1/x", "d"]);
    let got = node.get("/bkt?delimiter=/").expect(200);
    assert_eq!(got.elements("Key"), ["a", "d"]);
    let prefixes: Vec<_> = got.elements("CommonPrefixes");
    assert_eq!(prefixes, ["<Prefix>b/</Prefix>", "<Prefix>c/</Prefix>"]);
    let got = node.get("/bkt?list-type=2&prefix=b/").expect(200);
    assert_eq!(got.elements("Key"), ["b/1", "b/2"]);
    assert_eq!(got.element("KeyCount"), "2");
}

#[test]
fn pages_of_v2_by_token() {
    let keys = ["a", "b/1", "b/2", "c", "d"];
    let node = node_with(&keys);
    for max in 1..=6 {
        let (mut seen, mut token) = (Vec::new(), String::new());
        for _ in 0..=keys.len() {
            let got = node
                .get(&format!("/bkt?list-type=2&max-keys={max}{token}"))
                .expect(200);
            seen.extend(got.elements("Key").into_iter().map(str::to_owned));
            match got.element("NextContinuationToken") {
                "" => break,
                next => token = format!("&continuation-token={}", next.replace('+', "%2B")),
            }
        }
        assert_eq!(seen, keys, "pages of {max}");
    }
    node.get("/bkt?list-type=2&continuation-token=junk!")
        .refused(400, "InvalidArgument");
    let after = node.get("/bkt?list-type=2&start-after=b/2").expect(200);
    assert_eq!(after.elements("Key"), ["c", "d"]);
}

#[test]
fn pages_of_v1_by_marker() {
    let node = node_with(&["a", "b", "c"]);
    let got = node.get("/bkt?max-keys=2").expect(200);
    assert_eq!(
        (got.elements("Key"), got.element("IsTruncated")),
        (vec!["a", "b"], "true")
    );
    let got = node.get("/bkt?marker=b").expect(200);
    assert_eq!(
        (got.elements("Key"), got.element("IsTruncated")),
        (vec!["c"], "false")
    );
    let none = node.get("/bkt?max-keys=0").expect(200);
    assert_eq!(
        (none.elements("Key").len(), none.element("IsTruncated")),
        (0, "false")
    );
}

#[test]
fn names_are_encoded_when_asked_for() {
    let node = node_with(&["a%01b", "c%20d"]);
    let got = node.get("/bkt?list-type=2&encoding-type=url").expect(200);
    assert_eq!(got.elements("Key")[0], "a%01b");
    node.get("/bkt?encoding-type=junk")
        .refused(400, "InvalidArgument");
}

#[test]
fn the_owner_is_shown_when_asked_for() {
    let node = node_with(&["a"]);
    assert_eq!(
        node.get("/bkt?list-type=2").expect(200).element("Owner"),
        ""
    );
    let got = node.get("/bkt?list-type=2&fetch-owner=true").expect(200);
    assert_eq!(got.element("ID").len(), 64);
}

//! Revoked links.

use super::{links::link, *};
use crate::Line;
use blockhouse_store::{ObjectStore, Revocation, Revoke};
use blockhouse_types::{BucketName, OnceHash, RevokedLinks};

impl Node {
    fn revoke(&self, by: &str, links: RevokedLinks, signed_until: Timestamp) {
        let revocation = Revocation {
            owner: AccountId::parse(by).unwrap(),
            links,
            signed_until,
            until: TestClock.now().plus_secs(600),
        };
        let order = Revoke {
            revocation,
            now: TestClock.now(),
            revocations_max: 3,
        };
        self.run(self.context.store.revoke(order)).unwrap();
    }

    fn by(&self, path: &str) -> Got {
        self.call_as("", "GET", path, &[], "")
    }
}

fn prefix(text: &str) -> RevokedLinks {
    RevokedLinks::Prefix {
        bucket: BucketName::parse("bkt").unwrap(),
        prefix: text.to_owned(),
    }
}

#[test]
fn a_revoked_link_is_refused_and_others_are_not() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "body").expect(200);
    let (path, other) = (link("/bkt/key", "a=1"), link("/bkt/key", "a=2"));
    node.by(&path).expect(200);
    let (bare, query) = path.split_once('?').unwrap();
    let id = link_id(bare, query);
    // One who has no say in it revokes in vain.
    node.revoke(STRANGER, RevokedLinks::Link(id), TestClock.now());
    node.by(&path).expect(200);
    node.revoke(OWNER, RevokedLinks::Link(id), TestClock.now());
    node.by(&path).refused(403, "AccessDenied");
    node.call_as("", "HEAD", &path, &[], "").expect(403);
    node.by(&other).expect(200);
}

#[test]
fn what_many_links_share_revokes_them_all() {
    let now = TestClock.now();
    let earlier = Timestamp::from_millis(now.millis() - 1);
    let once = RevokedLinks::Once(OnceHash(crate::link::sha256(b"t")));
    for (links, at, refused) in [
        (RevokedLinks::Key("AKID".into()), now, true),
        (RevokedLinks::Key("AKID".into()), earlier, false),
        (RevokedLinks::Key("OTHER".into()), now, false),
        (prefix(""), now, true),
        (prefix("ke"), now, true),
        (prefix("ke"), earlier, false),
        (prefix("kez"), now, false),
        (once, now, true),
        (RevokedLinks::Once(OnceHash([0; 32])), now, false),
    ] {
        let node = Node::with_bucket();
        node.put("/bkt/key", "body").expect(200);
        node.revoke(OWNER, links.clone(), at);
        let path = link("/bkt/key", "x-bh-once=t");
        let status = if refused { 403 } else { 200 };
        let got = node.by(&path);
        assert_eq!(got.status, status, "{links:?} {at:?}");
        // Signed in the header it is no link.
        node.call("GET", "/bkt/key", &[], "").expect(200);
        // Who uses a revoked link has not used it up.
        assert_eq!(node.context.store.used_links().len(), usize::from(!refused));
    }
}

#[test]
fn an_upload_by_a_revoked_link_stores_nothing() {
    let node = Node::with_bucket();
    node.revoke(OWNER, prefix(""), TestClock.now());
    node.call_as("", "PUT", &link("/bkt/key", ""), &[], "body")
        .refused(403, "AccessDenied");
    node.call("GET", "/bkt/key", &[], "")
        .refused(404, "NoSuchKey");
}

#[test]
fn a_link_is_under_way_until_its_answer_was_sent_and_seen_from_then_on() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "body").expect(200);
    let path = link("/bkt/key", "");
    let request = || {
        let request = Request::builder().method("GET").uri(&path);
        request
            .header("host", "127.0.0.1:9000")
            .body(Feed {
                pieces: VecDeque::new(),
                declared: true,
                broken: false,
            })
            .unwrap()
    };
    let (roll, owner) = (&node.context.roll, AccountId::parse(OWNER).unwrap());
    let revocation = Revocation {
        owner,
        links: prefix(""),
        signed_until: TestClock.now(),
        until: TestClock.now().plus_secs(1),
    };
    let answer = node.run(stages::serve_request(
        &node.context,
        &here(),
        Line::default(),
        request(),
    ));
    assert_eq!(roll.cut(&revocation), 1);
    drop(answer);
    assert_eq!(roll.cut(&revocation), 0);
    let seen = roll.seen_by(owner);
    assert_eq!((seen.len(), seen[0].uses), (1, 1));
    assert_eq!(seen[0].facts.key_id, "AKID".into());
}

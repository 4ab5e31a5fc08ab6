//! One-time links.

use super::{links::link, *};
use blockhouse_store::{LinkState, ObjectStore};

fn with_object() -> Node {
    let node = Node::with_bucket();
    node.put("/bkt/key", "0123456789").expect(200);
    node
}

impl Node {
    fn once(&self, method: &str, headers: &[(&str, &str)]) -> Got {
        self.call_as("", method, &link("/bkt/key", "x-bh-once=t"), headers, "")
    }

    /// What became of the only used link.
    fn state(&self) -> Option<LinkState> {
        let used = self.context.store.used_links();
        assert!(used.len() <= 1);
        used.first().map(|used| used.state)
    }

    /// Takes the first `frames` frames of an answer and drops the rest of it.
    fn break_off(&self, path: &str, headers: &[(&str, &str)], frames: usize) -> HeaderMap {
        let mut request = Request::builder()
            .method("GET")
            .uri(path)
            .header("host", "h");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let feed = Feed {
            pieces: VecDeque::new(),
            declared: true,
            broken: false,
        };
        let request = request.body(feed).unwrap();
        self.run(async {
            let answer =
                stages::serve_request(&self.context, &here(), Line::default(), request).await;
            let (head, body) = answer.into_parts();
            assert_eq!(head.status, 200);
            let mut body = pin!(body);
            for _ in 0..frames {
                poll_fn(|task| body.as_mut().poll_frame(task))
                    .await
                    .unwrap()
                    .unwrap();
            }
            head.headers
        })
    }
}

/// An object that takes several frames.
fn with_large_object() -> Node {
    let node = Node::with_bucket();
    node.put("/bkt/key", vec![7; 3 << 20]).expect(200);
    node
}

#[test]
fn a_link_works_once() {
    let node = with_object();
    let first = node.once("GET", &[]).expect(200);
    assert_eq!(first.body, b"0123456789");
    assert_eq!(node.state(), Some(LinkState::Finished));
    let again = node.once("GET", &[]).refused(403, "AccessDenied");
    let plain = node.call_as("", "GET", "/bkt/key", &[], "");
    assert_eq!(again.element("Message"), plain.element("Message"));
    assert_eq!(again.header("x-bh-resume"), "");
    // Another one for the same object is another link.
    node.call_as("", "GET", &link("/bkt/key", "x-bh-once=u"), &[], "")
        .expect(200);
    node.get("/bkt/key").expect(200);
}

#[test]
fn only_an_answer_with_the_object_uses_a_link_up() {
    let node = with_object();
    let etag = node.get("/bkt/key").expect(200).header("etag").to_owned();
    let path = link("/bkt/key", "x-bh-once=t&x-bh-head=1");
    let get = |method, headers: &[(&str, &str)]| node.call_as("", method, &path, headers, "");
    get("HEAD", &[]).expect(200);
    get(
        "OPTIONS",
        &[
            ("origin", "https://page.test"),
            ("access-control-request-method", "GET"),
        ],
    )
    .expect(403);
    get("GET", &[("if-none-match", &etag)]).expect(304);
    get("GET", &[("if-match", "\"0\"")]).refused(412, "PreconditionFailed");
    get("GET", &[("range", "bytes=10-")]).refused(416, "InvalidRange");
    get("GET", &[("x-amz-expected-bucket-owner", STRANGER)]).refused(403, "AccessDenied");
    node.call_as("", "GET", &link("/bkt/none", "x-bh-once=t"), &[], "")
        .refused(404, "NoSuchKey");
    assert_eq!(node.state(), None);
    let ranged = get("GET", &[("range", "bytes=2-4")]).expect(206);
    assert_eq!(ranged.body, b"234");
    get("GET", &[]).refused(403, "AccessDenied");
    get("HEAD", &[]).expect(403);
}

#[test]
fn a_link_for_an_upload_works_once_and_with_its_object_alone() {
    let node = Node::with_bucket();
    let path = link("/bkt/key", "x-bh-once=t");
    let put = |headers: &[(&str, &str)], body: &'static str| {
        node.call_as("", "PUT", &path, headers, body)
    };
    let wrong = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    put(&wrong, "first").refused(400, "BadDigest");
    put(&[("if-match", "*")], "first").refused(404, "NoSuchKey");
    assert_eq!(node.state(), None);
    let done = put(&[], "first").expect(200);
    assert_eq!(done.header("x-bh-resume"), "");
    assert_eq!(node.state(), Some(LinkState::Finished));
    put(&[], "second").refused(403, "AccessDenied");
    assert_eq!(node.get("/bkt/key").expect(200).body, b"first");
}

#[test]
fn an_upload_may_end_after_its_link_and_is_still_the_only_one() {
    let node = Node::with_bucket();
    let path = link("/bkt/key", "x-bh-once=t");
    // The store's time has passed the link's end while the body came.
    node.context.store.observe(TestClock.now().plus_secs(3600));
    node.call_as("", "PUT", &path, &[], "first").expect(200);
    node.call_as("", "PUT", &path, &[], "second")
        .refused(403, "AccessDenied");
    // Nothing takes a day longer.
    let late = link("/bkt/key", "x-bh-once=u");
    node.context
        .store
        .observe(TestClock.now().plus_secs(2 * 86_400));
    node.call_as("", "PUT", &late, &[], "third")
        .refused(403, "AccessDenied");
    assert_eq!(node.get("/bkt/key").expect(200).body, b"first");
}

#[test]
fn a_transfer_that_broke_off_is_resumed_by_its_token_and_its_tag() {
    let node = with_large_object();
    let path = link("/bkt/key", "x-bh-once=t");
    let begun = node.break_off(&path, &[], 1);
    assert!(matches!(node.state(), Some(LinkState::Short { .. })));
    let text = |name: &str| begun.get(name).unwrap().to_str().unwrap().to_owned();
    let (token, etag, cookie) = (text("x-bh-resume"), text("etag"), text("set-cookie"));
    assert_eq!(token.len(), 32);
    assert!(
        cookie.starts_with(&format!("__Host-bh-resume={token}; ")),
        "{cookie}"
    );
    assert!(
        cookie.ends_with("Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );

    let get = |headers: &[(&str, &str)]| node.call_as("", "GET", &path, headers, "");
    let wrong = "0".repeat(32);
    let (token, etag) = (token.as_str(), etag.as_str());
    let cases: [&[(&str, &str)]; 7] = [
        &[],
        &[("x-bh-resume", token)],
        &[("if-match", etag)],
        &[("if-match", "*"), ("x-bh-resume", token)],
        &[("if-match", etag), ("x-bh-resume", &wrong)],
        &[("if-match", etag), ("x-bh-resume", &token[..31])],
        &[("if-match", etag), ("cookie", token)],
    ];
    for refused in cases {
        get(refused).refused(403, "AccessDenied");
    }
    // What is there now must be what was begun; finding out otherwise costs nothing.
    get(&[("if-match", "\"0\""), ("x-bh-resume", token)]).refused(412, "PreconditionFailed");

    let cookies = format!("a=b; __Host-bh-resume={wrong}; __Host-bh-resume={token}");
    let shown = [
        ("if-match", etag),
        ("cookie", &*cookies),
        ("range", "bytes=1048576-"),
    ];
    let rest = get(&shown).expect(206);
    assert_eq!(rest.body.len(), 2 << 20);
    assert_eq!(rest.header("x-bh-resume"), "");
    assert_eq!(node.state(), Some(LinkState::Finished));
    get(&shown).refused(403, "AccessDenied");
}

#[test]
fn a_transfer_that_runs_is_not_resumed() {
    let node = with_large_object();
    let path = link("/bkt/key", "x-bh-once=t");
    let feed = || Feed {
        pieces: VecDeque::new(),
        declared: true,
        broken: false,
    };
    node.run(async {
        let request = |builder: http::request::Builder| {
            builder.uri(&path).header("host", "h").body(feed()).unwrap()
        };
        let running = stages::serve_request(
            &node.context,
            &here(),
            Line::default(),
            request(Request::builder()),
        )
        .await;
        let header = |name: &str| running.headers().get(name).unwrap().clone();
        let shown = Request::builder()
            .header("if-match", header("etag"))
            .header("x-bh-resume", header("x-bh-resume"));
        let beside =
            stages::serve_request(&node.context, &here(), Line::default(), request(shown)).await;
        assert_eq!(beside.status(), 403);
        drop(running);
    });
    assert!(matches!(node.state(), Some(LinkState::Short { .. })));
}

#[test]
fn a_person_is_asked_before_the_link_is_used_up() {
    let node = with_object();
    let navigate = [("sec-fetch-mode", "navigate"), ("accept", "text/html")];
    let page = node.once("GET", &navigate).expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "private, no-store");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    for (name, _) in &page.headers {
        assert!(!["etag", "last-modified", "x-bh-resume", "set-cookie"].contains(&name.as_str()));
    }
    assert!(page.text().contains("<form method=\"post\">"));
    assert_eq!(node.state(), None);
    // The same page for what is not there.
    let none = link("/bkt/none", "x-bh-once=t");
    let other = node.call_as("", "GET", &none, &navigate, "").expect(200);
    assert_eq!(other.body, page.body);

    let form = [("content-type", "application/x-www-form-urlencoded")];
    let path = link("/bkt/key", "x-bh-once=t");
    let opened = node
        .call_as("", "POST", &path, &form, "open=yes")
        .expect(200);
    assert_eq!(opened.body, b"0123456789");
    node.call_as("", "POST", &path, &form, "open=yes")
        .refused(403, "AccessDenied");
    node.once("GET", &navigate).refused(403, "AccessDenied");
}

#[test]
fn nobody_is_asked_where_the_signer_said_so_or_no_browser_asks() {
    let node = with_object();
    let navigate = [("sec-fetch-mode", "navigate")];
    let path = link("/bkt/key", "x-bh-once=t&x-bh-confirm=no");
    let got = node.call_as("", "GET", &path, &navigate, "").expect(200);
    assert_eq!(got.body, b"0123456789");
    let got = node.once("GET", &[("accept", "*/*")]).expect(200);
    assert_eq!(got.body, b"0123456789");
    // A link that works more than once asks nobody, and takes no form.
    let plain = link("/bkt/key", "");
    let got = node.call_as("", "GET", &plain, &navigate, "").expect(200);
    assert_eq!(got.body, b"0123456789");
    node.call_as("", "POST", &plain, &[], "open=yes")
        .refused(405, "MethodNotAllowed");
}

#[test]
fn at_the_bound_no_more_links_are_used_up_and_used_ones_stay_so() {
    let node = with_object();
    let get = |n: usize| {
        let path = link("/bkt/key", &format!("x-bh-once={n}"));
        node.call_as("", "GET", &path, &[], "")
    };
    for n in 0..3 {
        get(n).expect(200);
    }
    get(3).refused(503, "SlowDown");
    get(0).refused(403, "AccessDenied");
    let put = link("/bkt/other", "x-bh-once=9");
    node.call_as("", "PUT", &put, &[], "x")
        .refused(503, "SlowDown");
    node.get("/bkt/other").refused(404, "NoSuchKey");
}

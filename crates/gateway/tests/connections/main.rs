//! What the gateway promises of connections, seen through sockets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod doors;
mod harness;
mod tls;

use blockhouse_gateway::limits::{Limits, Patience};
use harness::Gateway;

const LIST: &str = "GET / HTTP/1.1\r\nHost: s3.test\r\n\r\n";

#[test]
fn a_smuggled_request_is_never_executed() {
    for heads in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
    ] {
        let gateway = Gateway::start(Limits::default(), None);
        let mut client = gateway.connect();
        client.say(&format!(
            "PUT /bucket/key HTTP/1.1\r\nHost: s3.test\r\n{heads}\r\n\
             0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: s3.test\r\n\r\n"
        ));
        let heard = client.hear_all();
        assert_eq!(heard.matches("HTTP/1.1 ").count(), 1, "{heads}: {heard}");
        assert!(
            !gateway.asked().contains(&"/smuggled".to_owned()),
            "{heads}"
        );
        gateway.end();
    }
}

#[test]
fn two_lengths_that_differ_are_refused() {
    let gateway = Gateway::start(Limits::default(), None);
    let mut client = gateway.connect();
    client.say(
        "PUT /bucket/key HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
    );
    assert!(client.hear_all().starts_with("HTTP/1.1 400 "));
    assert!(gateway.asked().is_empty());
    gateway.end();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let gateway = Gateway::start(Limits::default(), None);
    let mut client = gateway.connect();
    client.say(&format!(
        "PUT /first HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 0\r\n\r\n\
         PUT /first/key HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 5\r\n\r\nhello\
         GET /first/key HTTP/1.1\r\nHost: s3.test\r\n\r\n{LIST}"
    ));
    assert_eq!(client.hear().status, 200);
    assert_eq!(client.hear().status, 200);
    assert_eq!(client.hear().body, "hello");
    assert!(client.hear().body.contains("<Name>first</Name>"));
    gateway.end();
}

/// The client sends all of its body and only then listens: it hears why it was refused, and not that
/// the connection was reset.
#[test]
fn who_sends_on_after_a_refusal_hears_it() {
    let gateway = Gateway::start(Limits::default(), None);
    let mut client = gateway.connect();
    let body = "x".repeat(16 << 20);
    client.say(&format!(
        "PUT /nowhere/key HTTP/1.1\r\nHost: s3.test\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let heard = client.hear_all();
    assert!(heard.starts_with("HTTP/1.1 404 "), "{heard}");
    gateway.end();
}

#[test]
fn a_refusal_before_the_body_costs_no_body() {
    let gateway = Gateway::start(Limits::default(), None);
    let mut client = gateway.connect();
    client.say(
        "PUT /nowhere/key HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 1000000\r\n\
         Expect: 100-continue\r\n\r\n",
    );
    let answer = client.hear();
    assert_eq!(answer.status, 404, "{}", answer.head);
    assert!(answer.body.contains("NoSuchBucket"));
    gateway.end();
}

#[test]
fn a_body_is_asked_for_when_it_is_wanted() {
    let gateway = Gateway::start(Limits::default(), None);
    let mut client = gateway.connect();
    client.say("PUT /first HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.hear().status, 200);
    client.say(
        "PUT /first/key HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 5\r\n\
         Expect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.hear().status, 100);
    client.say("hello");
    assert_eq!(client.hear().status, 200);
    gateway.end();
}

#[test]
fn a_head_beyond_the_bounds_is_refused() {
    let gateway = Gateway::start(Limits::default(), None);
    let long = "x".repeat(40_000);
    let many: String = (0..150).map(|n| format!("X-H-{n}: 1\r\n")).collect();
    for headers in [format!("X-Long: {long}\r\n"), many] {
        let mut client = gateway.connect();
        client.say(&format!("GET / HTTP/1.1\r\nHost: s3.test\r\n{headers}\r\n"));
        assert!(client.hear_all().starts_with("HTTP/1.1 431 "));
    }
    assert!(gateway.asked().is_empty());
    gateway.end();
}

#[test]
fn a_connection_too_many_is_told_to_come_back() {
    let limits = Limits {
        connections_max: 1,
        ..Limits::default()
    };
    let gateway = Gateway::start(limits, None);
    let mut first = gateway.connect();
    first.say(LIST);
    assert_eq!(first.hear().status, 200);
    let mut second = gateway.connect();
    second.say(LIST);
    let heard = second.hear_all();
    assert!(
        heard.starts_with("HTTP/1.1 503 ") && heard.contains("<Code>SlowDown</Code>"),
        "{heard}"
    );
    first.say(LIST);
    assert_eq!(first.hear().status, 200);
    gateway.end();
}

#[test]
fn a_request_too_many_is_told_to_come_back_and_its_connection_stays() {
    let limits = Limits {
        in_flight_max: 1,
        ..Limits::default()
    };
    let gateway = Gateway::start(limits, None);
    let mut first = gateway.connect();
    first.say("PUT /first HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(first.hear().status, 200);
    first.say(
        "PUT /first/key HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 5\r\n\
         Expect: 100-continue\r\n\r\n",
    );
    assert_eq!(first.hear().status, 100);
    let mut second = gateway.connect();
    second.say(LIST);
    let refused = second.hear();
    assert_eq!(refused.status, 503);
    assert!(
        refused.head.contains("x-amz-request-id: "),
        "{}",
        refused.head
    );
    first.say("hello");
    assert_eq!(first.hear().status, 200);
    second.say(LIST);
    assert_eq!(second.hear().status, 200);
    gateway.end();
}

#[test]
fn slow_clients_are_cut() {
    let patience = Patience {
        idle_secs: 1,
        head_secs: 1,
        progress_secs: 1,
        progress_bytes_min: 1000,
    };
    let gateway = Gateway::start(
        Limits {
            patience,
            ..Limits::default()
        },
        None,
    );
    let mut idle = gateway.connect();
    let mut half_a_head = gateway.connect();
    half_a_head.say("GET / HTTP/1.1\r\nHo");
    let mut half_a_body = gateway.connect();
    half_a_body.say("PUT /first HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(half_a_body.hear().status, 200);
    half_a_body.say("PUT /first/key HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 50\r\n\r\nhell");
    assert_eq!(idle.hear_all(), "");
    assert_eq!(half_a_head.hear_all(), "");
    assert_eq!(half_a_body.hear_all(), "");
    // The half body stored nothing.
    let mut client = gateway.connect();
    client.say("GET /first/key HTTP/1.1\r\nHost: s3.test\r\n\r\n");
    assert_eq!(client.hear().status, 404);
    gateway.end();
}

#[test]
fn a_drain_lets_what_is_in_flight_finish_and_takes_nothing_new() {
    let gateway = Gateway::start(Limits::default(), None);
    let mut idle = gateway.connect();
    idle.say(LIST);
    assert_eq!(idle.hear().status, 200);
    let mut busy = gateway.connect();
    busy.say("PUT /first HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(busy.hear().status, 200);
    busy.say(
        "PUT /first/key HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 5\r\n\
         Expect: 100-continue\r\n\r\n",
    );
    assert_eq!(busy.hear().status, 100);
    gateway.drain.begin();
    assert_eq!(idle.hear_all(), "");
    assert!(std::net::TcpStream::connect(gateway.address).is_err());
    busy.say("hello");
    let answer = busy.hear();
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .to_ascii_lowercase()
            .contains("connection: close"),
        "{}",
        answer.head
    );
    gateway.end();
}

#[test]
fn a_drain_does_not_wait_for_ever() {
    let limits = Limits {
        drain_secs: 1,
        ..Limits::default()
    };
    let gateway = Gateway::start(limits, None);
    let mut stuck = gateway.connect();
    stuck.say("PUT /first HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(stuck.hear().status, 200);
    stuck.say("PUT /first/key HTTP/1.1\r\nHost: s3.test\r\nContent-Length: 5\r\n\r\nhell");
    gateway.end();
    assert_eq!(stuck.hear_all(), "");
}

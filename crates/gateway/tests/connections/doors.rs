//! Listeners that come and go while the gateway serves.

use crate::harness::Gateway;
use blockhouse_gateway::{
    Entrance, ListenerId, VpcEndpoint,
    accept::{Door, DoorChange, NativeCheck, bind},
    limits::Limits,
};
use std::{net::TcpListener, sync::Arc};

const LIST: &str = "GET / HTTP/1.1\r\nHost: s3.test\r\n\r\n";

fn door(listener: TcpListener, vpc: &str, check: Option<NativeCheck>) -> DoorChange {
    let json = format!(
        r#"{{"id": "{vpc}", "account": "000000000001", "cidrs": ["10.0.0.0/16"],
        "endpoint": {{"id": "vpce-1", "subnet": "subnet-1", "addresses": ["10.0.1.10"],
                      "ports": {{"http": 80}}, "security_groups": ["sg-1"]}}}}"#
    );
    let endpoint = VpcEndpoint::of(&serde_json::from_str(&json).unwrap()).unwrap();
    DoorChange::Open(Door {
        id: ListenerId(7),
        listener,
        tls: None,
        entrance: Arc::new(Entrance::Vpc(Arc::new(endpoint))),
        check,
        proxy: None,
    })
}

fn listener() -> TcpListener {
    let any = "127.0.0.1:0".parse().unwrap();
    bind(any, 1).unwrap().pop().unwrap()
}

#[test]
fn a_door_is_opened_changed_and_closed() {
    let gateway = Gateway::start(Limits::default(), None);
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let again = listener.try_clone().unwrap();
    let change = |change| gateway.changes.blocking_send(change).unwrap();

    change(door(listener, "vpc-1", None));
    let mut first = Gateway::connect_to(address);
    first.say(LIST);
    assert_eq!(first.hear().status, 200);

    // Under another identity nobody goes on as who he was.
    change(door(again, "vpc-2", None));
    assert_eq!(first.hear_all(), "");
    let mut second = Gateway::connect_to(address);
    second.say(LIST);
    assert_eq!(second.hear().status, 200);

    change(DoorChange::Close(ListenerId(7)));
    assert_eq!(second.hear_all(), "");
    let mut elsewhere = gateway.connect();
    elsewhere.say(LIST);
    assert_eq!(elsewhere.hear().status, 200);
    gateway.end();
}

#[test]
fn a_connection_of_another_network_is_dropped_unheard() {
    let gateway = Gateway::start(Limits::default(), None);
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let foreign: NativeCheck = Arc::new(|_| false);
    let opened = door(listener, "vpc-1", Some(foreign));
    gateway.changes.blocking_send(opened).unwrap();
    assert!(Gateway::connect_to(address).is_closed_unheard());
    assert!(gateway.asked().is_empty());
    gateway.end();
}

//! The https listener: HTTP/1.1 is what it offers, and a request over it is known to be encrypted.

use crate::harness::Gateway;
use blockhouse_gateway::{limits::Limits, tls::server_config};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::aws_lc_rs};
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

#[test]
fn speaks_http_1_1_over_tls() {
    let made = rcgen::generate_simple_self_signed(["s3.test".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let config = server_config(chain.as_bytes(), key.as_bytes()).unwrap();
    let gateway = Gateway::start(Limits::default(), Some(config));

    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = "s3.test".try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(gateway.address).unwrap());
    let request = "GET / HTTP/1.1\r\nHost: s3.test\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    gateway.end();
}

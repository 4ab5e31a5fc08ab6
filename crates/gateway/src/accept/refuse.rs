//! The word to those who come when we are full: 503 SlowDown, which every SDK retries.

use crate::{
    Origin,
    audit::{self, Check},
    events::{Events, RequestRecord},
};
use blockhouse_types::{RequestId, Timestamp};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

/// How long a client that was turned away has to hear of it.
const HEARING: Duration = Duration::from_secs(2);

/// How much of what it had sent is read and dropped meanwhile. Closing with unread bytes would reset
/// the connection, and the client might never see the answer.
const UNHEARD_BYTES_MAX: usize = 64 * 1024;

/// The answer to a request that would be one too many in flight.
pub(super) fn slow_down(
    (id, now): (RequestId, Timestamp),
    events: &Events,
    origin: &Origin,
) -> Response<Bytes> {
    let body = document(id);
    if let Some(log) = events.audit() {
        log.leave(Box::new(audit::Record {
            time: now,
            request: id,
            link: None,
            key_id: None,
            principal: None,
            source: origin.peer(),
            through: origin.through(),
            bucket: None,
            key: None,
            action: None,
            refused_by: Some(Check::Room),
            statement: None,
            decided: None,
            code: Some("SlowDown"),
            bytes: 0,
        }));
    }
    events.request(&RequestRecord {
        id,
        operation: "Refused",
        status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
        error: Some("SlowDown"),
        bytes_in: 0,
        bytes_out: body.len() as u64,
        micros: 0,
        peer: origin.peer(),
    });
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/xml"),
    );
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        headers.insert("x-amz-request-id", value);
    }
    response
}

/// Tells a connection that is one too many, and closes it.
pub(super) async fn say_slow_down(mut stream: TcpStream, id: RequestId) {
    let body = document(id);
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/xml\r\n\
         x-amz-request-id: {id}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let hearing = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        drop_unread(&stream).await
    };
    // Neither a slow nor a broken connection matters any more.
    let _ = timeout(HEARING, hearing).await;
}

async fn drop_unread(stream: &TcpStream) -> std::io::Result<()> {
    let mut unheard = [0; 4096];
    let mut dropped = 0;
    while dropped < UNHEARD_BYTES_MAX {
        stream.readable().await?;
        match stream.try_read(&mut unheard) {
            Ok(0) => return Ok(()),
            Ok(n) => dropped += n,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn document(id: RequestId) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>\
         <Message>Please reduce your request rate.</Message><RequestId>{id}</RequestId></Error>"
    )
}

//! The bytes of a request as they come from the connection, counted.

use bytes::Bytes;
use http::{header, request::Parts};
use std::{future::poll_fn, pin::Pin};

/// What is left of a body that nobody wanted is read and thrown away up to here, so that the
/// connection lives on; with more than that left, the connection is closed.
const SETTLE_BYTES_MAX: u64 = 256 << 10;

/// The bytes of a request as the connection gives them. Generic so that tests and the simulator
/// bring their own; on a node it is hyper's body.
pub trait Stream: http_body::Body<Data = Bytes> + Unpin {}

impl<B: http_body::Body<Data = Bytes> + Unpin> Stream for B {}

/// The client broke off, or the connection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection broke off in mid-body")]
pub(crate) struct BrokenOff;

/// The body of a request on its way in.
pub struct Inbound<B> {
    body: B,
    bytes_received: u64,
    flow: Flow,
    /// What was read too far: it comes again before anything else.
    put_back: Bytes,
}

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Nobody asked for a byte. A client that waits for `100 Continue` is still waiting.
    Untouched,
    Flowing,
    Ended,
    Broken,
}

impl<B: Stream> Inbound<B> {
    /// The body of one request.
    pub(crate) fn new(body: B) -> Self {
        let flow = if body.is_end_stream() {
            Flow::Ended
        } else {
            Flow::Untouched
        };
        Self {
            body,
            bytes_received: 0,
            flow,
            put_back: Bytes::new(),
        }
    }

    /// The body's length by HTTP's framing; `None` when it comes in HTTP chunks.
    pub(crate) fn declared_len(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// How many bytes are still to come, where HTTP's framing says it.
    pub(crate) fn bytes_left(&self) -> Option<u64> {
        let unread = self.body.size_hint().exact()?;
        Some(unread + self.put_back.len() as u64)
    }

    /// Has these bytes, of those that came last, come again.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        debug_assert!(self.put_back.is_empty(), "only what came last is put back");
        self.put_back = bytes;
    }

    /// The next bytes, never empty; `None` at the end. Trailers of HTTP's own chunking are nothing
    /// to S3 and left out.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        if !self.put_back.is_empty() {
            return Ok(Some(std::mem::take(&mut self.put_back)));
        }
        match self.flow {
            Flow::Ended => return Ok(None),
            Flow::Broken => return Err(BrokenOff),
            Flow::Untouched | Flow::Flowing => self.flow = Flow::Flowing,
        }
        loop {
            let frame = poll_fn(|task| Pin::new(&mut self.body).poll_frame(task)).await;
            match frame {
                None => {
                    self.flow = Flow::Ended;
                    return Ok(None);
                }
                Some(Err(_)) => {
                    self.flow = Flow::Broken;
                    return Err(BrokenOff);
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => {
                        self.bytes_received += bytes.len() as u64;
                        return Ok(Some(bytes));
                    }
                    Ok(_) | Err(_) => {}
                },
            }
        }
    }

    /// Reads what is left when it is little, so that the next request on the connection can follow.
    pub(crate) async fn settle(&mut self, head: &Parts) {
        self.put_back = Bytes::new();
        let waits = self.flow == Flow::Untouched && head.headers.contains_key(header::EXPECT);
        if waits || self.body.size_hint().lower() > SETTLE_BYTES_MAX {
            return;
        }
        let bound = self.bytes_received + SETTLE_BYTES_MAX;
        while self.bytes_received <= bound {
            let Ok(Some(_)) = self.next().await else {
                return;
            };
        }
    }
}

impl<B> Inbound<B> {
    /// Whether nothing more can come, so that the connection may carry the next request.
    pub(crate) fn is_over(&self) -> bool {
        self.flow == Flow::Ended
    }

    /// Body bytes that came so far.
    pub(crate) fn bytes_received(&self) -> u64 {
        self.bytes_received
    }
}

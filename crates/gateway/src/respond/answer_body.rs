//! The body of an answer on its way out.
//!
//! A small one is a single piece, which hyper sends together with the head in one write. A large
//! one comes from the store piece by piece; the next read is begun before the piece at hand is given
//! away, so that disk and network work at the same time and at most two pieces per answer are in
//! memory. When a read fails in the middle, the body ends with an error and hyper cuts the
//! connection: the client sees a broken transfer, never a short body that looks whole.

use crate::{
    audit,
    events::{Events, RequestRecord},
    link::{Transfer, UnderWay},
};
use blockhouse_store::{ObjectReader, ObjectStore, ReadError, StoredObject};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Instant,
};

/// The reader of the objects of a store.
pub(crate) type ReaderOf<S> = <<S as ObjectStore>::Object as StoredObject>::Reader;

/// The store could not read on; the connection must be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the object could not be read to its end")]
pub struct AnswerBroken;

/// The body of an answer. Counts what it gave away, and reports the request when it is dropped.
pub struct AnswerBody<S: ObjectStore> {
    content: Content<ReaderOf<S>>,
    /// Told when the last byte has been given away; ends short if that never happens.
    transfer: Option<Transfer>,
    report: Option<Report>,
    /// The request by a link that this answers, under way until the answer was sent.
    _under_way: Option<UnderWay>,
}

/// What is to be sent.
pub(crate) enum Content<R> {
    /// Nothing (more).
    Empty,
    /// One piece.
    Whole(Bytes),
    /// The pieces of an object.
    Pieces(Pieces<R>),
}

/// Tells of a request that is over.
struct Report {
    record: RequestRecord,
    audit: Option<Box<audit::Record>>,
    begun: Instant,
    events: Arc<Events>,
}

impl<S: ObjectStore> AnswerBody<S> {
    /// A body that reports nothing; see [`AnswerBody::reporting`].
    pub(crate) fn new(content: Content<ReaderOf<S>>) -> Self {
        let content = match content {
            Content::Whole(bytes) if bytes.is_empty() => Content::Empty,
            other => other,
        };
        Self {
            content,
            transfer: None,
            report: None,
            _under_way: None,
        }
    }

    /// Reports `record` to `events`, and what is to be audited, once the body was sent or given up.
    pub(crate) fn reporting(
        mut self,
        record: RequestRecord,
        audit: Option<Box<audit::Record>>,
        begun: Instant,
        events: Arc<Events>,
    ) -> Self {
        self.report = Some(Report {
            record,
            audit,
            begun,
            events,
        });
        self
    }

    /// Tells a link's transfer how it ended.
    pub(crate) fn telling(mut self, transfer: Option<Transfer>) -> Self {
        self.transfer = transfer;
        self.end_transfer();
        self
    }

    /// Keeps a request by a link under way.
    pub(crate) fn holds(&mut self, under_way: Option<UnderWay>) {
        self._under_way = under_way;
    }

    /// Once nothing is left to be sent, the transfer is whole.
    fn end_transfer(&mut self) {
        if self.len_left() == 0
            && let Some(transfer) = self.transfer.take()
        {
            transfer.complete();
        }
    }

    /// Sends nothing after all: the answer to HEAD.
    pub(crate) fn silenced(self) -> Self {
        Self {
            content: Content::Empty,
            ..self
        }
    }

    /// Bytes still to be sent.
    pub(crate) fn len_left(&self) -> u64 {
        match &self.content {
            Content::Empty => 0,
            Content::Whole(bytes) => bytes.len() as u64,
            Content::Pieces(pieces) => pieces.bytes_left,
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.record.micros = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.events.request(&self.record);
        if let (Some(log), Some(mut audit)) = (self.events.audit(), self.audit.take()) {
            if audit.refused_by.is_none() {
                audit.bytes += self.record.bytes_out;
            }
            log.leave(audit);
        }
    }
}

/// No reader is ever pinned in place: reads that are under way have a box of their own.
impl<S: ObjectStore> Unpin for AnswerBody<S> {}

impl<S: ObjectStore> http_body::Body for AnswerBody<S> {
    type Data = Bytes;
    type Error = AnswerBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerBroken>>> {
        let this = &mut *self;
        let piece = match &mut this.content {
            Content::Empty => None,
            Content::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
            Content::Pieces(pieces) => match pieces.poll_piece(task) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(piece) => piece,
            },
        };
        if !matches!((&this.content, &piece), (Content::Pieces(_), Some(Ok(_)))) {
            this.content = Content::Empty;
        }
        if let (Some(report), Some(Ok(bytes))) = (&mut this.report, &piece) {
            report.record.bytes_out += bytes.len() as u64;
        }
        match &piece {
            Some(Err(_)) => drop(this.transfer.take()),
            _ => this.end_transfer(),
        }
        Poll::Ready(piece.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.len_left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len_left())
    }
}

/// The pieces of a stored object, read one ahead.
pub(crate) struct Pieces<R> {
    turn: Turn<R>,
    bytes_left: u64,
}

/// One read under way, or the one that is over already.
enum Turn<R> {
    Reading(Pin<Box<dyn Future<Output = Read<R>>>>),
    Over(Option<Read<R>>),
}

/// A reader after a read, and what it gave.
type Read<R> = (R, Result<Option<Bytes>, ReadError>);

/// One box per read of up to 1 MiB: what it costs is lost in the noise of the read.
async fn read_next<R: ObjectReader>(mut reader: R) -> Read<R> {
    let piece = reader.next().await;
    (reader, piece)
}

impl<R: ObjectReader> Pieces<R> {
    /// Pieces that begin with `first`, which was read already, and go on from `reader`; `len_bytes`
    /// in all, `first` included.
    pub(crate) fn after(first: Bytes, reader: R, len_bytes: u64) -> Self {
        Self {
            turn: Turn::Over(Some((reader, Ok(Some(first))))),
            bytes_left: len_bytes,
        }
    }

    fn poll_piece(
        &mut self,
        task: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Bytes, AnswerBroken>>> {
        let (reader, piece) = match &mut self.turn {
            Turn::Over(read) => match read.take() {
                Some(read) => read,
                None => return Poll::Ready(None),
            },
            Turn::Reading(reading) => match reading.as_mut().poll(task) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(read) => read,
            },
        };
        self.turn = Turn::Over(None);
        Poll::Ready(match piece {
            Ok(Some(bytes)) if bytes.len() as u64 <= self.bytes_left => {
                self.bytes_left -= bytes.len() as u64;
                if self.bytes_left > 0 {
                    self.read_ahead(reader, task);
                }
                Some(Ok(bytes))
            }
            Ok(_) => {
                tracing::error!(
                    bytes_left = self.bytes_left,
                    "the store gave another length than it told"
                );
                Some(Err(AnswerBroken))
            }
            Err(error) => {
                tracing::error!(%error, bytes_left = self.bytes_left, "an answer broke off");
                Some(Err(AnswerBroken))
            }
        })
    }

    /// Begins the next read: polled once, so that it is on its way to the disk.
    fn read_ahead(&mut self, reader: R, task: &mut TaskContext<'_>) {
        let mut reading: Pin<Box<dyn Future<Output = Read<R>>>> = Box::pin(read_next(reader));
        self.turn = match reading.as_mut().poll(task) {
            Poll::Ready(read) => Turn::Over(Some(read)),
            Poll::Pending => Turn::Reading(reading),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_store::StoreError;
    use std::{cell::Cell, rc::Rc, task::Waker};

    /// Gives its pieces one by one and counts the reads.
    struct Script {
        pieces: Vec<Result<Bytes, ReadError>>,
        reads: Rc<Cell<usize>>,
    }

    impl ObjectReader for Script {
        async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
            self.reads.set(self.reads.get() + 1);
            if self.pieces.is_empty() {
                Ok(None)
            } else {
                self.pieces.remove(0).map(Some)
            }
        }
    }

    fn pieces(rest: Vec<Result<Bytes, ReadError>>, len: u64) -> (Pieces<Script>, Rc<Cell<usize>>) {
        let reads = Rc::new(Cell::new(0));
        let reader = Script {
            pieces: rest,
            reads: Rc::clone(&reads),
        };
        (
            Pieces::after(Bytes::from_static(b"one"), reader, len),
            reads,
        )
    }

    fn poll(pieces: &mut Pieces<Script>) -> Option<Result<Bytes, AnswerBroken>> {
        match pieces.poll_piece(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(piece) => piece,
            Poll::Pending => panic!("the script never waits"),
        }
    }

    #[test]
    fn the_next_read_begins_before_a_piece_is_given_away() {
        let (mut body, reads) = pieces(vec![Ok("two".into()), Ok("end".into())], 9);
        for (piece, reads_after) in [("one", 1), ("two", 2), ("end", 2)] {
            assert_eq!(poll(&mut body), Some(Ok(piece.into())));
            assert_eq!(reads.get(), reads_after, "{piece}");
        }
        assert_eq!(poll(&mut body), None);
    }

    #[test]
    fn a_read_that_fails_breaks_the_answer() {
        let failed = ReadError::Store(StoreError::Damaged {
            what: "here".into(),
        });
        let (mut body, _) = pieces(vec![Err(failed)], 9);
        assert_eq!(poll(&mut body), Some(Ok("one".into())));
        assert_eq!(poll(&mut body), Some(Err(AnswerBroken)));
        assert_eq!(poll(&mut body), None);
    }

    #[test]
    fn another_length_than_told_breaks_the_answer() {
        let (mut short, _) = pieces(vec![], 9);
        assert_eq!(poll(&mut short), Some(Ok("one".into())));
        assert_eq!(poll(&mut short), Some(Err(AnswerBroken)));
        let (mut long, _) = pieces(vec![Ok("two".into())], 5);
        assert_eq!(poll(&mut long), Some(Ok("one".into())));
        assert_eq!(poll(&mut long), Some(Err(AnswerBroken)));
    }
}

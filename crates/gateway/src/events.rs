//! What the gateway tells of itself: one record per request becomes the access log's line and the
//! counts that `/metrics` shows.
//!
//! Each I/O thread has an [`Events`] of its own and is its only writer, so that counting is a plain
//! load and store; the admin thread reads all of them when somebody asks ([`exposition`]). Names
//! and units stand in that module alone.
//!
//! Nothing here ever holds a key, a query or a header: a presigned link is a credential.

mod exposition;

pub use exposition::{Sample, SampleKind, exposition};

use crate::audit;
use blockhouse_types::RequestId;
use std::{
    net::SocketAddr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Operations that are told apart; names come from the code, so the bound is never reached. Were it
/// reached, the rest would count as the last one.
const OPERATIONS_MAX: usize = 64;

/// Error codes that are told apart; bound as above.
const CODES_MAX: usize = 96;

/// Upper bounds of the latency buckets, in microseconds.
pub(crate) const LATENCY_BOUNDS_US: [u64; 17] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000, 30_000_000,
];

/// One request, told when the last byte of its answer was handed over or given up.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// Its id, as in `x-amz-request-id`.
    pub id: RequestId,
    /// The operation's name, or that it was none.
    pub operation: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The S3 code, if it was refused.
    pub error: Option<&'static str>,
    /// Body bytes received.
    pub bytes_in: u64,
    /// Body bytes sent.
    pub bytes_out: u64,
    /// From the head's arrival to now.
    pub micros: u64,
    /// Who asked.
    pub peer: SocketAddr,
}

/// A count with one writer and any number of readers.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The counts of one operation.
#[derive(Debug, Default)]
struct Operation {
    name: OnceLock<&'static str>,
    /// By the status's first digit, from 1 to 5.
    by_class: [Count; 5],
    bytes_in: Count,
    bytes_out: Count,
    micros: Count,
    /// One more than there are bounds: the last is beyond all of them.
    latency: [Count; LATENCY_BOUNDS_US.len() + 1],
}

/// How often one error code was answered.
#[derive(Debug, Default)]
struct Code {
    name: OnceLock<&'static str>,
    answers: Count,
}

/// The counts of one I/O thread, and where it leaves what is to be audited.
#[derive(Debug)]
pub struct Events {
    audit: Option<audit::Log>,
    operations: Box<[Operation]>,
    codes: Box<[Code]>,
    connections_opened: Count,
    connections_closed: Count,
    connections_refused: Count,
    connections_foreign: Count,
    requests_begun: Count,
    requests_ended: Count,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            audit: None,
            operations: (0..OPERATIONS_MAX).map(|_| Operation::default()).collect(),
            codes: (0..CODES_MAX).map(|_| Code::default()).collect(),
            connections_opened: Count::default(),
            connections_closed: Count::default(),
            connections_refused: Count::default(),
            connections_foreign: Count::default(),
            requests_begun: Count::default(),
            requests_ended: Count::default(),
        }
    }
}

impl Events {
    /// Of a thread whose decisions are audited.
    pub fn audited(log: &audit::Log) -> Self {
        Self {
            audit: Some(log.clone()),
            ..Self::default()
        }
    }

    /// Where decisions are left; `None` when nobody audits them.
    pub(crate) fn audit(&self) -> Option<&audit::Log> {
        self.audit.as_ref()
    }

    /// Counts a request and writes its line: `warn` when it was our fault, else `debug`, so that a
    /// node at work does not spend its time on its log. What is not implemented and what came when
    /// we were full are no faults; a flood of them must not become a flood of lines. Call it from
    /// one thread only.
    pub fn request(&self, record: &RequestRecord) {
        let row = row(&self.operations, |row| &row.name, record.operation);
        row.by_class[usize::from(record.status / 100).clamp(1, 5) - 1].add(1);
        row.bytes_in.add(record.bytes_in);
        row.bytes_out.add(record.bytes_out);
        row.micros.add(record.micros);
        row.latency[LATENCY_BOUNDS_US.partition_point(|bound| *bound < record.micros)].add(1);
        if let Some(code) = record.error {
            self::row(&self.codes, |row| &row.name, code).answers.add(1);
        }
        log(record);
    }

    pub(crate) fn connection_opened(&self) {
        self.connections_opened.add(1);
    }

    pub(crate) fn connection_closed(&self) {
        self.connections_closed.add(1);
    }

    pub(crate) fn connection_refused(&self) {
        self.connections_refused.add(1);
    }

    pub(crate) fn connection_foreign(&self) {
        self.connections_foreign.add(1);
    }

    pub(crate) fn request_began(&self) {
        self.requests_begun.add(1);
    }

    pub(crate) fn request_ended(&self) {
        self.requests_ended.add(1);
    }
}

/// The row of that name, taken on first sight. Names are few and mostly the very same text, so a
/// walk is quicker than a hash.
fn row<'a, R>(
    rows: &'a [R],
    name_of: impl Fn(&R) -> &OnceLock<&'static str>,
    name: &'static str,
) -> &'a R {
    let (last, others) = rows
        .split_last()
        .unwrap_or_else(|| unreachable!("rows are never empty"));
    others
        .iter()
        .find(|row| {
            let taken = *name_of(row).get_or_init(|| name);
            std::ptr::eq(taken, name) || taken == name
        })
        .unwrap_or(last)
}

fn log(record: &RequestRecord) {
    macro_rules! line {
        ($level:expr) => {
            tracing::event!(
                $level,
                request_id = %record.id,
                operation = record.operation,
                status = record.status,
                error = record.error,
                bytes_in = record.bytes_in,
                bytes_out = record.bytes_out,
                micros = record.micros,
                peer = %record.peer,
                "request"
            )
        };
    }
    if record.status >= 500 && !matches!(record.status, 501 | 503) {
        line!(tracing::Level::WARN);
    } else {
        line!(tracing::Level::DEBUG);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_row_and_latency_falls_into_its_bucket() {
        let events = Events::default();
        let mut record = RequestRecord {
            id: RequestId::from_number(1),
            operation: "GetObject",
            status: 200,
            error: None,
            bytes_in: 0,
            bytes_out: 5,
            micros: 100,
            peer: "127.0.0.1:1".parse().unwrap(),
        };
        events.request(&record);
        record = RequestRecord {
            operation: "PutObject",
            status: 404,
            error: Some("NoSuchBucket"),
            micros: 101,
            ..record
        };
        events.request(&record);
        record = RequestRecord {
            operation: "GetObject",
            status: 200,
            error: None,
            micros: u64::MAX,
            ..record
        };
        events.request(&record);
        let get = &events.operations[0];
        assert_eq!(
            (get.name.get(), get.by_class[1].get()),
            (Some(&"GetObject"), 2)
        );
        assert_eq!(
            (
                get.latency[1].get(),
                get.latency[17].get(),
                get.bytes_out.get()
            ),
            (1, 1, 10)
        );
        let put = &events.operations[1];
        assert_eq!(
            (put.name.get(), put.by_class[3].get()),
            (Some(&"PutObject"), 1)
        );
        assert_eq!(put.latency[2].get(), 1);
        assert_eq!(events.codes[0].answers.get(), 1);
    }
}

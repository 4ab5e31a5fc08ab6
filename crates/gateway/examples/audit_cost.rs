//! What one record of the audit costs an I/O thread: making it and leaving it in the queue, while the
//! audit's own thread writes. Prints nanoseconds; what was lost is no part of them.
//!
//!     cargo run --release -p blockhouse-gateway --example audit_cost -- FOLDER

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use blockhouse_gateway::audit::{Audit, Record};
use blockhouse_types::{AccountId, BucketName, ObjectKey, RequestId, Timestamp};
use blockhouse_verifier_wire::Principal;
use std::{path::PathBuf, sync::Arc, time::Instant};

/// Records a round: fewer than the queue holds, so that none is lost.
const RECORDS: u64 = 10_000;
const ROUNDS: u64 = 50;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap());
    let audit = Audit::start(&folder).unwrap();
    let log = audit.log();
    let key_id: Arc<str> = "AKIAIOSFODNN7EXAMPLE".into();
    let (bucket, key) = (
        BucketName::parse("bkt").unwrap(),
        ObjectKey::parse("a/key").unwrap(),
    );
    let account = AccountId::from_number(42).unwrap();
    let mut nanos = 0;
    for round in 0..ROUNDS {
        let begun = Instant::now();
        for n in 0..RECORDS {
            log.leave(Box::new(Record {
                time: Timestamp::from_millis(n),
                request: RequestId::from_number(n),
                link: None,
                key_id: Some(Arc::clone(&key_id)),
                principal: Some(Principal::Root { account }),
                source: ([127, 0, 0, 1], 5).into(),
                through: None,
                bucket: Some(bucket.clone()),
                key: Some(key.clone()),
                action: Some("s3:GetObject"),
                refused_by: None,
                statement: None,
                decided: None,
                code: None,
                bytes: 4096,
            }));
        }
        nanos += begun.elapsed().as_nanos() as u64;
        while log.written() + log.lost() < (round + 1) * RECORDS {
            std::thread::yield_now();
        }
    }
    println!(
        "{} ns a record, {} lost",
        nanos / (ROUNDS * RECORDS),
        log.lost()
    );
}

//! The workers from outside: threads, tasks, and what is told when something breaks.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use blockhouse_digest::{Bounds, Hasher, Kernel, Lost, Workers};
use bytes::Bytes;
use md5::{Digest as _, Md5};
use sha2::Sha256;

/// Small enough that every body waits for room many times.
const TIGHT: Bounds = Bounds {
    body_bytes: 4 << 10,
    all_bytes: 16 << 10,
    gather_bytes: 1 << 10,
    stretch_bytes: 2 << 10,
};

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, future)
}

/// Body number `n`, in pieces of uneven lengths.
fn pieces(n: usize) -> Vec<Bytes> {
    let lens = (0..n % 40).map(|at| 1 + (n * 977 + at * 3571) % 3000);
    lens.map(|len| (0..len).map(|at| (at * 7 + n) as u8).collect())
        .collect()
}

async fn hash(mut hasher: Hasher, pieces: Vec<Bytes>) -> Result<blockhouse_digest::Hashes, Lost> {
    for piece in pieces {
        hasher.push(piece).await?;
        tokio::task::yield_now().await;
    }
    hasher.finish().await
}

#[test]
fn many_bodies_at_once_get_their_own_values() {
    for kernel in Kernel::all() {
        for bounds in [TIGHT, Bounds::default()] {
            let workers = Workers::start_with(kernel, &[], bounds).unwrap();
            run(async {
                let start = |n: usize| {
                    let hashing = hash(workers.begin(n.is_multiple_of(3)), pieces(n));
                    (n, tokio::task::spawn_local(hashing))
                };
                for (n, task) in (0..150).map(start).collect::<Vec<_>>() {
                    let (whole, hashes) = (pieces(n).concat(), task.await.unwrap().unwrap());
                    assert_eq!(hashes.md5, *Md5::digest(&whole), "{kernel}, body {n}");
                    let sha256 = n.is_multiple_of(3).then(|| Sha256::digest(&whole).into());
                    assert_eq!(hashes.sha256, sha256, "{kernel}, body {n}");
                }
            });
        }
    }
}

#[test]
fn bodies_may_be_dropped_at_any_time() {
    let workers = Workers::start(&[], TIGHT).unwrap();
    run(async {
        for n in 0..300 {
            let task = tokio::task::spawn_local(hash(workers.begin(true), pieces(n)));
            for _ in 0..n % 7 {
                tokio::task::yield_now().await;
            }
            task.abort();
        }
        let hashes = hash(workers.begin(false), pieces(39)).await.unwrap();
        assert_eq!(hashes.md5, *Md5::digest(pieces(39).concat()));
    });
}

/// Panics in whoever gives the last count of it back: the worker, once it has hashed the piece.
struct Bomb;

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        &[1; 600]
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("as the test wants it");
    }
}

#[test]
fn a_worker_that_panics_refuses_its_bodies_and_goes_on() {
    let workers = Workers::start(&[], Bounds::default()).unwrap();
    run(async {
        let beside = tokio::task::spawn_local({
            let mut hasher = workers.begin(false);
            hasher.push(Bytes::from_static(b"innocent")).await.unwrap();
            async move { hasher.finish().await }
        });
        let bomb = vec![Bytes::from_owner(Bomb), Bytes::from_static(b"more")];
        assert_eq!(hash(workers.begin(true), bomb).await, Err(Lost));
        // Its fate depends on which turn of the worker it was hashed in; its value does not.
        let innocent = beside.await.unwrap();
        assert!(innocent.is_err() || innocent.unwrap().md5 == *Md5::digest(b"innocent"));
        let hashes = hash(workers.begin(false), pieces(9)).await.unwrap();
        assert_eq!(hashes.md5, *Md5::digest(pieces(9).concat()));
    });
}

#[test]
fn a_body_that_outlives_the_workers_is_lost() {
    let workers = Workers::start(&[], Bounds::default()).unwrap();
    let mut hasher = workers.begin(false);
    run(async {
        hasher.push(Bytes::from_static(b"some")).await.unwrap();
        drop(workers);
        assert_eq!(hasher.push(Bytes::from_static(b"more")).await, Err(Lost));
        assert_eq!(hasher.finish().await, Err(Lost));
    });
}

#[test]
fn a_core_that_is_not_there_is_refused() {
    assert!(Workers::start(&[1023], Bounds::default()).is_err());
    assert!(Workers::start(&[usize::MAX], Bounds::default()).is_err());
}

#[test]
fn a_worker_for_each_core() {
    let workers = Workers::start(&[0, 0], TIGHT).unwrap();
    run(async {
        let both = [workers.begin(false), workers.begin(false)];
        for hasher in both {
            let hashes = hash(hasher, pieces(20)).await.unwrap();
            assert_eq!(hashes.md5, *Md5::digest(pieces(20).concat()));
        }
    });
}

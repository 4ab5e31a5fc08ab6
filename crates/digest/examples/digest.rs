//! What a byte costs: nanoseconds of one core, by kernel and by how many bodies go side by side.
//!
//! ```sh
//! cargo run --release -p blockhouse-digest --example digest
//! ```
//! The figures are the best of several tries, over bodies of 1 MiB in pieces of 64 KiB. Run it on
//! a machine that is quiet; the processor's clock is part of the figure.

use blockhouse_digest::{Kernel, hash_all};
use bytes::Bytes;
use md5::{Digest as _, Md5};
use sha2::Sha256;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const BODY_BYTES: usize = 1 << 20;
const PIECE_BYTES: usize = 64 << 10;
const SIDE_BY_SIDE: [usize; 6] = [1, 2, 4, 8, 16, 32];
const TRIES: usize = 15;

fn main() {
    let bodies: Vec<Bytes> = (0..32u8)
        .map(|n| (0..BODY_BYTES).map(|at| at as u8 ^ n).collect())
        .collect();
    println!(
        "| ns/B, bodies side by side | {} |",
        row(SIDE_BY_SIDE.iter())
    );
    println!("|---|{}", "---|".repeat(SIDE_BY_SIDE.len()));
    let one_by_one = |name: &str, hash: &dyn Fn(&[u8])| {
        let figures = SIDE_BY_SIDE.map(|n| {
            let tried = best(|| bodies[..n].iter().for_each(|body| hash(body)));
            per_byte(tried, n)
        });
        println!("| {name} | {} |", row(figures.iter()));
    };
    one_by_one("MD5, crate md-5", &|body| {
        black_box(Md5::digest(body));
    });
    one_by_one("SHA-256, crate sha2", &|body| {
        black_box(Sha256::digest(body));
    });
    for kernel in Kernel::all() {
        for sha256 in [false, true] {
            let figures = SIDE_BY_SIDE.map(|n| {
                let tried = best(|| {
                    let pieces = bodies[..n].iter().map(in_pieces).collect();
                    black_box(hash_all(kernel, pieces, sha256));
                });
                per_byte(tried, n)
            });
            let what = if sha256 { "MD5 and SHA-256" } else { "MD5" };
            println!("| {what}, {kernel} | {} |", row(figures.iter()));
        }
    }
}

fn in_pieces(body: &Bytes) -> Vec<Bytes> {
    let starts = (0..body.len()).step_by(PIECE_BYTES);
    starts.map(|at| body.slice(at..at + PIECE_BYTES)).collect()
}

fn best(mut run: impl FnMut()) -> Duration {
    let tries = (0..TRIES).map(|_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    });
    tries.min().unwrap_or_default()
}

fn per_byte(took: Duration, bodies: usize) -> String {
    format!(
        "{:.3}",
        took.as_nanos() as f64 / (bodies * BODY_BYTES) as f64
    )
}

fn row<T: ToString>(cells: impl Iterator<Item = T>) -> String {
    cells
        .map(|cell| cell.to_string())
        .collect::<Vec<_>>()
        .join(" | ")
}

//! What a judgement costs in the verifier, without the socket: frames of 64 questions in, frames of
//! answers out, on one core.
//!
//! `cargo run --release -p blockhouse-verifier --example verify`
//!
//! An argument names one kind of question. Medians of interleaved rounds; machines differ, so read them beside `hand_off` of the same run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on ends"
)]

#[path = "support/mod.rs"]
mod support;

use blockhouse_verifier::Session;
use blockhouse_verifier_wire::frame::{Answer, AnswerBody, FrameBuilder};
use std::{
    collections::VecDeque,
    env,
    hint::black_box,
    time::{Duration, Instant},
};
use support::{Asked, judge, on_cpu, pin};

/// Questions of a frame: what 64 connections ask at once.
const IN_FLIGHT: u32 = 64;
const ROUNDS: usize = 101;
const ROUND: Duration = Duration::from_millis(25);

fn main() {
    pin(1);
    let mut kinds = vec![
        ("link, HMAC", Asked::link()),
        ("header, HMAC", Asked::header()),
        ("link, ECDSA", Asked::link_v4a()),
    ];
    // Under a profiler one kind is enough.
    if let Some(only) = env::args().nth(1) {
        kinds.retain(|(name, _)| *name == only);
    }
    let mut frames: Vec<_> = kinds.iter().map(|(_, asked)| frame_of(asked)).collect();
    let mut figures = vec![Vec::new(); kinds.len()];
    for _ in 0..ROUNDS {
        for (frame, nanos) in frames.iter_mut().zip(&mut figures) {
            nanos.push(round(frame));
        }
    }
    println!("| question | ns each | least | a second and core |");
    println!("|---|---|---|---|");
    for ((name, _), nanos) in kinds.iter().zip(&mut figures) {
        nanos.sort_by(f64::total_cmp);
        let median = nanos[ROUNDS / 2];
        let least = nanos[0];
        println!(
            "| {name} | {median:.0} | {least:.0} | {:.0} |",
            1e9 / median
        );
    }
}

/// A frame of the same question, 64 times.
fn frame_of(asked: &Asked) -> FrameBuilder {
    let mut frame = FrameBuilder::default();
    for number in 0..IN_FLIGHT {
        asked.with(|question| frame.verify(number, question).unwrap());
    }
    frame
}

/// Nanoseconds of this thread for each question, over a while.
fn round(frame: &FrameBuilder) -> f64 {
    let mut session = Session::new(judge());
    let (mut answers, mut answered) = (VecDeque::new(), 0u64);
    session.answer(frame.bytes(), &mut answers).unwrap();
    for answer in Answer::read_all(answers[0].bytes()).unwrap() {
        let body = answer.unwrap().body;
        assert!(matches!(body, AnswerBody::Verified(_)), "{body:?}");
    }
    let (began, had_run) = (Instant::now(), on_cpu("self"));
    while began.elapsed() < ROUND {
        for answer in &mut answers {
            answer.clear();
        }
        session.answer(frame.bytes(), &mut answers).unwrap();
        black_box(answers[0].bytes());
        answered += u64::from(IN_FLIGHT);
    }
    (on_cpu("self") - had_run).as_nanos() as f64 / answered as f64
}

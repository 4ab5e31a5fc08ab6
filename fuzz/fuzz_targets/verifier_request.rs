//! What a hostile gateway may send: a frame of questions, decoded and answered by a verifier that knows
//! a key. Whatever comes, the answers are frames that the gateway's side can read.
#![no_main]

use blockhouse_fuzz::keyring;
use blockhouse_verifier::{Judge, Session};
use blockhouse_verifier_wire::frame::Answer;
use libfuzzer_sys::fuzz_target;
use std::{collections::VecDeque, sync::LazyLock};

static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge::new("local-1".to_owned(), keyring()));

fuzz_target!(|packet: &[u8]| {
    let mut session = Session::new(JUDGE.clone());
    let mut answers = VecDeque::new();
    let _ = session.answer(packet, &mut answers);
    for frame in answers {
        let read = Answer::read_all(frame.bytes()).expect("a frame of ours");
        read.for_each(|answer| drop(answer.expect("an answer of ours")));
    }
});

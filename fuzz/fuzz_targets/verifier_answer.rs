//! What a hostile verifier may send: a frame of answers. One that is read is written again the same.
#![no_main]

use blockhouse_verifier_wire::frame::{Answer, FrameBuilder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    let Ok(answers) = Answer::read_all(packet) else {
        return;
    };
    let Ok(answers) = answers.collect::<Result<Vec<_>, _>>() else {
        return;
    };
    let mut frame = FrameBuilder::default();
    for answer in &answers {
        frame.answer(answer).expect("it came in a frame");
    }
    let again: Result<Vec<_>, _> = Answer::read_all(frame.bytes())
        .expect("a frame of ours")
        .collect();
    assert_eq!(again.expect("answers of ours"), answers);
});

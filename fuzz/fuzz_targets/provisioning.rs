//! What may come over the provisioning socket: keys, token keys, orders for temporary credentials.
#![no_main]

use blockhouse_fuzz::keyring;
use blockhouse_verifier::{Judge, Provisioner};
use blockhouse_verifier_wire::{frame::FrameBuilder, provision::Outcome};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fuzz_target!(|packet: &[u8]| {
    let judge = Judge::new("local-1".to_owned(), keyring());
    let mut provisioner = Provisioner::new(judge, Arc::default());
    let mut answers = FrameBuilder::default();
    let _ = provisioner.take(packet, &mut answers);
    if !answers.is_empty() {
        let read = Outcome::read_all(answers.bytes()).expect("a frame of ours");
        read.for_each(|outcome| drop(outcome.expect("an outcome of ours")));
    }
});

//! A call of IAM: its form, and what is answered. Whatever it asks, the answer ends and is bounded.
#![no_main]

use blockhouse_iam::{Call, CallKind, Error, Params, Run, context_keys, error};
use blockhouse_state::Snapshot;
use blockhouse_types::AccountId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Err(refusal) = answer(body) {
        assert!((400..600).contains(&refusal.code.status()));
        assert!(!error(&refusal, "0").is_empty());
    }
});

fn answer(body: &[u8]) -> Result<(), Error> {
    let mut params = Params::read(body)?;
    let kind = CallKind::read(&mut params)?;
    let state = Snapshot::default();
    match Call::read(kind, params)? {
        Call::ContextKeys { source, policies } => {
            let keys = Call::keys_of(source.as_ref(), &policies, &state)?;
            assert!(!context_keys(kind, &keys, "0").is_empty());
        }
        Call::Simulate(simulate) => {
            let account = AccountId::from_number(1).expect("an account");
            let mut run = Run::new(*simulate, &state, account)?;
            let mut results = 0;
            while run.step()? {
                results += 1;
                assert!(results <= 1000);
            }
            assert!(!run.finish("0").is_empty());
        }
    }
    Ok(())
}

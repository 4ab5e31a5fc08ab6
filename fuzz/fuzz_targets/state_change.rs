//! A change of the desired state, as `POST /state` brings it: what is accepted reads back as the state that
//! it made, and compiles.
#![no_main]

use blockhouse_state::{Change, Snapshot, Stamp, State};
use blockhouse_types::{Entropy, Timestamp};
use libfuzzer_sys::fuzz_target;

struct Sevens;

impl Entropy for Sevens {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fuzz_target!(|json: &[u8]| {
    let Ok(change) = Change::read(json) else {
        return;
    };
    let mut stamp = Stamp {
        now: Timestamp::from_secs(1_700_000_000),
        entropy: &mut Sevens,
    };
    let Ok(prepared) = State::default().prepare(change, &mut stamp) else {
        return;
    };
    let rows = prepared.rows.iter();
    let rows = rows.filter_map(|(name, row)| Some((&**name, row.as_deref()?)));
    let again = State::read(rows);
    assert!(again.unreadable().is_empty());
    assert_eq!(again, prepared.state);
    assert!(Snapshot::new(1, again).guardrail().is_none_or(|policy| !policy.id().is_empty()));
});

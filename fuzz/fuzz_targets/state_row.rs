//! A row of the desired state: its name in the first line, then its bytes. Whatever they are, the state is
//! read and compiles; what is understood has one spelling of its name, and is written as it is read.
#![no_main]

use blockhouse_fuzz::line;
use blockhouse_state::{Name, Resource, Snapshot, State};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (row, json) = line(input);
    let state = State::read([(row, json.as_bytes())]);
    assert_eq!(state.resources().count() + state.unreadable().len(), 1);
    if let Some(name) = Name::parse(row) {
        assert_eq!(name.to_string(), row);
        if let Ok(resource) = Resource::read(name.kind(), json.as_bytes()) {
            let written = resource.write().expect("what was read can be written");
            assert_eq!(Resource::read(name.kind(), &written), Ok(resource));
        }
    }
    let _ = Snapshot::new(1, state);
});

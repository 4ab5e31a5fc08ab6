//! What a session token holds once its seal was opened. What is read is written again the same.
#![no_main]

use blockhouse_verifier::rewrite_session;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(written) = rewrite_session(bytes) {
        assert_eq!(written, bytes);
    }
});

//! A policy: its kind, then its text. What JSON is is held against serde_json's view.
#![no_main]

use blockhouse_fuzz::line;
use blockhouse_policy::{Fault, Kind, Policy, lint};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

fuzz_target!(|input: &str| {
    let (kind, text) = line(input);
    let kind = Kind::parse(kind).unwrap_or(Kind::Bucket);
    match Policy::parse(kind, "p", text) {
        Ok(policy) => {
            // Numbers of any size are taken as text, which serde_json's values are not.
            assert!(serde_json::from_str::<IgnoredAny>(text).is_ok());
            assert!(kind.size(text) <= kind.size_max());
            for warning in lint(&policy, Some(&|name| name.len() % 2 == 0)) {
                assert!(warning.place.offset as usize <= text.len());
                let _ = warning.to_string();
            }
            for statement in 0..policy.statement_count() {
                let span = policy.span(statement).expect("a statement stands somewhere");
                assert!(span.start < span.end);
            }
            let _ = (policy.context_keys(), policy.is_public(), policy.refuse_public());
            assert!(policy.memory_bytes() > text.len());
        }
        Err(error) => {
            assert!(error.place.offset as usize <= text.len());
            let _ = error.to_string();
            if error.fault == Fault::NotJson {
                let view = serde_json::from_str::<Value>(text);
                assert!(!matches!(view, Ok(Value::Object(_))), "serde_json reads it");
            }
        }
    }
});

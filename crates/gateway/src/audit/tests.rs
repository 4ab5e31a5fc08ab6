use super::*;
use blockhouse_types::AccountId;
use serde_json::{Value, json};
use std::fs;

fn record(key: &str, refused_by: Option<Check>) -> Box<Record> {
    Box::new(Record {
        time: Timestamp::from_millis(1_700_000_000_001),
        request: RequestId::from_number(255),
        link: None,
        key_id: Some("AK".into()),
        principal: Some(Principal::Root {
            account: AccountId::from_number(42).unwrap(),
        }),
        source: "127.0.0.1:5".parse().unwrap(),
        bucket: Some(BucketName::parse("bkt").unwrap()),
        key: Some(ObjectKey::parse(key).unwrap()),
        action: Some("s3:GetObject"),
        refused_by,
        grounds: Grounds::default(),
        code: refused_by.map(|_| "AccessDenied"),
        bytes: 7,
    })
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_record_is_a_line_of_json() {
    let mut text = Vec::new();
    let key = "a\"b\\c\n\u{1}ä";
    record(key, None).write(&mut text, 0);
    record(key, Some(Check::Verify("signature"))).write(&mut text, 3);
    let told = lines(std::str::from_utf8(&text).unwrap());
    let expected = json!({
        "time": "2023-11-14T22:13:20.001Z", "request": "00000000000000FF", "link": null,
        "key_id": "AK", "principal": "arn:aws:iam::000000000042:root", "source": "127.0.0.1:5",
        "bucket": "bkt", "key": key, "action": "s3:GetObject", "verdict": "allowed",
        "check": null, "code": null, "bytes": 7,
    });
    assert_eq!(told[0], expected);
    assert_eq!(told[1]["verdict"], "refused");
    assert_eq!(told[1]["check"], "verify:signature");
    assert_eq!(told[1]["code"], "AccessDenied");
    assert_eq!(told[1]["lost"], 3);
}

#[test]
fn what_was_left_is_written_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    for lives in 1..=2 {
        let audit = Audit::start(folder.path()).unwrap();
        let log = audit.log().clone();
        for n in 0..1000 {
            log.leave(record(&format!("key {n}"), None));
        }
        drop(audit);
        assert_eq!((log.written(), log.lost()), (1000, 0));
        let text = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
        let told = lines(&text);
        assert_eq!(told.len(), lives * 1000);
        assert_eq!(told[999]["key"], "key 999");
        // The thread has ended: what is left now is lost, and nobody waits.
        log.leave(record("late", None));
        assert_eq!(log.lost(), 1);
    }
}

#[test]
fn a_full_queue_loses_and_counts() {
    let (log, records) = Log::new(2);
    for _ in 0..5 {
        log.leave(record("key", None));
    }
    assert_eq!((records.try_iter().count(), log.lost()), (2, 3));
}

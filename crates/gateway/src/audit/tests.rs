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
        through: None,
        bucket: Some(BucketName::parse("bkt").unwrap()),
        key: Some(ObjectKey::parse(key).unwrap()),
        action: Some("s3:GetObject"),
        refused_by,
        statement: None,
        decided: None,
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

/// Each is found by its id, in the newest file that has it; nothing that is cut off or made up is taken.
#[test]
fn records_are_found_by_their_id() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::start(folder.path()).unwrap();
    // A key that looks like another record's id.
    audit
        .log()
        .leave(record(r#""request":"00000000000000AA""#, None));
    drop(audit);
    let id = RequestId::from_number;
    let (document, told) = find(folder.path(), id(255)).unwrap().unwrap();
    assert_eq!(document["request"], "00000000000000FF");
    assert_eq!(
        (told.action.as_deref(), told.bytes),
        (Some("s3:GetObject"), 7)
    );
    assert_eq!(find(folder.path(), id(0xAA)).unwrap(), None);
    let newest = folder.path().join("audit.jsonl");
    let line = fs::read(&newest).unwrap();
    for older in [1, 7] {
        fs::rename(&newest, folder.path().join(format!("audit.{older}.jsonl"))).unwrap();
        fs::write(&newest, "nonsense\n").unwrap();
        assert!(find(folder.path(), id(255)).unwrap().is_some(), "{older}");
        fs::remove_file(folder.path().join(format!("audit.{older}.jsonl"))).unwrap();
        fs::write(&newest, &line).unwrap();
    }
    let whole = line.strip_suffix(b"\n").unwrap();
    for end in 0..whole.len() {
        assert_eq!(read(&whole[..end]), None, "{end}");
    }
    assert!(find(&folder.path().join("none"), id(255)).is_err());
}

use super::*;
use std::net::IpAddr;

fn key(name: &str) -> Key {
    Key::parse(name).unwrap()
}

#[test]
fn a_fact_has_the_name_of_the_service_asked() {
    let mut context = Context::new(Dialect::Outposts);
    context.set(Fact::AuthType, "REST-HEADER");
    context.set(Fact::TlsVersion, "1.3");
    assert!(context.get(&key("s3-outposts:authtype")).is_some());
    assert!(context.get(&key("s3:authType")).is_none());
    assert!(context.get(&key("s3:TlsVersion")).is_none());
}

#[test]
fn empty_lists_are_absent_and_the_last_word_counts() {
    let mut context = Context::new(Dialect::S3);
    context.set(Fact::TagKeys, Value::Texts(vec![]));
    assert!(context.get(&key("aws:TagKeys")).is_none());
    context.set(Fact::TagKeys, Value::Texts(vec!["a".into(), "b".into()]));
    assert_eq!(
        context.get(&key("aws:tagkeys")).unwrap().shown(),
        ["a", "b"]
    );
    assert_eq!(context.variable(&key("aws:TagKeys")), None);
    context.set(Fact::Prefix, "");
    assert_eq!(context.variable(&key("s3:prefix")).as_deref(), Some(""));
}

#[test]
fn tags_ignore_case_and_order() {
    for pairs in [
        [("team", "a"), ("Team", "b")],
        [("Team", "b"), ("team", "a")],
    ] {
        let mut context = Context::new(Dialect::S3);
        for (tag, value) in pairs {
            context.set_tag(Family::PrincipalTag, tag, value);
        }
        let value = |name: &str| context.variable(&key(name)).map(Cow::into_owned);
        assert_eq!(value("aws:PrincipalTag/team").as_deref(), Some("a"));
        assert_eq!(value("aws:PrincipalTag/Team").as_deref(), Some("b"));
        assert_eq!(value("aws:PrincipalTag/TEAM").as_deref(), Some("b"));
        assert_eq!(value("aws:RequestTag/team"), None);
    }
}

#[test]
fn typed_values_as_text() {
    let mut context = Context::new(Dialect::S3);
    context.set(
        Fact::SourceIp,
        "::ffff:192.0.2.1".parse::<IpAddr>().unwrap(),
    );
    context.set(Fact::SecureTransport, true);
    context.set_time(Timestamp::from_secs(1_369_353_600));
    let value = |name: &str| context.variable(&key(name)).unwrap().into_owned();
    assert_eq!(value("aws:SourceIp"), "192.0.2.1");
    assert_eq!(value("aws:SecureTransport"), "true");
    assert_eq!(value("aws:CurrentTime"), "2013-05-24T00:00:00Z");
    assert_eq!(value("aws:EpochTime"), "1369353600");
}

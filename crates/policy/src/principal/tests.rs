use super::*;

fn account() -> AccountId {
    AccountId::parse("111122223333").unwrap()
}

fn names(entry: &str, caller: &Principal) -> Grants {
    Entry::of_aws(entry).unwrap().names(caller)
}

#[test]
fn each_form_names_its_own() {
    let user = Principal::user(account(), "/div/", "alice");
    let session = Principal::session(account(), "/", "reader", "s1");
    assert_eq!(names("111122223333", &user), Grants::ACCOUNT);
    assert_eq!(
        names("arn:aws:iam::111122223333:root", &session),
        Grants::ACCOUNT
    );
    assert_eq!(
        names("111122223333", &Principal::root(account())),
        Grants::DIRECT
    );
    assert_eq!(names("444455556666", &user), Grants::NONE);
    assert_eq!(
        names("arn:aws:iam::111122223333:user/div/alice", &user),
        Grants::DIRECT
    );
    assert_eq!(
        names("arn:aws:iam::111122223333:user/alice", &user),
        Grants::NONE
    );
    assert_eq!(
        names("arn:aws:iam::111122223333:role/reader", &session),
        Grants::LIMITED
    );
    assert_eq!(
        names("arn:aws:sts::111122223333:assumed-role/reader/s1", &session),
        Grants::DIRECT
    );
    assert_eq!(names("*", &Principal::anonymous()), Grants::EVERYONE);
    assert_eq!(names("AIDACKCEVSQ6C2EXAMPLE", &user), Grants::NONE);
}

#[test]
fn federated_users_have_a_user_behind_them() {
    let alice = Principal::user(account(), "/", "alice");
    let bob = Principal::federated_user(account(), "bob", Some(&alice));
    assert_eq!(
        names("arn:aws:iam::111122223333:user/alice", &bob),
        Grants::LIMITED
    );
    assert_eq!(
        names("arn:aws:sts::111122223333:federated-user/bob", &bob),
        Grants::DIRECT
    );
    assert_eq!(bob.own_userid().unwrap(), "111122223333:bob");
}

#[test]
fn what_can_be_nobody_is_refused() {
    for bad in [
        "",
        "alice",
        "12345",
        "arn:aws:iam::111122223333:user/*",
        "arn:aws:iam::111122223333:user/",
        "arn:aws:iam::*:root",
        "arn:aws:iam:eu:111122223333:root",
        "arn:aws:s3:::bkt",
        "arn:aws:sts::111122223333:assumed-role/r",
        "arn:aws:iam::111122223333:group/g",
        "AIDA",
        "\n111122223333\n",
    ] {
        assert_eq!(Entry::of_aws(bad), None, "{bad}");
    }
    let canonical = account().canonical_user();
    assert_eq!(
        Entry::of_canonical(&canonical),
        Some(Entry::Account(account()))
    );
    assert!(matches!(
        Entry::of_canonical(&"f".repeat(64)),
        Some(Entry::Deleted(_))
    ));
    assert_eq!(Entry::of_canonical("f"), None);
}

#[test]
fn arns_read_back() {
    for principal in [
        Principal::root(account()),
        Principal::user(account(), "/a/", "alice"),
        Principal::session(account(), "/", "reader", "s1"),
        Principal::federated_user(account(), "bob", None),
    ] {
        assert_eq!(
            Principal::from_arn(principal.arn().unwrap()),
            Some(principal)
        );
    }
}

#[test]
fn not_principal_needs_every_layer() {
    let session = Principal::session(account(), "/", "reader", "s1");
    let layers = [
        "111122223333",
        "arn:aws:iam::111122223333:role/reader",
        "arn:aws:sts::111122223333:assumed-role/reader/s1",
    ];
    let exempts = |entries: &[&str]| Principals {
        entries: entries.iter().map(|e| Entry::of_aws(e).unwrap()).collect(),
        negated: true,
    };
    assert!(!exempts(&layers).names(&session).any());
    for missing in 0..3 {
        let mut some = layers.to_vec();
        some.remove(missing);
        assert!(exempts(&some).names(&session).any(), "{some:?}");
    }
    assert!(exempts(&layers).names(&Principal::anonymous()).any());
}

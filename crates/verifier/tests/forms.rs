//! A browser's form: who signed its policy, and each failure by a form that is right in all else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use blockhouse_sigv4::{SecretKey, sign_policy};
use blockhouse_types::{Timestamp, hex};
use blockhouse_verifier_wire::{
    AuthType, Failure, PayloadMode, Question, Service, SignatureVersion, Verified,
};
use common::{DATE, SCOPE, SECRET, house, now};

const POLICY: &str = "eyJleHBpcmF0aW9uIjoiIn0=";

type Fields = Vec<(&'static str, String)>;

/// Fields signed for `service`.
fn signed_for(service: &str) -> Fields {
    let key = SecretKey::new(SECRET.to_owned()).signing_key("20261121", "local-1", service);
    vec![
        ("key", "a/b".to_owned()),
        ("policy", POLICY.to_owned()),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
        (
            "x-amz-credential",
            format!("AK/{}", SCOPE.replace("/s3/", &format!("/{service}/"))),
        ),
        ("x-amz-date", DATE.to_owned()),
        ("x-amz-signature", hex(&sign_policy(POLICY, &key))),
    ]
}

fn with(name: &'static str, value: &str) -> Fields {
    let mut fields = signed_for("s3");
    fields.retain(|(known, _)| *known != name);
    fields.push((name, value.to_owned()));
    fields
}

fn judge_at(
    fields: &Fields,
    headers: &[(&str, &[u8])],
    now: Timestamp,
) -> Result<Verified, Failure> {
    let fields: Vec<(&str, &[u8])> = fields.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    let question = Question {
        method: "POST",
        path: "/bkt",
        query: "",
        headers,
        tls: false,
        form: Some(&fields),
        now,
    };
    house().judge(question).unwrap().map_err(|failure| *failure)
}

fn refused(fields: &Fields) -> Failure {
    judge_at(fields, &[], now()).unwrap_err()
}

#[test]
fn the_same_verdict_as_of_any_request() {
    let verdict = judge_at(&signed_for("s3"), &[], now()).unwrap();
    assert_eq!(verdict.principal.account().number(), 42);
    assert_eq!(&*verdict.access_key_id, "AK");
    assert_eq!(
        (verdict.auth_type, verdict.service),
        (AuthType::Post, Service::S3)
    );
    assert_eq!(verdict.signature_version, SignatureVersion::V4);
    assert_eq!((verdict.signed_at, verdict.expires_at), (now(), None));
    assert_eq!(
        (verdict.payload, verdict.chain),
        (PayloadMode::Unsigned, None)
    );
}

#[test]
fn a_policy_of_which_one_character_differs_is_not_the_one_that_was_signed() {
    let mut other = POLICY.to_owned();
    other.replace_range(3..4, "K");
    let expected = Failure::SignatureDoesNotMatch {
        access_key_id: "AK".to_owned(),
        string_to_sign: other.clone(),
        signature_provided: signed_for("s3")[5].1.clone(),
        canonical_request: String::new(),
    };
    assert_eq!(refused(&with("policy", &other)), expected);
    for odd in ["00", &"0".repeat(64), &signed_for("s3")[5].1.to_uppercase()] {
        let failure = refused(&with("x-amz-signature", odd));
        assert!(
            matches!(failure, Failure::SignatureDoesNotMatch { .. }),
            "{odd}"
        );
    }
}

#[test]
fn a_form_lives_as_long_as_its_policy_but_does_not_begin_tomorrow() {
    let fields = signed_for("s3");
    for (early_secs, late_secs) in [(900, 0), (0, 40 * 86_400)] {
        let moment = Timestamp::from_secs(now().secs() - early_secs + late_secs);
        assert!(judge_at(&fields, &[], moment).is_ok());
    }
    let early = Timestamp::from_secs(now().secs() - 901);
    assert_eq!(judge_at(&fields, &[], early), Err(Failure::NotYetValid));
}

#[test]
fn key_token_and_scope_are_judged_as_elsewhere() {
    let credential = |text: &str| refused(&with("x-amz-credential", text));
    let unknown = |id: &str| Failure::UnknownAccessKey {
        access_key_id: id.to_owned(),
    };
    assert_eq!(credential(&format!("NOBODY/{SCOPE}")), unknown("NOBODY"));
    assert_eq!(credential(&format!("OFF/{SCOPE}")), unknown("OFF"));
    let token = Failure::InvalidToken {
        token: "x".to_owned(),
    };
    assert_eq!(refused(&with("x-amz-security-token", "x")), token);
    let field = |value: &str, message: &str, region: Option<&str>| Failure::FormField {
        name: "X-Amz-Credential".to_owned(),
        value: value.to_owned(),
        message: message.to_owned(),
        region: region.map(str::to_owned),
    };
    let elsewhere = format!("AK/{}", SCOPE.replace("local-1", "us-east-1"));
    let message = "the region 'us-east-1' is wrong; expecting 'local-1'";
    assert_eq!(
        credential(&elsewhere),
        field(&elsewhere, message, Some("local-1"))
    );
    let outposts = signed_for("s3-outposts");
    let message = "incorrect service \"s3-outposts\". This endpoint belongs to \"s3\".";
    assert_eq!(refused(&outposts), field(&outposts[3].1, message, None));
}

#[test]
fn a_form_that_nobody_signed_stays_anonymous_whoever_signed_its_head() {
    let anonymous = Err(Failure::Anonymous);
    let authorization: &[(&str, &[u8])] = &[("authorization", b"AWS4-HMAC-SHA256 Credential=AK")];
    let without_policy: Fields = signed_for("s3")
        .into_iter()
        .filter(|(n, _)| *n != "policy")
        .collect();
    for fields in [vec![], without_policy, signed_for("s3")[..2].to_vec()] {
        assert_eq!(judge_at(&fields, &[], now()), anonymous);
        assert_eq!(judge_at(&fields, authorization, now()), anonymous);
    }
    let several = Err(Failure::SeveralMechanisms);
    assert_eq!(judge_at(&signed_for("s3"), authorization, now()), several);
    let mut old = signed_for("s3")[..2].to_vec();
    old.push(("awsaccesskeyid", "AK".to_owned()));
    old.push(("signature", "x".to_owned()));
    assert_eq!(refused(&old), Failure::SignatureV2);
}

//! A signature in a browser's form: its fields say who signed, and what was signed is the text of
//! the field `policy`, base64 as it came. Everything else that the form holds is bound by what the
//! policy says of it, which is not judged here.
//!
//! Source: Amazon S3 API Reference, "Authenticating Requests in Browser-Based Uploads Using POST (AWS
//! Signature Version 4)".

use crate::canonical::Request;
use crate::claim::{Algorithm, Claim, ClaimError, Form};
use crate::credential::ScopeError;
use crate::headers::HEADERS_MAX;
use crate::key::SigningKey;
use crate::query::Query;
use crate::sign::same_hex;
use crate::sink::Sink as _;
use blockhouse_types::Timestamp;
use std::borrow::Cow;

/// The fields of a signature in the order in which S3 misses them, as it spells them.
const REQUIRED: [&str; 4] = [
    "X-Amz-Signature",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
];

/// Fields of signature version 2.
const VERSION_2: [&str; 2] = ["awsaccesskeyid", "signature"];

/// Fields of a form: names in lower case, values as received.
pub type FormFields<'a> = [(&'a str, &'a [u8])];

/// A form that says who signed its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedForm<'a> {
    /// What it says of its signer.
    pub claim: Claim<'a>,
    /// The policy, base64 as received.
    pub policy: &'a str,
}

/// Why a form's fields are refused, in S3's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// A field is absent, stands twice or is not text.
    #[error(
        "Bucket POST must contain a field named '{field}'.  If it is specified, please check the order of the fields."
    )]
    Missing {
        /// Which, as S3 spells it.
        field: &'static str,
    },
    /// An algorithm that signs no forms.
    #[error("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")]
    Algorithm {
        /// As sent.
        given: String,
    },
    /// The date's form.
    #[error("X-Amz-Date must be formated via ISO8601 Long format")]
    Date {
        /// As sent.
        given: String,
    },
    /// The credential is refused.
    #[error("{error}")]
    Scope {
        /// As sent.
        credential: String,
        /// Why.
        error: ScopeError,
    },
}

impl FormFault {
    /// The field that it is about, as S3 spells it, and its value.
    pub fn field(&self) -> (&'static str, &str) {
        match self {
            Self::Missing { field } => (field, ""),
            Self::Algorithm { given } => ("X-Amz-Algorithm", given),
            Self::Date { given } => ("X-Amz-Date", given),
            Self::Scope { credential, .. } => ("X-Amz-Credential", credential),
        }
    }
}

impl<'a> SignedForm<'a> {
    /// Reads what the fields say; `None` when they have no policy, or none of a signature's fields:
    /// then the form is anonymous, whatever stands in the head of its request.
    pub fn read(
        request: &Request<'_>,
        query: &Query<'_>,
        fields: &FormFields<'a>,
    ) -> Result<Option<Self>, ClaimError> {
        if fields.len() > HEADERS_MAX {
            return Err(ClaimError::TooManyHeaders);
        }
        let version_4 = REQUIRED.iter().any(|name| has(fields, name));
        let version_2 = VERSION_2.iter().any(|name| has(fields, name));
        let policy = fields.iter().find(|(name, _)| *name == "policy");
        let Some((_, policy)) = policy.filter(|_| version_4 || version_2) else {
            return Ok(None);
        };
        if (version_4 && version_2) || Claim::is_in_head(request, query) {
            return Err(ClaimError::SeveralMechanisms);
        }
        if version_2 {
            return Err(ClaimError::SignatureV2);
        }
        let policy = std::str::from_utf8(policy);
        let policy =
            policy.map_err(|_| ClaimError::Form(FormFault::Missing { field: "policy" }))?;
        let claim = claim(fields).map_err(ClaimError::Form)?;
        Ok(Some(Self { claim, policy }))
    }

    /// Whether the signature is the policy's HMAC under `key`; in constant time.
    pub fn is_signed_by(&self, key: &SigningKey) -> bool {
        same_hex(&sign_policy(self.policy, key), &self.claim.signature)
    }
}

/// The HMAC of a policy, base64 as it stands in the form, under `key`.
pub fn sign_policy(policy: &str, key: &SigningKey) -> [u8; 32] {
    key.sign(|sink| sink.put(policy.as_bytes()))
}

fn has(fields: &FormFields<'_>, name: &str) -> bool {
    fields
        .iter()
        .any(|(known, _)| name.eq_ignore_ascii_case(known))
}

fn claim<'a>(fields: &FormFields<'a>) -> Result<Claim<'a>, FormFault> {
    let [signature, algorithm, credential, date] = REQUIRED.map(|name| required(fields, name));
    let (signature, algorithm) = (signature?, algorithm?);
    let (credential, date) = (credential?, date?);
    // A form signed by SigV4A does not exist: no SDK makes one, and AWS documents none.
    if Algorithm::parse(algorithm) != Some(Algorithm::Hmac) {
        return Err(FormFault::Algorithm {
            given: algorithm.to_owned(),
        });
    }
    let signed_at = Timestamp::parse_basic(date).map_err(|_| FormFault::Date {
        given: date.to_owned(),
    })?;
    let token = fields
        .iter()
        .find(|(name, _)| *name == "x-amz-security-token")
        .map(|(_, value)| String::from_utf8_lossy(value));
    Ok(Claim {
        form: Form::Post,
        algorithm: Algorithm::Hmac,
        credential: Cow::Borrowed(credential),
        signed_headers: Cow::Borrowed(""),
        signature: Cow::Borrowed(signature),
        date: Cow::Borrowed(date),
        signed_at,
        token,
        region_set: None,
        content_sha256: None,
    })
}

/// The text of a field that stands once.
fn required<'a>(fields: &FormFields<'a>, field: &'static str) -> Result<&'a str, FormFault> {
    let mut named = fields
        .iter()
        .filter(|(name, _)| field.eq_ignore_ascii_case(name));
    let (found, more) = (named.next(), named.next());
    found
        .filter(|_| more.is_none())
        .and_then(|(_, value)| std::str::from_utf8(value).ok())
        .filter(|text| !text.is_empty())
        .ok_or(FormFault::Missing { field })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;
    use proptest::prelude::*;

    const GOOD: [(&str, &str); 5] = [
        ("policy", "e30="),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", "AK/20261121/r/s3/aws4_request"),
        ("x-amz-date", "20261121T000000Z"),
        ("x-amz-signature", "00"),
    ];

    fn read_with(
        head: &[(&str, &[u8])],
        raw_query: &str,
        fields: &[(&str, &str)],
    ) -> Result<Option<(String, String)>, ClaimError> {
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        let request = Request {
            method: "POST",
            path: "/bkt",
            query: raw_query,
            headers: head,
            tls: false,
        };
        let form = SignedForm::read(&request, &Query::parse(raw_query).unwrap(), &fields)?;
        Ok(form.map(|form| (form.policy.to_owned(), form.claim.credential.into_owned())))
    }

    fn read(fields: &[(&str, &str)]) -> Result<Option<(String, String)>, ClaimError> {
        read_with(&[], "", fields)
    }

    fn without(name: &str) -> Vec<(&'static str, &'static str)> {
        GOOD.into_iter().filter(|(n, _)| *n != name).collect()
    }

    fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        let mut fields = without(name);
        fields.push((name, value));
        fields
    }

    #[test]
    fn the_documented_example() {
        // Amazon S3 API Reference, "Example: Browser-Based Upload using HTTP POST (Using AWS
        // Signature Version 4)": policy and signature.
        let policy = concat!(
            "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsN",
            "CiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRr",
            "ZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vz",
            "c19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29t",
            "L3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUi",
            "LCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7",
            "IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIs",
            "ICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZP",
            "RE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXot",
            "YWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlU",
            "MDAwMDAwWiIgfQ0KICBdDQp9",
        );
        let signature = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e";
        let secret = SecretKey::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned());
        let key = secret.signing_key("20151229", "us-east-1", "s3");
        let fields = with("x-amz-signature", signature);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        let claim = claim(&fields).unwrap();
        let form = SignedForm { claim, policy };
        assert!(form.is_signed_by(&key));
        let other = &policy[..policy.len() - 1];
        assert!(
            !SignedForm {
                policy: other,
                ..form
            }
            .is_signed_by(&key)
        );
    }

    #[test]
    fn without_a_policy_or_a_signature_it_is_anonymous() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&GOOD[..1]), Ok(None));
        assert_eq!(read(&without("policy")), Ok(None));
        assert_eq!(read(&[("signature", "x")]), Ok(None));
        let form = read(&GOOD).unwrap().unwrap();
        assert_eq!(
            form,
            (
                "e30=".to_owned(),
                "AK/20261121/r/s3/aws4_request".to_owned()
            )
        );
    }

    #[test]
    fn one_mechanism_at_a_time() {
        for old in VERSION_2 {
            assert_eq!(
                read(&[("policy", ""), (old, "x")]),
                Err(ClaimError::SignatureV2)
            );
            assert_eq!(read(&with(old, "x")), Err(ClaimError::SeveralMechanisms));
        }
        let authorization: &[(&str, &[u8])] = &[("authorization", b"AWS4-HMAC-SHA256")];
        let several = Err(ClaimError::SeveralMechanisms);
        assert_eq!(read_with(authorization, "", &GOOD), several);
        assert_eq!(read_with(&[], "X-Amz-Signature=1", &GOOD), several);
        assert_eq!(read_with(&[], "AWSAccessKeyId=1", &GOOD), several);
        assert_eq!(read_with(authorization, "", &[]), Ok(None));
    }

    #[test]
    fn each_fault_has_its_field() {
        let fault = |fields: &[(&str, &str)]| match read(fields) {
            Err(ClaimError::Form(fault)) => {
                let (name, value) = fault.field();
                (name, value.to_owned())
            }
            other => unreachable!("{other:?}"),
        };
        for field in REQUIRED {
            let name = field.to_ascii_lowercase();
            assert_eq!(fault(&without(&name)), (field, String::new()));
            let twice = [&GOOD[..], &[GOOD[1], GOOD[2], GOOD[3], GOOD[4]]].concat();
            assert_eq!(fault(&twice).0, REQUIRED[0]);
        }
        assert_eq!(fault(&GOOD[..2]).0, "X-Amz-Signature");
        let ecdsa = "AWS4-ECDSA-P256-SHA256";
        assert_eq!(
            fault(&with("x-amz-algorithm", ecdsa)),
            ("X-Amz-Algorithm", ecdsa.to_owned())
        );
        let day = "2026-11-21";
        assert_eq!(
            fault(&with("x-amz-date", day)),
            ("X-Amz-Date", day.to_owned())
        );
    }

    proptest! {
        #[test]
        fn never_panics(values in prop::collection::vec(".*", 5)) {
            let fields: Vec<_> = GOOD.iter().zip(&values).map(|((n, _), v)| (*n, v.as_str())).collect();
            let _ = read(&fields);
        }
    }
}

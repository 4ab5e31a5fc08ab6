//! What is refused; that the links are botocore's is for `tests/vectors.rs`.

use super::*;

fn made(change: impl FnOnce(&mut Link<'static>)) -> Result<String, PresignError> {
    let mut link = Link {
        method: "GET",
        endpoint: "http://localhost:9000/",
        location: Location {
            bucket: "bucket",
            key: "key",
        },
        query: &[],
        headers: &[],
        region: "local-1",
        service: "s3",
        expires_secs: 60,
    };
    change(&mut link);
    let secret = SecretKey::new("secret".to_owned());
    let credentials = Credentials {
        access_key_id: "AK",
        secret: &secret,
        session_token: None,
    };
    presign(&link, credentials, Timestamp::from_secs(1_795_000_000))
}

#[test]
fn locations() {
    let some = |bucket, key| Some(Location { bucket, key });
    assert_eq!(Location::parse("s3://bucket/a/b"), some("bucket", "a/b"));
    assert_eq!(Location::parse("bucket//a"), some("bucket", "/a"));
    assert_eq!(Location::parse("bucket"), some("bucket", ""));
    assert_eq!(Location::parse("s3://"), None);
    assert_eq!(Location::parse("/key"), None);
}

#[test]
fn the_endpoint_may_have_a_base() {
    assert!(
        made(|_| ())
            .unwrap()
            .starts_with("http://localhost:9000/bucket/key?X-Amz-")
    );
    let based = made(|l| l.endpoint = "https://h/base/").unwrap();
    assert!(based.starts_with("https://h/base/bucket/key?"), "{based}");
    let root = made(|l| {
        l.location = Location {
            bucket: "",
            key: "",
        }
    })
    .unwrap();
    assert!(root.starts_with("http://localhost:9000/?"), "{root}");
}

#[test]
fn what_cannot_be_a_link_is_refused() {
    for expires_secs in [0, EXPIRES_SECS_MAX + 1, u64::MAX] {
        assert_eq!(
            made(|l| l.expires_secs = expires_secs),
            Err(PresignError::Expires { expires_secs })
        );
    }
    for endpoint in [
        "",
        "localhost:9000",
        "ftp://h",
        "http://",
        "http:///x",
        "http://h?x",
        "http://u@h",
        "http://h h",
    ] {
        let refused = made(|l| l.endpoint = endpoint);
        assert_eq!(
            refused,
            Err(PresignError::Endpoint {
                endpoint: endpoint.to_owned()
            })
        );
    }
    for header in [("", "x"), ("a b", "x"), ("Host", "x"), ("a", "x\r\nb: c")] {
        let headers = Box::leak(Box::new([header]));
        assert!(matches!(
            made(|l| l.headers = headers),
            Err(PresignError::Header { .. })
        ));
    }
    for method in ["", "get", "GET "] {
        assert!(matches!(
            made(|l| l.method = method),
            Err(PresignError::Method { .. })
        ));
    }
}

#[test]
fn headers_of_one_name_are_joined() {
    let link = made(|l| l.headers = &[("X-Amz-Meta-A", "1"), ("x-amz-meta-a", "2")]).unwrap();
    assert!(
        link.contains("X-Amz-SignedHeaders=host%3Bx-amz-meta-a&"),
        "{link}"
    );
}

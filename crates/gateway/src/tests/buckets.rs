//! Operations on buckets.

use super::*;

#[test]
fn made_listed_and_removed() {
    let node = Node::new();
    assert_eq!(
        node.put("/first", "").expect(200).header("location"),
        "/first"
    );
    node.put("/second", "").expect(200);
    assert_eq!(
        node.get("/").expect(200).elements("Name"),
        ["first", "second"]
    );
    assert_eq!(
        node.get("/?prefix=f").expect(200).elements("Name"),
        ["first"]
    );
    assert_eq!(
        node.get("/?max-buckets=1").expect(200).elements("Name"),
        ["first"]
    );
    node.call("HEAD", "/first", &[], "").expect(200);
    node.put("/first/key", "data").expect(200);
    node.call("DELETE", "/first", &[], "")
        .refused(409, "BucketNotEmpty");
    node.call("DELETE", "/first/key", &[], "").expect(204);
    node.call("DELETE", "/first", &[], "").expect(204);
    node.call("HEAD", "/first", &[], "").expect(404);
    node.call("DELETE", "/first", &[], "")
        .refused(404, "NoSuchBucket");
}

#[test]
fn a_name_is_taken_once() {
    let node = Node::with_bucket();
    node.put("/bkt", "").refused(409, "BucketAlreadyOwnedByYou");
    let stranger = format!("Fake {STRANGER}");
    node.call_as(&stranger, "PUT", "/bkt", &[], "")
        .refused(409, "BucketAlreadyExists");
    node.put("/B_D", "").refused(400, "InvalidBucketName");
}

#[test]
fn location() {
    let node = Node::new();
    let body = |region| {
        format!(
            "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint>\
             </CreateBucketConfiguration>"
        )
    };
    node.put("/there", body("eu-west-1"))
        .refused(400, "InvalidLocationConstraint");
    node.put("/here", body("local-1")).expect(200);
    let got = node.get("/here?location").expect(200);
    assert!(
        got.text().contains(">local-1</LocationConstraint>"),
        "{}",
        got.text()
    );
}

#[test]
fn an_account_has_a_bound_on_buckets() {
    let node = Node::new();
    for n in 0..100 {
        node.put(&format!("/bucket-{n}"), "").expect(200);
    }
    node.put("/bucket-100", "").refused(400, "TooManyBuckets");
}

#[test]
fn tags_rules_and_versioning() {
    let node = Node::with_bucket();
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let cors = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>\
                <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    let lifecycle = "<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status>\
                     <Filter><Prefix>logs/</Prefix></Filter>\
                     <Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>";
    for (which, document, absent, part) in [
        ("tagging", tags, "NoSuchTagSet", "<Key>a</Key>"),
        (
            "cors",
            cors,
            "NoSuchCORSConfiguration",
            "<AllowedMethod>GET</AllowedMethod>",
        ),
        (
            "lifecycle",
            lifecycle,
            "NoSuchLifecycleConfiguration",
            "<Days>3</Days>",
        ),
    ] {
        let path = format!("/bkt?{which}");
        node.get(&path).refused(404, absent);
        let set = node.put(&path, document);
        assert!(set.status.is_success(), "{which}: {}", set.text());
        let got = node.get(&path).expect(200);
        assert!(got.text().contains(part), "{}", got.text());
        node.put(&path, "<junk/>").refused(400, "MalformedXML");
        node.get(&path).expect(200);
        node.call("DELETE", &path, &[], "").expect(204);
        node.get(&path).refused(404, absent);
    }
    assert_eq!(
        node.get("/bkt?versioning").expect(200).element("Status"),
        ""
    );
    for state in ["Enabled", "Suspended"] {
        let body =
            format!("<VersioningConfiguration><Status>{state}</Status></VersioningConfiguration>");
        node.put("/bkt?versioning", body).expect(200);
        assert_eq!(
            node.get("/bkt?versioning").expect(200).element("Status"),
            state
        );
    }
}

#[test]
fn expiration_is_announced() {
    let node = Node::with_bucket();
    let rules = "<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status>\
                 <Filter><Prefix>logs/</Prefix></Filter>\
                 <Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>";
    node.put("/bkt?lifecycle", rules).expect(200);
    let put = node.put("/bkt/logs/a", "data").expect(200);
    assert!(
        put.header("x-amz-expiration").contains("rule-id=\"old\""),
        "{:?}",
        put.headers
    );
    let got = node.get("/bkt/logs/a").expect(200);
    assert_eq!(
        got.header("x-amz-expiration"),
        put.header("x-amz-expiration")
    );
    let head = node.call("HEAD", "/bkt/logs/a", &[], "").expect(200);
    assert_eq!(
        head.header("x-amz-expiration"),
        put.header("x-amz-expiration")
    );
    assert_eq!(
        node.put("/bkt/other", "data")
            .expect(200)
            .header("x-amz-expiration"),
        ""
    );
}

#[test]
fn access_control_lists_are_the_owners_alone() {
    let node = Node::with_bucket();
    let acl = node.get("/bkt?acl").expect(200);
    assert_eq!(acl.element("Permission"), "FULL_CONTROL");
    node.put("/bkt?acl", "")
        .refused(400, "AccessControlListNotSupported");
    let public = [("x-amz-acl", "public-read")];
    node.call("PUT", "/bkt/key", &public, "data")
        .refused(400, "AccessControlListNotSupported");
    node.call("PUT", "/bkt/key", &[("x-amz-acl", "private")], "data")
        .expect(200);
    assert_eq!(
        node.get("/bkt/key?acl").expect(200).element("Permission"),
        "FULL_CONTROL"
    );
    node.get("/bkt/none?acl").refused(404, "NoSuchKey");
}

#[test]
fn what_is_not_judged_is_not_stored() {
    let node = Node::with_bucket();
    let encrypted = [("x-amz-server-side-encryption", "AES256")];
    node.call("PUT", "/bkt/key", &encrypted, "data")
        .refused(501, "NotImplemented");
    node.get("/bkt/key").refused(404, "NoSuchKey");
}

#[test]
fn a_bucket_may_stand_in_the_host() {
    let node = Node::with_bucket();
    let host = [("host", "bkt.s3.test:9000")];
    node.call("PUT", "/key", &host, "data").expect(200);
    assert_eq!(node.get("/bkt/key").expect(200).body, b"data");
}

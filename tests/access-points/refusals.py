"""What an access point refuses, and how it says so."""

import json
import urllib.parse

import points
from points import BODY, expect, outcome, signed, told

# What S3 has in a Region, and access points on an Outpost do not: method, the query of a bucket or an object.
NOT_OFFERED = [
    ("PUT", "", ""), ("DELETE", "", ""),
    *[(method, "", query) for query in ("acl", "cors", "policy", "lifecycle", "versioning", "tagging", "bh-addresses",
                                        "bh-etag") for method in ("GET", "PUT")],
    ("GET", "", "location"), ("GET", "", "policyStatus"), ("DELETE", "", "policy"), ("DELETE", "", "cors"),
    ("GET", "file", "acl"), ("PUT", "file", "acl"), ("GET", "file", "attributes"), ("GET", "file", "torrent"),
    ("GET", "file", "legal-hold"), ("GET", "file", "retention"),
]


def at(house, point, path="", query=""):
    return f"https://{point.host}:{points.tls_port(house)}/{path}" + (f"?{query}" if query else "")


def full(house):
    point = points.make(house)
    points.plain(house).put_object(Bucket=point.bucket, Key="file", Body=BODY)
    return point


def what_is_not_offered(house):
    point = full(house)
    for method, path, query in NOT_OFFERED:
        status, code = told(signed(house, at(house, point, path, query), method))
        refused = (405, "MethodNotAllowed"), (501, "NotImplemented"), (400, "InvalidRequest"), (
            400, "AccessControlListNotSupported")
        assert (status, code) in refused, (method, path, query, status, code)
    # And nothing came of it.
    assert points.through(house).get_object(Bucket=point.arn, Key="file")["Body"].read() == BODY
    for call in ("get_bucket_policy", "get_bucket_lifecycle_configuration", "get_bucket_tagging"):
        status, code = outcome(getattr(points.plain(house), call), Bucket=point.bucket)
        assert status == 404, (call, status, code)


def a_key_that_looks_like_a_bucket(house):
    """The whole path is the key."""
    point = full(house)
    s3 = points.through(house)
    s3.put_object(Bucket=point.arn, Key=f"{point.bucket}/file", Body=b"another")
    listed = points.plain(house).list_objects_v2(Bucket=point.bucket)["Contents"]
    assert [each["Key"] for each in listed] == [f"{point.bucket}/file", "file"], listed


def other_services(house):
    point = full(house)
    url = at(house, point, "file")
    assert told(signed(house, url))[0] == 200
    for service in ("s3", "iam", "sts", "s3-object-lambda"):
        expect(told(signed(house, url, service=service)), 400, "AuthorizationHeaderMalformed")
    plain = f"https://{points.DOMAIN}:{points.tls_port(house)}/{point.bucket}/file"
    assert told(signed(house, plain, service="s3"))[0] == 200
    expect(told(signed(house, plain)), 400, "AuthorizationHeaderMalformed")
    hosted = f"https://{point.bucket}.{points.DOMAIN}:{points.tls_port(house)}/file"
    assert told(signed(house, hosted, service="s3"))[0] == 200
    expect(told(signed(house, hosted)), 400, "AuthorizationHeaderMalformed")


def version_2(house):
    point = full(house)
    expires = "X-Amz-Expires=300"
    for query in ("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=c2lnbmF0dXJl&Expires=4102444800", expires):
        status, code = told(points.fetch(house, at(house, point, "file", query)))
        assert status in (400, 403) and code in ("InvalidRequest", "AccessDenied",
                                                 "AuthorizationQueryParametersError"), (query, status, code)
    headers = {"Authorization": "AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl", "Date": "Thu, 26 Nov 2026 13:00:00 GMT"}
    expect(told(points.fetch(house, at(house, point, "file"), headers=headers)), 400, "InvalidRequest")


def nobody(house):
    """What a bucket's policy lets everybody do goes not for access points."""
    point = full(house)
    text = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": ["s3:*", "s3-outposts:*"],
         "Resource": [f"arn:aws:s3:::{point.bucket}/*", f"{point.outpost_bucket}/object/*"]}]})
    points.plain(house).put_bucket_policy(Bucket=point.bucket, Policy=text)
    plain = f"https://{points.DOMAIN}:{points.tls_port(house)}/{point.bucket}/file"
    assert points.fetch(house, plain)[0] == 200
    for host in (point.host, point.alias_host):
        for path in ("file", "nothing", ""):
            url = f"https://{host}:{points.tls_port(house)}/{path}"
            expect(told(points.fetch(house, url)), 403, "AccessDenied")
    # Which access points there are is nothing that nobody may learn.
    unknown = point.host.replace(point.name, "never-made")
    expect(told(points.fetch(house, f"https://{unknown}:{points.tls_port(house)}/file")), 403, "AccessDenied")


def browsers(house):
    """No forms, and no answer to a page's question whether it may ask."""
    point = full(house)
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    points.plain(house).put_bucket_cors(Bucket=point.bucket, CORSConfiguration=cors)
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "GET"}
    plain = f"https://{points.DOMAIN}:{points.tls_port(house)}/{point.bucket}/file"
    assert points.fetch(house, plain, "OPTIONS", headers=asked)[0] == 200
    for host in (point.host, point.alias_host):
        url = f"https://{host}:{points.tls_port(house)}/file"
        status, _ = points.fetch(house, url, "OPTIONS", headers=asked)
        assert status in (403, 405), status
    s3 = points.through(house, signature_version="s3v4")
    form = s3.generate_presigned_post(Bucket=point.arn, Key="by form", ExpiresIn=300)
    edge = "an-edge-between-fields"
    fields = {**form["fields"], "file": "content"}
    body = "".join(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                   for name, value in fields.items()) + f"--{edge}--\r\n"
    status, code = told(points.fetch(house, form["url"], "POST", body.encode(),
                                     {"Content-Type": f"multipart/form-data; boundary={edge}"}))
    assert (status, code) in ((405, "MethodNotAllowed"), (403, "AccessDenied")), (status, code)
    assert "by form" not in [each["Key"] for each in s3.list_objects_v2(Bucket=point.arn)["Contents"]]


def what_is_not_there(house):
    point = full(house)
    s3 = points.through(house)
    for arn in (point.arn.replace(point.name, "never-made"), point.arn.replace(point.account, "999999999999")):
        expect(outcome(s3.get_object, Bucket=arn, Key="file"), 404, "NoSuchAccessPoint")
    # The last letter of the alias that is its own.
    another = point.alias[:-13] + ("b" if point.alias[-13] == "a" else "a") + point.alias[-12:]
    expect(outcome(s3.get_object, Bucket=another, Key="file"), 404, "NoSuchAccessPoint")
    expect(outcome(s3.get_object, Bucket=point.arn, Key="nothing"), 404, "NoSuchKey")


def copies_from_elsewhere(house):
    """A source is an access point of this node; a bucket by its own name is none."""
    point, other = full(house), full(house)
    url = at(house, point, "copy")
    arn = f"{other.arn}/object/file"
    good = {"x-amz-copy-source": urllib.parse.quote(arn, safe="/")}
    assert told(signed(house, url, "PUT", headers=good))[0] == 200
    for source in (f"{other.bucket}/file", f"/{other.bucket}/file", f"arn:aws:s3:::{other.bucket}/file",
                   f"{other.outpost_bucket}/object/file", arn.replace(other.outpost, "op-00000000000000000"),
                   arn.replace("/object/file", ""), arn.replace("/object/file", "/object/")):
        asked = {"x-amz-copy-source": urllib.parse.quote(source, safe="/")}
        expect(told(signed(house, url, "PUT", headers=asked)), 400, "InvalidArgument")
    gone = {"x-amz-copy-source": urllib.parse.quote(arn.replace(other.name, "never-made"), safe="/")}
    expect(told(signed(house, url, "PUT", headers=gone)), 404, "NoSuchAccessPoint")


def another_owner_expected(house):
    point = full(house)
    s3 = points.through(house)
    named = {"Bucket": point.arn, "Key": "file"}
    expect(outcome(s3.get_object, ExpectedBucketOwner=point.account, **named), 200)
    expect(outcome(s3.get_object, ExpectedBucketOwner="999999999999", **named), 403, "AccessDenied")


CHECKS = {check.__name__.replace("_", " "): check for check in (
    what_is_not_offered, a_key_that_looks_like_a_bucket, other_services, version_2, nobody, browsers,
    what_is_not_there, copies_from_elsewhere, another_owner_expected)}

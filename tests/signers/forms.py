#!/usr/bin/env python3
"""Browsers' form uploads through a real socket of a running node: forms signed by botocore's
`generate_presigned_post` and encoded by urllib3, as every Python client does it, and every row of the
error table that a form can reach.

    tests/signers/forms.py DIR/env | --launch PROGRAM

Each refused form is right in all but one thing. Checked are status, code, message, the extra elements,
and that nothing was changed: the object that the form aims at is what it was. Ends with 'N passed, N
failed'.
"""

import base64
import datetime
import json
import pathlib
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import negative  # noqa: E402
import own  # noqa: E402
import reference  # noqa: E402
import run  # noqa: E402
import under_test  # noqa: E402

BUCKET = "form-rows"
KEY = "kept"
KEPT = b"what was there before"
BY_POLICY = "Invalid according to Policy: "
BAD_POLICY = "Invalid Policy: "
ROWS = []


def row(function):
    ROWS.append(function)
    return function


class Node(negative.Node):
    """The node under test, with a browser's way in."""

    def __init__(self, environment):
        super().__init__(environment)
        import botocore.session

        self.s3 = botocore.session.get_session().create_client(
            "s3", endpoint_url=environment["AWS_ENDPOINT_URL_S3"], region_name=environment["AWS_REGION"],
            aws_access_key_id=self.sign.id, aws_secret_access_key=self.sign.secret)

    def fields(self, key=KEY, fields=(), conditions=(), expires=60):
        """The fields that botocore would have a browser send."""
        fields = dict(fields)
        conditions = [*({name: value} for name, value in fields.items()), *conditions]
        post = self.s3.generate_presigned_post(BUCKET, key, Fields=fields, Conditions=conditions, ExpiresIn=expires)
        self.check(post["url"].endswith("/" + BUCKET), f"the form's address is {post['url']}")
        return post["fields"]

    def own_fields(self, policy, moment=None, fields=(), **scope):
        """The same for any policy: a document, or a text that is none."""
        moment = moment or own.now()
        text = policy if isinstance(policy, str) else json.dumps(policy)
        signed = {"x-amz-algorithm": own.ALGORITHM, "x-amz-date": own.basic(moment),
                  "x-amz-credential": f"{self.sign.id}/{self.sign.scope(moment, **scope)}"}
        return self.resigned({"key": KEY, **signed, **dict(fields), "policy": base64_of(text)})

    def resigned(self, fields):
        scope = fields["x-amz-credential"].partition("/")[2]
        return {**fields, "x-amz-signature": reference.signature(self.sign.secret, scope, fields["policy"])}

    def post(self, fields, file=b"new", filename="f.txt", headers=(), query="", bucket=BUCKET, change=None):
        """Sends a form; `change` has the last word on its bytes."""
        from urllib3.filepost import encode_multipart_formdata

        parts = [*fields.items(), *([] if file is None else [("file", (filename, file, "text/plain"))])]
        body, kind = encode_multipart_formdata(parts)
        body = change(body) if change else body
        headers = [("host", self.sign.host), ("content-type", kind), *headers]
        return self.send("POST", f"/{bucket}{query}", headers, body)

    def denied(self, fields, message, **how):
        self.refused(self.post(fields, **how), 403, "AccessDenied", message)
        self.unchanged()

    def unchanged(self):
        answer = self.signed("GET", f"/{BUCKET}/{KEY}")
        self.check(answer.status == 200 and answer.body == KEPT, f"the object was touched: {answer.status}")

    def stored(self, key, content):
        answer = self.signed("GET", f"/{BUCKET}/{urllib.parse.quote(key)}")
        self.check(answer.status == 200 and answer.body == content, f"{key} is not stored: {answer.status}")
        return answer


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


def policy(*conditions, expires=60, **members):
    """A policy that allows everything that `Node.own_fields` sends, and `conditions`."""
    expiration = (own.now() + datetime.timedelta(seconds=expires)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    any_value = [["starts-with", f"${name}", ""] for name in ("key", "x-amz-algorithm", "x-amz-date", "x-amz-credential")]
    return {"expiration": expiration, "conditions": [{"bucket": BUCKET}, *any_value, *conditions], **members}


@row
def right_forms_pass(node):
    fields = {"Content-Type": "text/html", "x-amz-meta-tag": "a b", "acl": "private"}
    content = b"\r\n--" + bytes(range(256)) * 500
    answer = node.post(node.fields("dir/${filename}", fields), content, "C:\\x\\ä.html")
    node.check(answer.status == 204 and answer.body == b"", f"{answer}")
    node.check("content-type" not in answer.headers, "an answer without a body has a type")
    location = f"http://{node.sign.host}/{BUCKET}/dir%2F%C3%A4.html"
    node.check(answer.headers.get("location") == location, f"{answer.headers}")
    stored = node.stored("dir/ä.html", content)
    node.check(stored.headers.get("content-type") == "text/html", f"{stored.headers}")
    node.check(stored.headers.get("x-amz-meta-tag") == "a b", f"{stored.headers}")
    node.check(stored.headers.get("etag") == answer.headers.get("etag"), "another tag")
    node.signed("DELETE", f"/{BUCKET}/dir/%C3%A4.html")


@row
def any_case_and_what_is_ignored(node):
    document = policy(["StArTs-WiTh", "$AcL", "priv"], ["starts-with", "$tagging", ""])
    tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
    fields = node.own_fields(document, fields={"aCl": "private", "x-ignore-me": "\n", "Tagging": tags})
    names = {"policy": "pOLICY", "x-amz-signature": "X-Amz-Signature", "key": "Key"}
    fields = {names.get(name, name): value for name, value in fields.items()}
    node.check(node.post({**fields, "Key": "cased"}).status == 204, "names in another case")
    node.stored("cased", b"new")
    answer = node.signed("GET", f"/{BUCKET}/cased", "tagging=")
    node.check(b"<Key>k</Key><Value>v</Value>" in answer.body, f"{answer}")
    node.signed("DELETE", f"/{BUCKET}/cased")


@row
def success_is_told_as_wished(node):
    def answer(name, value):
        return node.post(node.fields("told/a b", {name: value}), b"hello")

    etag = '"5d41402abc4b2a76b9719d911017c592"'
    for status, expected in (("200", 200), ("201", 201), ("204", 204), ("404", 204), ("", 204)):
        told = answer("success_action_status", status)
        node.check((told.status, told.headers.get("etag")) == (expected, etag), f"{status}: {told}")
        node.check(bool(told.body) == (expected == 201), f"{status}: a body of {told.body!r}")
    root = ElementTree.fromstring(answer("success_action_status", "201").body)
    said = [(child.tag, child.text) for child in root]
    location = f"http://{node.sign.host}/{BUCKET}/told%2Fa%20b"
    expected = [("Location", location), ("Bucket", BUCKET), ("Key", "told/a b"), ("ETag", etag)]
    node.check((root.tag, said) == ("PostResponse", expected), f"{root.tag} {said}")
    for field in ("success_action_redirect", "redirect"):
        told = answer(field, "https://page.test/done?a=b")
        url = urllib.parse.urlsplit(told.headers.get("location", ""))
        said = urllib.parse.parse_qsl(url.query)
        node.check(told.status == 303 and url.path == "/done", f"{field}: {told}")
        node.check(said == [("a", "b"), ("bucket", BUCKET), ("key", "told/a b"), ("etag", etag)], f"{said}")
    told = answer("success_action_redirect", "/relative")
    node.check(told.status == 204, f"a relative redirect: {told}")
    node.signed("DELETE", f"/{BUCKET}/told/a%20b")


@row
def bad_signature(node):
    fields = node.fields()
    other = dict(fields, policy=fields["policy"][:-4] + "fQ==")
    error = node.refused(node.post(other), 403, "SignatureDoesNotMatch",
                         "The request signature we calculated does not match the signature you provided.",
                         AWSAccessKeyId=node.sign.id, SignatureProvided=fields["x-amz-signature"],
                         StringToSign=other["policy"], StringToSignBytes=negative.spaced(other["policy"]))
    node.check("CanonicalRequest" not in error, "a form has no canonical request")
    upper = dict(fields, **{"x-amz-signature": fields["x-amz-signature"].upper()})
    node.refused(node.post(upper), 403, "SignatureDoesNotMatch")
    node.unchanged()


@row
def nobody(node):
    for fields in ({"key": KEY}, {}, {"key": KEY, "policy": base64_of("{}")}, {"key": KEY, "x-amz-signature": "0"}):
        node.denied(fields, "Access Denied")
    answer = node.signed("POST", f"/{BUCKET}", "", b"--b--", headers=[("content-type", "multipart/form-data; boundary=b")])
    node.refused(answer, 403, "AccessDenied", "Access Denied")


@row
def missing_fields_of_the_signature(node):
    fields = node.fields()
    for name in ("X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date"):
        without = {field: value for field, value in fields.items() if field != name.lower()}
        message = f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        node.refused(node.post(without), 400, "InvalidArgument", message, ArgumentName=name, ArgumentValue="")
    node.unchanged()


@row
def odd_fields_of_the_signature(node):
    def odd(name, value, message, **elements):
        fields = dict(node.fields(), **{name.lower(): value})
        node.refused(node.post(fields), 400, "InvalidArgument", message, ArgumentName=name, ArgumentValue=value, **elements)

    odd("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256", 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    odd("X-Amz-Date", "2026-11-21", "X-Amz-Date must be formated via ISO8601 Long format")
    moment, credential = own.now(), "X-Amz-Credential"
    here = f"{node.sign.id}/{node.sign.scope(moment)}"
    odd(credential, here.replace(node.sign.region, "us-east-1"),
        f"the region 'us-east-1' is wrong; expecting '{node.sign.region}'", Region=node.sign.region)
    odd(credential, here.replace("/s3/", "/s3-outposts/"), 'incorrect service "s3-outposts". This endpoint belongs to "s3".')
    odd(credential, here + "x", 'incorrect terminal "aws4_requestx"')
    odd(credential, node.sign.id, "the Credential is mal-formed")
    odd(credential, re.sub("/20[0-9]{6}/", "/20200101/", here), 'Invalid credential date "20200101"')
    node.unchanged()


@row
def keys_tokens_and_the_clock(node):
    here = node.sign.scope(own.now())
    fields = dict(node.fields(), **{"x-amz-credential": f"BHAKNOBODY/{here}"})
    node.refused(node.post(fields), 403, "InvalidAccessKeyId",
                 "The AWS Access Key Id you provided does not exist in our records.", AWSAccessKeyId="BHAKNOBODY")
    fields = dict(node.fields(), **{"x-amz-security-token": "odd/token"})
    node.refused(node.post(fields), 400, "InvalidToken", "The provided token is malformed or otherwise invalid.",
                 **{"Token-0": "odd/token"})
    node.denied(node.own_fields(policy(), moment=own.now(910)), "Request is not valid yet")
    old = node.post(node.own_fields(policy(), moment=own.now(-8 * 86_400), fields={"key": "old"}))
    node.check(old.status == 204, f"a form lives as long as its policy: {old}")
    node.signed("DELETE", f"/{BUCKET}/old")


@row
def other_mechanisms(node):
    refused = lambda answer, *rest: node.refused(answer, 400, *rest)
    old = {"key": KEY, "AWSAccessKeyId": node.sign.id, "policy": base64_of("{}"), "signature": "x"}
    refused(node.post(old), "InvalidRequest", "The authorization mechanism you have provided is not supported. "
            "Please use AWS4-HMAC-SHA256.")
    message = "Only one auth mechanism allowed"
    authorization = node.sign.in_header("POST", f"/{BUCKET}")[-1:]
    refused(node.post(node.fields(), headers=authorization), "InvalidArgument", message)
    query = node.sign.in_query("POST", f"/{BUCKET}")
    refused(node.post(node.fields(), query="?" + query), "InvalidArgument", message)
    node.unchanged()


@row
def expired(node):
    node.denied(node.own_fields(policy(expires=-1)), BY_POLICY + "Policy expired.")
    # What else is wrong with it is not told.
    node.denied(node.own_fields(policy({"acl": "x"}, expires=-1)), BY_POLICY + "Policy expired.")


@row
def conditions_that_do_not_hold(node):
    failed = BY_POLICY + "Policy Condition failed: "
    node.denied(dict(node.fields("other"), key=KEY), failed + '["eq", "$key", "other"]')
    node.denied(dict(node.fields("user/${filename}"), key=KEY), failed + '["starts-with", "$key", "user/"]')
    for condition in (["eq", "$key", "KEPT"], ["starts-with", "$key", "x"], ["starts-with", "$acl", ""],
                      ["eq", "key", KEY], ["content-length-range", "a", "9"]):
        node.denied(node.own_fields(policy(condition)), failed + json.dumps(condition))
    document = policy()
    document["conditions"][0] = {"bucket": "another"}
    node.denied(node.own_fields(document), failed + '["eq", "$bucket", "another"]')
    kinds = policy(["starts-with", "$Content-Type", "image/"])
    wrong = node.own_fields(kinds, fields={"Content-Type": "image/png,text/html"})
    node.denied(wrong, failed + '["starts-with", "$Content-Type", "image/"]')
    right = node.own_fields(kinds, fields={"Content-Type": "image/png,image/gif", "key": "kinds"})
    node.check(node.post(right).status == 204, "a list of types")
    node.signed("DELETE", f"/{BUCKET}/kinds")


@row
def extra_fields(node):
    node.denied(dict(node.fields(), **{"x-amz-meta-a": "b"}), BY_POLICY + "Extra input fields: x-amz-meta-a")
    node.denied(dict(node.fields(), Upload=""), BY_POLICY + "Extra input fields: Upload")
    document = policy()
    del document["conditions"][0]
    node.denied(node.own_fields(document), BY_POLICY + "Extra input fields: bucket")


@row
def documents_that_are_none(node):
    end = policy()["expiration"]
    conditions = lambda value: {"expiration": end, "conditions": value}
    for document, message in (
        ("{", "Invalid JSON."),
        ("[" * 5_000, "Invalid JSON."),
        ({"conditions": []}, "Policy missing expiration."),
        ({"expiration": end}, "Policy missing conditions."),
        ({"expiration": "2026-11-21 00:00:00Z", "conditions": []}, "Invalid 'expiration' value: '2026-11-21 00:00:00Z'"),
        ({"EXPIRATION": end, "conditions": []}, "Unexpected: 'expiration'"),
        (conditions({}), "Invalid 'conditions' value: must be a List."),
        (conditions(["key"]), "Invalid condition test: must be a List or Object."),
        (conditions([{}]), "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."),
        (conditions([{"key": 7}]), "Invalid Simple-Condition: value must be a string."),
        (conditions([[]]), "Invalid Condition: missing operation identifier."),
        (conditions([["ne", "$key", ""]]), "Invalid Condition: unknown operation 'ne'."),
        (conditions([["content-length-range", 0]]), "Invalid content-length-range: wrong number of arguments."),
        (conditions([["content-length-range", -1, 0]]), "Invalid JSON."),
    ):
        answer = node.post(node.own_fields(document))
        node.refused(answer, 400, "InvalidPolicyDocument", BAD_POLICY + message)
    fields = node.resigned(dict(node.fields(), policy="no base64!"))
    node.refused(node.post(fields), 400, "InvalidPolicyDocument", BAD_POLICY + "invalid Base64 encoding.")
    node.unchanged()


@row
def lengths(node):
    fields = node.fields(conditions=[["content-length-range", 5, 10]])
    node.refused(node.post(fields, b"x" * 12), 400, "EntityTooLarge",
                 "Your proposed upload exceeds the maximum allowed size", ProposedSize="12", MaxSizeAllowed="10")
    big = b"x" * 3_000_000
    node.refused(node.post(fields, big), 400, "EntityTooLarge", ProposedSize="3000000", MaxSizeAllowed="10")
    node.refused(node.post(fields, b"x"), 400, "EntityTooSmall",
                 "Your proposed upload is smaller than the minimum allowed size", ProposedSize="1", MinSizeAllowed="5")
    node.unchanged()
    for size in (5, 10):
        fields = node.fields("sized", conditions=[["content-length-range", 5, 10]])
        node.check(node.post(fields, b"x" * size).status == 204, f"{size} bytes")
        node.stored("sized", b"x" * size)
    node.signed("DELETE", f"/{BUCKET}/sized")


@row
def a_key_and_a_file(node):
    fields = {name: value for name, value in node.fields().items() if name != "key"}
    node.refused(node.post(fields), 400, "InvalidArgument", "Bucket POST must contain a field named 'key'.",
                 ArgumentName="key", ArgumentValue="")
    node.refused(node.post(node.fields(), file=None), 400, "InvalidArgument",
                 "POST requires exactly one file upload per request.", ArgumentName="file", ArgumentValue="0")
    # What follows the file counts for nothing, a key least of all.
    late = lambda body: re.sub(rb"(--[0-9a-f]+\r\n)(.*)", rb"\1Content-Disposition: form-data; name=file\r\n\r\n\r\n\1\2",
                               body, count=1, flags=re.DOTALL)
    node.denied(node.fields(), "Access Denied", change=late)
    node.unchanged()


@row
def forms_that_are_none(node):
    message = "The body of your POST request is not well-formed multipart/form-data."
    fields, malformed = node.fields(), lambda answer: node.refused(answer, 400, "MalformedPOSTRequest", message)
    for change in (lambda b: b[:40], lambda b: b[:-60], lambda b: b.rstrip(b"-\r\n"), lambda b: b"x" + b, lambda b: b"",
                   lambda b: b.replace(b"form-data; name=\"key\"", b"key"), lambda b: b + b"x" * 30_000,
                   lambda b: b.replace(b"key", b"\xff\xfe")):
        malformed(node.post(fields, change=change))
    kind = [("host", node.sign.host), ("content-type", "multipart/form-data")]
    # Without a boundary nobody can say who signed it.
    node.refused(node.send("POST", f"/{BUCKET}", kind, b"--\r\n"), 403, "AccessDenied", "Access Denied")
    html = node.signed("POST", f"/{BUCKET}", "", b"key=a", headers=[("content-type", "text/html")])
    node.refused(html, 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold",
                 Condition="Bucket POST must be of the enclosure-type multipart/form-data")
    twice = node.post(fields, change=lambda b: b.replace(b'name="x-amz-date"', b'name="KEY"'))
    node.refused(twice, 400, "InvalidArgument", ArgumentName="KEY")
    node.unchanged()


@row
def fields_are_bounded(node):
    too_large = "Your POST request fields preceeding the upload file was too large."
    for more in ({"x-ignore-a": "x" * 21_000}, {f"x-ignore-{n}": "" for n in range(100)}):
        answer = node.post({**more, **node.fields()})
        node.refused(answer, 400, "MaxPostPreDataLengthExceeded", too_large, MaxPostPreDataLengthBytes="20480")
    # A file under another name is a field.
    other = lambda body: body.replace(b'name="file"', b'name="upload"')
    answer = node.post(node.fields(), b"x" * 100_000, change=other)
    node.refused(answer, 400, "MaxPostPreDataLengthExceeded", too_large)
    node.unchanged()


@row
def checksums(node):
    crc, name = "NhCmhg==", "x-amz-checksum-crc32"
    answer = node.post(node.fields(fields={name: crc}), b"hullo")
    node.refused(answer, 400, "BadDigest", "The CRC32 you specified did not match the calculated checksum.")
    node.refused(node.post(node.fields(fields={name: "x"})), 400, "InvalidRequest",
                 "Value for x-amz-checksum-crc32 header is invalid.")
    node.unchanged()
    answer = node.post(node.fields("summed", fields={name: crc}), b"hello")
    node.check((answer.status, answer.headers.get(name)) == (204, crc), f"{answer}")
    node.signed("DELETE", f"/{BUCKET}/summed")


@row
def what_a_put_may_not_say(node):
    for fields, status, code in (
        ({"acl": "public-read"}, 400, "AccessControlListNotSupported"),
        ({"x-amz-server-side-encryption": "AES256"}, 501, "NotImplemented"),
        ({"x-amz-storage-class": "GLACIER"}, 400, "InvalidStorageClass"),
        ({"tagging": "not xml"}, 400, "MalformedXML"),
        ({"x-amz-meta-a": "x" * 2_100}, 400, "MetadataTooLarge"),
    ):
        node.refused(node.post(node.fields(fields=fields)), status, code)
    node.refused(node.post(node.fields("k" * 1_025)), 400, "KeyTooLongError")
    node.unchanged()


@row
def buckets_of_others_and_of_nobody(node):
    document = policy()
    document["conditions"][0] = {"bucket": "no-such-bucket-at-all"}
    fields = node.own_fields(document)
    node.refused(node.post(fields, bucket="no-such-bucket-at-all"), 404, "NoSuchBucket")
    node.refused(node.post({"key": KEY}, bucket="no-such-bucket-at-all"), 403, "AccessDenied", "Access Denied")
    node.refused(node.post(fields, bucket="B_D"), 403, "AccessDenied", "Access Denied")


@row
def a_client_that_stops_stores_nothing(node):
    import wire

    fields = node.fields()
    captured = []
    node.post(fields, b"y" * 50_000, change=lambda body: captured.append(body) or b"")
    body = captured[0]
    kind = "multipart/form-data; boundary=" + body[2:body.index(b"\r\n")].decode()
    headers = [("host", node.sign.host), ("content-type", kind), ("content-length", str(len(body))), ("connection", "close")]
    head = wire.head("POST", f"/{BUCKET}", headers)
    for sent in (10, 2_000, len(body) - 100, len(body) - 1):
        wire.exchange(node.sign.address, head + body[:sent], half_close=True)
        node.unchanged()


def setup(node):
    node.name = "setting up"
    answer = node.signed("PUT", f"/{BUCKET}")
    node.check(answer.status == 200 or answer.error().get("Code") == "BucketAlreadyOwnedByYou", f"{answer}")
    answer = node.signed("PUT", f"/{BUCKET}/{KEY}", body=KEPT)
    node.check(answer.status == 200, f"the object cannot be written: {answer}")


def main():
    options = under_test.parser(__doc__).parse_args()
    with under_test.environment_file(options) as path:
        node = Node(own.read_environment(path))
        setup(node)
        for function in ROWS:
            node.name = function.__name__
            try:
                function(node)
            except OSError as error:
                node.check(False, f"the connection failed: {error!r}")
        node.name = "tidying up"
        node.signed("DELETE", f"/{BUCKET}/{KEY}")
        answer = node.signed("DELETE", f"/{BUCKET}")
        node.check(answer.status == 204, f"something was left in the bucket: {answer}")
    print(f"{node.passed} passed, {node.failed} failed")
    sys.exit(1 if node.failed or not node.passed else 0)


if __name__ == "__main__":
    run.in_own_environment()
    main()

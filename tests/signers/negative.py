#!/usr/bin/env python3
"""Every row of the error table that a client can reach, through a real socket of a running node.

    tests/signers/negative.py DIR/env | --launch PROGRAM

Each row is a request that is right in all but one thing. Checked are status, code, message, the extra
elements, and that nothing was changed: the object that each refused write aims at is what it was.
TABLE says in words which rows there are and what a client is answered; every one must have been met
when all have run, so that none can go missing. Ends with 'N passed, N failed'.
"""

import base64
import hashlib
import pathlib
import re
import subprocess
import sys
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import chunks  # noqa: E402
import own  # noqa: E402
import under_test  # noqa: E402
import wire  # noqa: E402

BUCKET = "negative-rows"
OBJECT = f"/{BUCKET}/kept"
KEPT = b"what was there before"
ROWS = []


def row(function):
    ROWS.append(function)
    return function


class Node:
    """The node under test, and the count of what held."""

    def __init__(self, environment, path=None, program=None):
        self.sign = own.Signer(environment)
        self.path, self.program = path, program
        self.passed = self.failed = 0
        self.name = ""
        # What each function met: status and code.
        self.met = {}

    def check(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"{self.name}: {what}")

    def send(self, method, target, headers, body=b"", length=True):
        """Sends a head and a body; a request without its own length gets one."""
        if length and (body or method in ("PUT", "POST")):
            headers = [*headers, ("content-length", str(len(body)))]
        data = wire.head(method, target, [*headers, ("connection", "close")]) + body
        return wire.exchange(self.sign.address, data, method == "HEAD")[0]

    def signed(self, method, path, query="", body=b"", **how):
        headers = self.sign.in_header(method, path, query, body=body, **how)
        return self.send(method, path + ("?" + query if query else ""), headers, body)

    def link(self, method, path, query="", send=(), **how):
        query = self.sign.in_query(method, path, query, **how)
        return self.send(method, f"{path}?{query}", [("host", self.sign.host), *how.get("headers", ()), *send])

    def refused(self, answer, status, code, message=None, **elements):
        """Holds an answer against a row of the table; an element is a value or a test of it."""
        error = answer.error()
        said = f"{answer.status} {answer.body[:600]!r}"
        right = (answer.status, error.get("Code")) == (status, code)
        self.check(right, f"not {status} {code} but {said}")
        if not right:
            return error
        self.met.setdefault(self.name, set()).add((status, code))
        text = error.get("Message", "")
        holds = message is None or (message(text) if callable(message) else message in text)
        self.check(holds, f"the message is not {message!r}: {said}")
        for name, wanted in elements.items():
            name = name.replace("_", "-")
            value = error.get(name)
            holds = value is not None and (wanted(value) if callable(wanted) else value == wanted)
            self.check(holds, f"the element {name} is {value!r}: {said}")
        self.check(answer.headers.get("content-type", "").startswith("application/xml"), f"no XML: {answer.headers}")
        same_id = error.get("RequestId") == answer.headers.get("x-amz-request-id") is not None
        self.check(same_id and "HostId" in error, f"the request's id is not told: {said}")
        return error

    def launched(self):
        """Whether the node was launched here: what needs more than an address fails otherwise."""
        self.check(self.program is not None, "needs a node that is launched (--launch)")
        return self.program is not None

    def unchanged(self):
        answer = self.signed("GET", OBJECT)
        self.check(answer.status == 200 and answer.body == KEPT, f"the object was touched: {answer.status}")


def authorization(headers, change):
    """The headers with the authorization changed."""
    return [(name, change(value) if name == "authorization" else value) for name, value in headers]


def spaced(text):
    return " ".join(f"{byte:02x}" for byte in text.encode())


@row
def right_requests_pass(node):
    node.check(node.signed("GET", OBJECT).body == KEPT, "a signed GET fails")
    node.check(node.link("GET", OBJECT).body == KEPT, "a presigned GET fails")
    node.check(node.link("GET", OBJECT, headers=[("x-amz-checksum-mode", "ENABLED")]).status == 200, "signed header")
    for skew in (-890, 890):
        node.check(node.signed("GET", OBJECT, moment=own.now(skew)).status == 200, f"{skew} s of skew")
    early = node.link("GET", OBJECT, moment=own.now(-604_700), expires=604_800)
    node.check(early.status == 200, "a link of almost a week")


@row
def bad_signature(node):
    headers = node.sign.in_header("GET", OBJECT)
    error = node.refused(node.send("GET", OBJECT + "x", headers), 403, "SignatureDoesNotMatch",
                         "The request signature we calculated does not match the signature you provided.",
                         AWSAccessKeyId=node.sign.id, SignatureProvided=lambda v: len(v) == 64,
                         CanonicalRequest=lambda v: v.startswith(f"GET\n{OBJECT}x\n\nhost:"),
                         StringToSign=lambda v: v.startswith("AWS4-HMAC-SHA256\n2"))
    for name in ("StringToSign", "CanonicalRequest"):
        node.check(error.get(name + "Bytes") == spaced(error.get(name, "")), f"{name}Bytes is not {name}")
    digest = hashlib.sha256(error.get("CanonicalRequest", "").encode()).hexdigest()
    node.check(error.get("StringToSign", "").endswith("\n" + digest), "the two strings do not belong together")
    query = node.sign.in_query("GET", OBJECT)
    node.refused(node.send("GET", f"{OBJECT}?{query}&versionId=null", [("host", node.sign.host)]), 403,
                 "SignatureDoesNotMatch", AWSAccessKeyId=node.sign.id)
    node.refused(node.send("PUT", f"{OBJECT}?{query}", [("host", node.sign.host)], b"x"), 403, "SignatureDoesNotMatch")
    node.unchanged()


@row
def a_head_has_no_body(node):
    query = node.sign.in_query("GET", OBJECT)
    answer = node.send("HEAD", f"{OBJECT}?{query}", [("host", node.sign.host)])
    node.check(answer.status == 403 and answer.body == b"", f"HEAD: {answer}")


@row
def clock(node):
    for skew in (-910, 910):
        moment = own.now(skew)
        node.refused(node.signed("GET", OBJECT, moment=moment), 403, "RequestTimeTooSkewed",
                     "The difference between the request time and the current time is too large.",
                     RequestTime=own.basic(moment), MaxAllowedSkewMilliseconds="900000",
                     ServerTime=lambda v: bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", v)))


@row
def expired_and_early_links(node):
    is_time = lambda v: bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", v))
    for age, expires in ((-61, 60), (-1, 0), (-604_900, 604_800)):
        node.refused(node.link("GET", OBJECT, moment=own.now(age), expires=expires), 403, "AccessDenied",
                     "Request has expired", X_Amz_Expires=str(expires), Expires=is_time, ServerTime=is_time)
    node.refused(node.link("GET", OBJECT, moment=own.now(910)), 403, "AccessDenied", "Request is not valid yet")


@row
def unknown_key(node):
    headers = authorization(node.sign.in_header("GET", OBJECT), lambda v: v.replace(node.sign.id, "BHAKNOBODY"))
    message = "The AWS Access Key Id you provided does not exist in our records."
    node.refused(node.send("GET", OBJECT, headers), 403, "InvalidAccessKeyId", message, AWSAccessKeyId="BHAKNOBODY")
    credential = f"BHAKNOBODY/{node.sign.scope(own.now())}"
    answer = node.link("GET", "/no-such-bucket/key", extra={"X-Amz-Credential": credential})
    node.refused(answer, 403, "InvalidAccessKeyId", message, AWSAccessKeyId="BHAKNOBODY")


@row
def tokens_that_are_not_ours(node):
    answer = node.signed("GET", OBJECT, headers=[("x-amz-security-token", "odd/token")])
    message = "The provided token is malformed or otherwise invalid."
    node.refused(answer, 400, "InvalidToken", message, **{"Token-0": "odd/token"})
    answer = node.link("GET", OBJECT, extra={"X-Amz-Security-Token": "odd/token"})
    node.refused(answer, 400, "InvalidToken", message, **{"Token-0": "odd/token"})


@row
def query_parameters(node):
    now, scope = own.now(), node.sign.scope(own.now())
    credential = lambda text: {"X-Amz-Credential": text}
    day = own.basic(now)[:8]
    cases = [
        *(({name: None}, "requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date")
          for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")),
        ({"X-Amz-Expires": "604801"}, "X-Amz-Expires must be less than a week (in seconds)"),
        ({"X-Amz-Expires": "-1"}, "X-Amz-Expires must be non-negative"),
        ({"X-Amz-Expires": "soon"}, "X-Amz-Expires should be a number"),
        ({"X-Amz-Date": "2026-11-21"}, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
        ({"X-Amz-Algorithm": "AWS4-RSA"}, "X-Amz-Algorithm only supports"),
        (credential(node.sign.id), "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed"),
        (credential(f"{node.sign.id}/{scope}x"), "Error parsing the X-Amz-Credential parameter; incorrect terminal"),
        (credential(f"{node.sign.id}/{node.sign.scope(now, service='ec2')}"), "incorrect service \"ec2\""),
        (credential(f"{node.sign.id}/{scope.replace(day, '20200101')}"), "Invalid credential date"),
        (credential(f"{node.sign.id}/{scope.replace(day, '2020')}"), "incorrect date format"),
    ]
    for extra, message in cases:
        answer = node.link("GET", OBJECT, moment=now, extra=extra)
        node.refused(answer, 400, "AuthorizationQueryParametersError", message)
    wrong = credential(f"{node.sign.id}/{node.sign.scope(now, region='us-east-1')}")
    node.refused(node.link("GET", OBJECT, moment=now, extra=wrong), 400, "AuthorizationQueryParametersError",
                 f"the region 'us-east-1' is wrong; expecting '{node.sign.region}'", Region=node.sign.region)
    query = node.sign.in_query("GET", OBJECT).rpartition("&")[0]
    node.refused(node.send("GET", f"{OBJECT}?{query}", [("host", node.sign.host)]), 400,
                 "AuthorizationQueryParametersError", "requires the X-Amz-Algorithm")


@row
def malformed_header(node):
    headers = node.sign.in_header("GET", OBJECT)
    cases = [
        (lambda v: v.replace(f"/{node.sign.region}/", "/us-east-1/"), f"expecting '{node.sign.region}'"),
        (lambda v: v.replace("/s3/", "/ec2/"), "incorrect service \"ec2\""),
        (lambda v: v.replace("aws4_request", "aws5"), "incorrect terminal \"aws5\""),
        (lambda v: v.replace("/s3/", "/"), "the Credential is mal-formed"),
        (lambda v: re.sub("/20[0-9]{6}/", "/20200101/", v), "Invalid credential date \"20200101\""),
        (lambda v: v.partition(" ")[0], "requires three components"),
        (lambda v: v.replace("Signature=", "Sig="), "is malformed"),
        (lambda v: v.partition(", Signature")[0], "missing Signature"),
    ]
    for change, message in cases:
        answer = node.send("GET", OBJECT, authorization(headers, change))
        error = node.refused(answer, 400, "AuthorizationHeaderMalformed", message)
        node.check(("expecting" in message) == ("Region" in error) or "mal-formed" in message, "Region where it belongs")
    answer = node.send("GET", OBJECT, authorization(headers, cases[0][0]))
    node.refused(answer, 400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region "
                 f"'us-east-1' is wrong; expecting '{node.sign.region}'", Region=node.sign.region)


@row
def other_mechanisms(node):
    host = [("host", node.sign.host)]
    answer = node.send("GET", OBJECT, [*host, ("authorization", "Bearer x")])
    node.refused(answer, 400, "InvalidArgument", "Unsupported Authorization Type", ArgumentName="Authorization",
                 ArgumentValue="Bearer x")
    version_2 = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    answer = node.send("GET", OBJECT, [*host, ("authorization", f"AWS {node.sign.id}:x")])
    node.refused(answer, 400, "InvalidRequest", version_2)
    query = f"AWSAccessKeyId={node.sign.id}&Signature=x&Expires=9999999999"
    node.refused(node.send("GET", f"{OBJECT}?{query}", host), 400, "InvalidRequest", version_2)
    both = f"{OBJECT}?{node.sign.in_query('GET', OBJECT)}"
    answer = node.send("GET", both, node.sign.in_header("GET", OBJECT))
    node.refused(answer, 400, "InvalidArgument", "Only one auth mechanism allowed")


@row
def no_date(node):
    message = "AWS authentication requires a valid Date or x-amz-date header"
    headers = node.sign.in_header("GET", OBJECT)
    for change in (lambda _: None, lambda _: "yesterday"):
        changed = [(n, change(v) if n == "x-amz-date" else v) for n, v in headers]
        answer = node.send("GET", OBJECT, [(n, v) for n, v in changed if v is not None])
        node.refused(answer, 403, "AccessDenied", message)


@row
def unsigned_amz_headers(node):
    message = "There were headers present in the request which were not signed"
    extra = [("x-amz-meta-added", "1"), ("x-amz-acl", "private")]
    named = {"HeadersNotSigned": lambda v: {n.strip() for n in v.split(",")} == {"x-amz-meta-added", "x-amz-acl"}}
    answer = node.signed("PUT", OBJECT, body=b"x", unsigned=extra)
    node.refused(answer, 403, "AccessDenied", message, **named)
    answer = node.link("PUT", OBJECT, send=extra)
    node.refused(answer, 403, "AccessDenied", message, **named)
    node.unchanged()


@row
def anonymous(node):
    for path in (OBJECT, "/no-such-bucket/key", f"/{BUCKET}", "/"):
        answer = node.send("GET", path, [("host", node.sign.host)])
        node.refused(answer, 403, "AccessDenied", "Access Denied")
    node.refused(node.send("PUT", OBJECT, [("host", node.sign.host)], b"x"), 403, "AccessDenied", "Access Denied")
    node.unchanged()


@row
def content_sha256(node):
    answer = node.signed("GET", OBJECT, leave_out=("x-amz-content-sha256",))
    node.refused(answer, 400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    answer = node.signed("PUT", OBJECT, body=b"x", payload="x" * 64)
    node.refused(answer, 400, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-")
    wrong = hashlib.sha256(b"promised").hexdigest()
    answer = node.signed("PUT", OBJECT, body=b"sent", payload=wrong)
    node.refused(answer, 400, "XAmzContentSHA256Mismatch",
                 "The provided 'x-amz-content-sha256' header does not match what was computed.",
                 ClientComputedContentSHA256=wrong, S3ComputedContentSHA256=hashlib.sha256(b"sent").hexdigest())
    node.unchanged()


@row
def digests(node):
    put = lambda name, value: node.signed("PUT", OBJECT, body=b"sent", headers=[(name, value)])
    text = lambda data: base64.b64encode(data).decode()
    wrong = text(hashlib.md5(b"promised").digest())
    error = node.refused(put("content-md5", wrong), 400, "BadDigest")
    node.check(error.get("CalculatedDigest") in (text(hashlib.md5(b"sent").digest()), hashlib.md5(b"sent").hexdigest()),
               f"CalculatedDigest: {error}")
    node.check("ExpectedDigest" in error, f"ExpectedDigest: {error}")
    node.refused(put("content-md5", "odd"), 400, "InvalidDigest")
    crc = lambda data: text(zlib.crc32(data).to_bytes(4, "big"))
    node.check(put("x-amz-checksum-crc32", crc(b"sent")).status == 200, "a right checksum is refused")
    restore(node)
    node.refused(put("x-amz-checksum-crc32", crc(b"promised")), 400, "BadDigest",
                 "The CRC32 you specified did not match the calculated checksum.")
    node.refused(put("x-amz-checksum-sha256", text(hashlib.sha256(b"promised").digest())), 400, "BadDigest",
                 "The SHA256 you specified did not match the calculated checksum.")
    node.refused(put("x-amz-checksum-crc32", "odd"), 400, "InvalidRequest",
                 "Value for x-amz-checksum-crc32 header is invalid.")
    node.unchanged()


@row
def trailers(node):
    crc = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    cases = [
        ("x-amz-checksum-crc32", [("x-amz-checksum-crc32", crc)], 200, None),
        ("x-amz-checksum-crc32", [("x-amz-checksum-crc32", "AAAAAA==")], 400, "BadDigest"),
        ("x-amz-checksum-crc32", [], 400, "MalformedTrailerError"),
        ("x-amz-checksum-crc32", [("x-amz-checksum-sha1", "AAAA")], 400, "MalformedTrailerError"),
        ("x-amz-checksum-md2", [("x-amz-checksum-md2", crc)], 400, "InvalidRequest"),
    ]
    for announced, sent, status, code in cases:
        answer = chunks.unsigned_put(node, OBJECT, b"hello", announced, sent)
        if code is None:
            node.check(answer.status == status, f"a right trailer is refused: {answer}")
            restore(node)
        else:
            node.refused(answer, status, code)
    node.unchanged()


@row
def signed_chunks(node):
    data = [b"a" * 8192, b"b" * 9000, b"c" * 10]
    for trailer in (False, True):
        answer = chunks.signed_put(node, OBJECT, data, trailer=trailer)
        node.check(answer.status == 200, f"right chunks are refused: {answer}")
        node.check(node.signed("GET", OBJECT).body == b"".join(data), "chunks are not put together")
        restore(node)
        for broken in range(len(data) + 1 + trailer):
            answer = chunks.signed_put(node, OBJECT, data, trailer=trailer, broken=broken)
            node.refused(answer, 403, "SignatureDoesNotMatch")
    node.refused(chunks.signed_put(node, OBJECT, [b"a" * 8191, b"b" * 10]), 403, "InvalidChunkSizeError",
                 "Only the last chunk is allowed to have a size less than 8192 bytes", Chunk="1", BadChunkSize="8191")
    node.refused(chunks.signed_put(node, OBJECT, data, decoded_len=20_000), 400, "IncompleteBody")
    node.refused(chunks.signed_put(node, OBJECT, data, decoded_len=10), 400, "IncompleteBody")
    node.refused(chunks.signed_put(node, OBJECT, data, decoded_len=None), 411, "MissingContentLength")
    node.unchanged()


@row
def broken_off_bodies(node):
    headers = node.sign.in_header("PUT", OBJECT, payload="UNSIGNED-PAYLOAD")
    data = wire.head("PUT", OBJECT, [*headers, ("content-length", "100")]) + b"only this"
    wire.exchange(node.sign.address, data, half_close=True)
    node.unchanged()


@row
def no_length(node):
    headers = node.sign.in_header("PUT", OBJECT, payload="UNSIGNED-PAYLOAD")
    node.refused(node.send("PUT", OBJECT, headers, length=False), 411, "MissingContentLength",
                 "You must provide the Content-Length HTTP header.")
    node.unchanged()


@row
def two_lengths_smuggle_nothing(node):
    """RFC 9112, section 6.3: such a request is refused, or taken by its chunks alone; in both cases
    the connection ends with it, and what a front server may have taken for its body never runs."""
    smuggled_path = f"/{BUCKET}/smuggled"
    smuggled = wire.head("PUT", smuggled_path, [*node.sign.in_header("PUT", smuggled_path), ("content-length", "0")])
    body = b"0\r\n\r\n" + smuggled
    for may_run, lengths in (
        (True, [("content-length", str(len(body))), ("transfer-encoding", "chunked")]),
        (True, [("transfer-encoding", "chunked"), ("content-length", str(len(body)))]),
        (False, [("content-length", "5"), ("content-length", str(len(body)))]),
        (False, [("transfer-encoding", "chunked, identity"), ("content-length", "5")]),
        (False, [("transfer-encoding", "identity"), ("content-length", "5")]),
        (False, [("content-length", "+5")]),
        (False, [("content-length", "5, 5")]),
        (False, [("content-length", "0x5")]),
    ):
        headers = node.sign.in_header("PUT", OBJECT, payload="UNSIGNED-PAYLOAD")
        answer, after = wire.exchange(node.sign.address, wire.head("PUT", OBJECT, [*headers, *lengths]) + body)
        ran = 200 <= answer.status < 300
        node.check(may_run or not ran, f"{lengths} was executed: {answer}")
        node.check(answer.closed and after == b"", f"{lengths} leaves the connection open: {answer} {after!r}")
        node.check(node.signed("GET", smuggled_path).status == 404, f"{lengths} executed what was smuggled")
        if ran:
            node.check(node.signed("GET", OBJECT).body == b"", f"{lengths} was not taken by its chunks")
            restore(node)
        node.unchanged()


@row
def a_refused_body_is_not_asked_for(node):
    query = node.sign.in_query("GET", OBJECT)
    headers = [("host", node.sign.host), ("expect", "100-continue"), ("content-length", "5")]
    answer, _ = wire.exchange(node.sign.address, wire.head("PUT", f"{OBJECT}?{query}", headers))
    node.refused(answer, 403, "SignatureDoesNotMatch")
    node.check(not answer.continued, "the client was told to send a body that nobody wants")
    node.unchanged()


@row
def deep_and_wide_documents(node):
    deep = b"<Delete>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</Delete>"
    entities = (b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
                b"<Delete><Object><Key>&b;</Key></Object></Delete>")
    for body in (deep, b"<" * 700_000, entities, b"", b"<Delete", b"\xff\xfe", b"<Delete/>",
                 b"<Delete>" + b" " * 3_000_000 + b"</Delete>"):
        md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
        answer = node.signed("POST", f"/{BUCKET}", "delete=", body, headers=[("content-md5", md5)])
        code = answer.error().get("Code")
        known = ("MalformedXML", "MaxMessageLengthExceeded", "EntityTooLarge", "MissingRequestBodyError")
        node.check(answer.status == 400 and code in known, f"{body[:20]!r}: {answer.status} {answer.body[:300]!r}")
    node.unchanged()


@row
def missing_things_are_told_to_the_owner_only(node):
    node.refused(node.signed("GET", f"/{BUCKET}/missing"), 404, "NoSuchKey")
    node.refused(node.signed("GET", "/no-such-bucket-at-all/missing"), 404, "NoSuchBucket")
    answer = node.link("GET", f"/{BUCKET}/missing", moment=own.now(-61))
    node.refused(answer, 403, "AccessDenied", "Request has expired")


@row
def expired_token(node):
    if not node.launched():
        return
    said = subprocess.run([node.program, "token", "--data", node.path.parent, "--duration", "1"], check=True,
                          capture_output=True, text=True).stdout
    variables = dict(re.findall(r"export (\w+)='(.*)'", said))
    token = variables["AWS_SESSION_TOKEN"]
    sign = own.Signer({**own.read_environment(node.path), **variables})
    of_token = Node.__new__(Node)
    of_token.__dict__.update(node.__dict__, sign=sign)
    message, deadline = "The provided token has expired.", time.monotonic() + 10
    # Its second may not be over yet.
    while of_token.signed("GET", OBJECT, headers=[("x-amz-security-token", token)]).status == 200:
        if time.monotonic() > deadline:
            return node.check(False, "a token of one second does not end")
    answer = of_token.signed("GET", OBJECT, headers=[("x-amz-security-token", token)])
    node.refused(answer, 400, "ExpiredToken", message, **{"Token-0": token})
    answer = of_token.link("GET", OBJECT, expires=600, extra={"X-Amz-Security-Token": token})
    node.refused(answer, 400, "ExpiredToken", message, **{"Token-0": token})


@row
def another_account(node):
    """What is not the caller's is denied in plain words, whether it is there or not."""
    if not node.launched():
        return
    other = Node(own.read_environment(node.path.with_name("env.alt")))
    message = "Access Denied"
    for answer in (other.signed("GET", OBJECT), other.signed("GET", f"/{BUCKET}/missing"),
                   other.signed("PUT", OBJECT, body=b"x"), other.link("GET", OBJECT),
                   other.signed("GET", f"/{BUCKET}")):
        node.refused(answer, 403, "AccessDenied", lambda said: said == message)
    node.unchanged()


@row
def refused_features(node):
    """By whichever service the request is signed for."""
    node.refused(node.signed("PUT", f"/{BUCKET}", "replication=", b"{}"), 501, "NotImplemented")
    for service in ("s3", "s3-outposts"):
        credential = f"{node.sign.id}/{node.sign.scope(own.now(), service=service)}"
        by = {"extra": {"X-Amz-Credential": credential}}
        node.refused(node.link("PUT", f"/{BUCKET}", "replication=", **by), 501, "NotImplemented")
    encrypted = [("x-amz-server-side-encryption", "AES256")]
    node.refused(node.signed("PUT", OBJECT, body=b"x", headers=encrypted), 501, "NotImplemented")
    public = [("x-amz-acl", "public-read")]
    node.refused(node.signed("PUT", OBJECT, body=b"x", headers=public), 400, "AccessControlListNotSupported")
    node.refused(node.send("GET", OBJECT + "?response-expires=0", [("host", node.sign.host)]), 400, "InvalidRequest")
    node.unchanged()


# Every row of the table of errors that S3 answers to what is wrong with a signature, in the order in
# which S3 looks: words, status, code, and the functions that must have met it.
TABLE = [
    ("bad signature", 403, "SignatureDoesNotMatch", [bad_signature, a_refused_body_is_not_asked_for]),
    ("clock", 403, "RequestTimeTooSkewed", [clock]),
    ("presigned expired", 403, "AccessDenied", [expired_and_early_links]),
    ("not yet valid", 403, "AccessDenied", [expired_and_early_links]),
    ("unknown key", 403, "InvalidAccessKeyId", [unknown_key]),
    ("bad token", 400, "InvalidToken", [tokens_that_are_not_ours]),
    ("expired token", 400, "ExpiredToken", [expired_token]),
    ("missing or odd query parameters", 400, "AuthorizationQueryParametersError", [query_parameters]),
    ("expires too large, negative, not a number", 400, "AuthorizationQueryParametersError", [query_parameters]),
    ("date format", 400, "AuthorizationQueryParametersError", [query_parameters]),
    ("credential: shape, region, service, terminal, day", 400, "AuthorizationQueryParametersError", [query_parameters]),
    ("algorithm", 400, "AuthorizationQueryParametersError", [query_parameters]),
    ("header form of the same", 400, "AuthorizationHeaderMalformed", [malformed_header]),
    ("wrong scheme word", 400, "InvalidArgument", [other_mechanisms]),
    ("several mechanisms", 400, "InvalidArgument", [other_mechanisms]),
    ("signature version 2", 400, "InvalidRequest", [other_mechanisms]),
    ("no date", 403, "AccessDenied", [no_date]),
    ("unsigned x-amz-*", 403, "AccessDenied", [unsigned_amz_headers]),
    ("no x-amz-content-sha256", 400, "InvalidRequest", [content_sha256]),
    ("bad value of it", 400, "InvalidArgument", [content_sha256]),
    ("payload hash", 400, "XAmzContentSHA256Mismatch", [content_sha256]),
    ("Content-MD5 of another body", 400, "BadDigest", [digests]),
    ("Content-MD5 that is none", 400, "InvalidDigest", [digests]),
    ("checksum of another body", 400, "BadDigest", [digests]),
    ("checksum that is none", 400, "InvalidRequest", [digests]),
    ("trailer", 400, "MalformedTrailerError", [trailers]),
    ("unknown x-amz-trailer", 400, "InvalidRequest", [trailers]),
    ("chunk too small", 403, "InvalidChunkSizeError", [signed_chunks]),
    ("chunks that are not all", 400, "IncompleteBody", [signed_chunks]),
    ("bad chunk", 403, "SignatureDoesNotMatch", [signed_chunks]),
    ("length", 411, "MissingContentLength", [no_length, signed_chunks]),
    ("denied: nobody signed", 403, "AccessDenied", [anonymous]),
    ("denied: another account", 403, "AccessDenied", [another_account]),
    ("no such key, and may list", 404, "NoSuchKey", [missing_things_are_told_to_the_owner_only]),
    ("no such key, and may not list", 403, "AccessDenied", [another_account, anonymous]),
    ("feature refused: not built", 501, "NotImplemented", [refused_features]),
    ("feature refused: of this request", 400, "InvalidRequest", [refused_features]),
]


def the_whole_table_was_met(node):
    node.name = "the table"
    for words, status, code, functions in TABLE:
        for function in functions:
            node.check((status, code) in node.met.get(function.__name__, ()), f"{function.__name__} met no {words!r}")
    # Fewer would mean that a row was taken away: they are the ones of the reference.
    node.check(len(TABLE) == 37, f"{len(TABLE)} rows")


def restore(node):
    answer = node.signed("PUT", OBJECT, body=KEPT)
    node.check(answer.status == 200, f"the object cannot be written: {answer}")


def run(node):
    node.name = "setting up"
    answer = node.signed("PUT", f"/{BUCKET}")
    node.check(answer.status == 200 or answer.error().get("Code") == "BucketAlreadyOwnedByYou", f"{answer}")
    restore(node)
    for function in ROWS:
        node.name = function.__name__
        try:
            function(node)
        except OSError as error:
            node.check(False, f"the connection failed: {error!r}")
    the_whole_table_was_met(node)
    node.name = "tidying up"
    node.signed("DELETE", OBJECT)
    node.signed("DELETE", f"/{BUCKET}")


def main():
    options = under_test.parser(__doc__).parse_args()
    with under_test.environment_file(options, ["--second-account"]) as path:
        node = Node(own.read_environment(path), pathlib.Path(path), options.launch)
        run(node)
    print(f"{node.passed} passed, {node.failed} failed")
    sys.exit(1 if node.failed or not node.passed else 0)


if __name__ == "__main__":
    main()

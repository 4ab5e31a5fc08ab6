#!/usr/bin/env python3
"""The audit of a node, asked through a real socket: every kind of refusal leaves one record that names
the check that said no, every success one that tells what it acknowledged, and no file has a secret, a
signature or a token in it.

    tests/signers/audit.py --launch PROGRAM

Ends with 'N passed, N failed'.
"""

import json
import re
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import forms  # noqa: E402
import negative  # noqa: E402
import own  # noqa: E402
import run  # noqa: E402
import under_test  # noqa: E402
import wire  # noqa: E402

BUCKET = "audit-rows"
OBJECT = f"/{BUCKET}/kept \"quoted\""
PATH = f"/{BUCKET}/kept%20%22quoted%22"
TOKEN = "odd/token/that/nobody/minted"
SECONDS = 10


class Signer(own.Signer):
    """Keeps every signature that it makes."""

    def __init__(self, environment):
        super().__init__(environment)
        self.made = []

    def signature(self, *request):
        self.made.append(super().signature(*request))
        return self.made[-1]


class Node(forms.Node):
    def __init__(self, environment, folder):
        super().__init__(environment)
        self.sign = Signer(environment)
        self.folder = folder

    def text(self):
        return "".join(path.read_text() for path in sorted(self.folder.iterdir()))

    def records(self, answer):
        """What was written of the request with this answer; waits for the first."""
        wanted, deadline = f'"request":"{answer.headers.get("x-amz-request-id")}"', time.monotonic() + SECONDS
        while True:
            found = [json.loads(line) for line in self.text().splitlines() if wanted in line]
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.02)

    def told(self, name, answer, **expected):
        self.name = name
        records = self.records(answer)
        self.check(len(records) == 1, f"{len(records)} records of {answer}")
        for record in records[:1]:
            said = {field: record.get(field, "absent") for field in expected}
            self.check(said == expected, f"{said} instead of {expected}: {answer.status} {answer.body[:300]!r}")

    def refused_by(self, check, answer, **expected):
        code = answer.error().get("Code")
        self.told(check, answer, verdict="refused", check=check, code=code, bytes=0, link=None, **expected)


def successes(node):
    known = {"verdict": "allowed", "check": None, "code": None, "key_id": node.sign.id, "link": None, "bucket": BUCKET}
    node.told("a new bucket", node.signed("PUT", f"/{BUCKET}"), action="s3:CreateBucket", key=None, **known)
    put = node.signed("PUT", PATH, body=b"12345")
    node.told("a put", put, action="s3:PutObject", key=OBJECT.split("/")[2], bytes=5, **known)
    record = node.records(put)[0]
    principal = record["principal"] or ""
    node.check(principal.startswith("arn:aws:iam::") and principal.endswith(":root"), f"{record}")
    node.check(record["source"].startswith("127.0.0.1:") and record["time"].endswith("Z"), f"{record}")
    get = node.link("GET", PATH)
    node.told("a get", get, action="s3:GetObject", bytes=5, **{**known, "link": node.records(get)[0]["link"]})
    node.check(re.fullmatch("[0-9a-f]{32}", node.records(get)[0]["link"] or ""), f"{node.records(get)}")
    node.told("a list", node.signed("GET", f"/{BUCKET}", "list-type=2"), action="s3:ListBucket", key=None, **known)
    form = node.post(node.fields("by form"), b"1234567", bucket=BUCKET)
    node.told("a form", form, action="s3:PutObject", key="by form", bytes=7, **known)


def refusals(node):
    owner = {"key_id": node.sign.id, "bucket": BUCKET}
    of = lambda headers=(), **how: node.signed("GET", PATH, headers=list(headers), **how)
    host = [("host", node.sign.host)]
    nobody = {"key_id": None, "principal": None, "bucket": BUCKET}
    node.refused_by("permit:anonymous", node.send("GET", PATH, host), action="s3:GetObject", **nobody)
    node.refused_by("parse", node.send("GET", f"/{BUCKET}?max-keys=x", host), key_id=None, bucket=None, action=None)
    unsigned = node.send("GET", PATH + "x", node.sign.in_header("GET", PATH))
    node.refused_by("verify:signature", unsigned, principal=None, **owner)
    node.refused_by("verify:clock", of(moment=own.now(-1000)), **nobody)
    node.refused_by("verify:expired", node.link("GET", PATH, moment=own.now(-61)), **nobody)
    node.refused_by("verify:not-yet-valid", node.link("GET", PATH, moment=own.now(1000)), **nobody)
    headers = negative.authorization(node.sign.in_header("GET", PATH), lambda v: v.replace(node.sign.id, "BHAKNOBODY"))
    node.refused_by("verify:key", node.send("GET", PATH, headers), key_id="BHAKNOBODY", principal=None)
    node.refused_by("verify:token", of([("x-amz-security-token", TOKEN)]), **nobody)
    node.refused_by("verify:parameters", node.link("GET", PATH, extra={"X-Amz-Expires": "soon"}), **nobody)
    node.refused_by("verify:parameters", node.send("GET", PATH, [*host, ("authorization", "Bearer x")]), **nobody)
    node.refused_by("verify:version-2", node.send("GET", PATH, [*host, ("authorization", "AWS a:b")]), **nobody)
    query = node.sign.in_query("GET", PATH)
    both = node.send("GET", f"{PATH}?{query}", node.sign.in_header("GET", PATH))
    node.refused_by("verify:several-mechanisms", both, **nobody)
    node.refused_by("verify:no-date", of(leave_out=["x-amz-date"]), **nobody)
    node.refused_by("verify:headers-not-signed", of(unsigned=[("x-amz-meta-a", "b")]), **nobody)
    node.refused_by("verify:payload-word", of(payload="odd"), **nobody)
    node.refused_by("parse", node.signed("GET", f"/{BUCKET}", "max-keys=x"), key_id=node.sign.id, bucket=None, action=None)
    node.refused_by("permit:no-such-bucket", node.signed("GET", "/no-such-bucket-at-all/key"), key_id=node.sign.id)
    other = of([("x-amz-expected-bucket-owner", "999999999999")])
    node.refused_by("permit:another-owner-expected", other, **owner)
    override = node.send("GET", PATH + "?response-expires=0", host)
    node.refused_by("permit:override-without-signature", override, **nobody)
    node.refused_by("state", node.signed("GET", f"/{BUCKET}/missing"), key="missing", **owner)
    node.refused_by("condition", of([("if-match", '"x"')]), **owner)
    node.refused_by("body", node.signed("PUT", PATH, body=b"x", payload="0" * 64), action="s3:PutObject", **owner)
    node.refused_by("body", node.signed("PUT", f"/{BUCKET}", "versioning=", b"<x/>"), key=None, **owner)
    node.refused_by("form", node.post(node.fields("k"), bucket=BUCKET, change=lambda b: b[:40]), **nobody)
    node.refused_by("parse", node.post(dict(node.fields("k"), key="other"), bucket=BUCKET), principal=node.principal, **owner)
    late = node.fields("k", conditions=[["content-length-range", 0, 1]])
    node.refused_by("body", node.post(late, b"12", bucket=BUCKET), key="k", **owner)
    node.refused_by("preflight", node.send("OPTIONS", PATH, host), key_id=None, principal=None)


def going_away_hides_nobody(node):
    """Whoever hangs up without waiting for the answer: what was done is recorded all the same."""
    node.name = "hanging up"
    keys = [f"fleeting-{n}" for n in range(30)]
    for key in keys:
        node.signed("PUT", f"/{BUCKET}/{key}", body=b"x")
        head = wire.head("DELETE", f"/{BUCKET}/{key}", node.sign.in_header("DELETE", f"/{BUCKET}/{key}"))
        with wire.connect(node.sign.address) as connection:
            connection.sendall(head)
    mark = lambda key: f'"key":"{key}","action":"s3:DeleteObject"'
    deadline = time.monotonic() + SECONDS
    while missing := [key for key in keys if node.text().count(mark(key)) != 1]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    gone = [key for key in keys if node.signed("GET", f"/{BUCKET}/{key}").status == 404]
    node.check(not set(missing) & set(gone), f"deleted without a record: {missing}")
    node.check(len(missing) < len(keys), "nobody who hung up was heard")


def nothing_secret(node):
    """Also searched for is what must be found, so that the search is known to find anything."""
    node.name = "secrets"
    text = node.text()
    node.check(len(node.sign.made) > 20, "too few signatures were made")
    for what in [node.sign.secret, TOKEN, "Signature=", "aws4_request", "Bearer", *node.sign.made, *node.signatures]:
        node.check(what not in text, f"{what[:20]}... is in the audit")
    node.check(node.sign.id in text and "by form" in text, "the search finds nothing")
    node.check(all(path.stat().st_mode & 0o077 == 0 for path in node.folder.iterdir()), "others may read the audit")


def main():
    options = under_test.parser(__doc__).parse_args()
    forms.BUCKET = BUCKET
    with under_test.environment_file(options) as path:
        node = Node(own.read_environment(path), pathlib.Path(path).parent / "audit")
        node.signatures, fields = [], node.fields
        keeping = lambda *a, **k: (found := fields(*a, **k), node.signatures.append(found["x-amz-signature"]))[0]
        node.fields = keeping
        successes(node)
        node.principal = json.loads(node.text().splitlines()[-1])["principal"]
        refusals(node)
        going_away_hides_nobody(node)
        nothing_secret(node)
    print(f"{node.passed} passed, {node.failed} failed")
    sys.exit(1 if node.failed or not node.passed else 0)


if __name__ == "__main__":
    run.in_own_environment()
    main()

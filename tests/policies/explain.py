"""`blockhouse policy explain`: for each kind of refusal, the true reason of the request that a client has in hand."""

import json
import subprocess
import urllib.request

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from accounts import other
from identities import allow, apply, document, user
from links import bucket, link, policy


def explained(house, request, *words):
    """What the command says of a request that was answered a moment ago."""
    done = subprocess.run([house.program, "policy", "explain", "--request-id", request, "--data", str(house.folder),
                           *words], capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout


def told(house, request):
    return json.loads(explained(house, request, "--json"))


def refused(call, **arguments):
    """The request id of a call that boto3 saw refused."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["RequestId"]
    raise AssertionError(f"{arguments} was let through")


def at(house, request, check):
    record = told(house, request)
    assert record["check"] == check and record["meaning"], (check, record)
    return record


def client(house, **keys):
    return boto3.client("s3", endpoint_url=house.endpoint.url, region_name=house.endpoint.region,
                        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4",
                                      retries={"max_attempts": 1}), **keys)


def signatures(house):
    name = bucket(house, "why-signed")
    wrong = client(house, aws_access_key_id=house.environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key="no" * 20)
    record = at(house, refused(wrong.get_object, Bucket=name, Key="file"), "verify:signature")
    assert record["principal"] is None and record["key_id"] == house.environment["AWS_ACCESS_KEY_ID"], record
    unknown = client(house, aws_access_key_id="AKIANOBODYHASTHISONE", aws_secret_access_key="no" * 20)
    at(house, refused(unknown.get_object, Bucket=name, Key="file"), "verify:key")
    plain = house.ask(f"{house.endpoint.url}/{name}/file?x-id=GetObject").expect(403, "AccessDenied")
    at(house, plain.headers["x-amz-request-id"], "permit:anonymous")


def links_and_addresses(house):
    name = bucket(house, "why-linked")
    bound = house.ask(link(house, name, terms={"x-bh-source": "203.0.113.0/24"})).expect(403, "AccessDenied")
    record = at(house, bound.headers["x-amz-request-id"], "permit:link-terms")
    assert record["link"], record
    once = link(house, name, terms={"x-bh-once": "why-once"})
    house.ask(once).expect(200)
    at(house, house.ask(once).expect(403, "AccessDenied").headers["x-amz-request-id"], "permit:link-used")
    url = link(house, name)
    assert house.run_link("revoke", url).returncode == 0
    at(house, house.ask(url).expect(403, "AccessDenied").headers["x-amz-request-id"], "permit:link-revoked")
    subprocess.run([house.program, "address-list", "set", name, "203.0.113.0/24"], env=house.environment, check=True,
                   capture_output=True)
    record = at(house, refused(house.s3.get_object, Bucket=name, Key="file"), "permit:address")
    assert record["source"].startswith("127.0.0.1:"), record


def policies(house):
    name = bucket(house, "why-denied")
    theirs, number = other(house)
    at(house, refused(theirs.get_object, Bucket=name, Key="file"), "permit:not-allowed-by-bucket")
    policy(house, name,
           {"Sid": "Partner", "Effect": "Allow", "Principal": {"AWS": number}, "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/*"},
           {"Sid": "OnlyFromHere", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"},
                          "StringEquals": {"s3:authType": "REST-HEADER"}}})
    request = refused(theirs.get_object, Bucket=name, Key="file")
    # The policy goes: what is told is what was decided then.
    house.s3.delete_bucket_policy(Bucket=name)
    record = at(house, request, "permit:explicit-deny")
    assert record["principal"] == f"arn:aws:iam::{number}:root", record
    statement, = [s for p in record["why"]["policies"] for s in p["statements"] if s["decided"]]
    assert statement["sid"] == "OnlyFromHere", record
    conditions = {c["key"]: c for c in statement["conditions"]}
    assert conditions["aws:SourceIp"]["found"] == ["127.0.0.1"], conditions
    assert conditions["s3:authType"]["found"] == ["REST-HEADER"], conditions
    text = explained(house, request)
    assert "=> Deny 2 OnlyFromHere" in text and '"127.0.0.1"' in text and number in text, text


def what_was_allowed(house):
    name = bucket(house, "why-allowed")
    theirs, number = other(house)
    policy(house, name, {"Sid": "Partner", "Effect": "Allow", "Principal": {"AWS": number}, "Action": "s3:GetObject",
                         "Resource": f"arn:aws:s3:::{name}/*"})
    request = theirs.get_object(Bucket=name, Key="file")["ResponseMetadata"]["RequestId"]
    record = told(house, request)
    allowed, = record["allowed_by"]["statements"]
    assert (allowed["layer"], allowed["policy"], allowed["sid"]) == ("resource", name, "Partner"), record
    assert record["verdict"] == "allowed" and len(allowed["fingerprint"]) == 16, record
    assert '"Partner"' in explained(house, request)
    own = house.s3.list_buckets()["ResponseMetadata"]["RequestId"]
    assert told(house, own)["allowed_by"]["root"] is True
    # A key that is not there, for one who may read and not list.
    at(house, refused(theirs.get_object, Bucket=name, Key="none"), "hidden")
    at(house, refused(house.s3.get_object, Bucket=name, Key="none"), "state")


def state(house, method, document=None):
    """The desired state, as the operator's root sees and changes it."""
    url = f"{house.environment['BLOCKHOUSE_ADMIN']}/state"
    data = json.dumps(document).encode() if document else b""
    request = AWSRequest(method, url, data=data)
    key = Credentials(house.endpoint.access_key, house.endpoint.secret_key)
    S3SigV4Auth(key, "s3", house.endpoint.region).add_auth(request)
    call = urllib.request.Request(url, data or None, dict(request.prepare().headers), method=method)
    with urllib.request.urlopen(call, timeout=60) as answer:
        return json.load(answer)


def users(house):
    """A user without a policy, one whose boundary is silent, and one that is no more."""
    name = bucket(house, "why-users")
    everything = document(allow("s3:*", "*"))
    reads = document(allow("s3:List*", "*"))
    apply(house, {"policy/why-least": {"document": reads}})
    bare, _ = user(house, "why-bare")
    bounded, _ = user(house, "why-bounded", {"policies": {"all": everything}, "boundary": "why-least"})
    record = at(house, refused(bare.get_object, Bucket=name, Key="file"), "permit:not-allowed-by-identity")
    assert record["principal"].endswith(":user/why-bare") and record["why"]["decision"] == "implicitDeny", record
    record = at(house, refused(bounded.get_object, Bucket=name, Key="file"), "permit:not-allowed-by-boundary")
    layers = {p["layer"]: p for p in record["why"]["policies"]}
    assert layers["identity"]["statements"][0]["matched"] and layers["boundary"]["passed_over"] == 1, layers
    listed = bounded.list_objects_v2(Bucket=name)["ResponseMetadata"]["RequestId"]
    allowed, = told(house, listed)["allowed_by"]["statements"]
    assert (allowed["layer"], allowed["kind"]) == ("identity", "user-inline"), allowed


def guardrail(house):
    """What the guardrail says nothing of nobody may, the owner's root among them."""
    name = bucket(house, "why-guarded")
    document = {"Version": "2012-10-17", "Statement": [{"Sid": "Reads", "Effect": "Allow", "Action": "s3:Get*",
                                                        "Resource": "*"}]}
    put = {"name": "guardrail", "resource": {"document": document}}
    state(house, "POST", {"expected": state(house, "GET")["version"], "put": [put]})
    try:
        request = refused(house.s3.delete_object, Bucket=name, Key="file")
        allowed = house.s3.get_object(Bucket=name, Key="file")["ResponseMetadata"]["RequestId"]
    finally:
        state(house, "POST", {"expected": state(house, "GET")["version"], "delete": ["guardrail"]})
    record = at(house, request, "permit:not-allowed-by-guardrail")
    assert "nothing in the node's guardrail allows it" in record["why"]["summary"], record
    assert told(house, allowed)["allowed_by"]["root"] is True


def withheld(house):
    """Words that guard a bucket are in no record."""
    name = bucket(house, "why-withheld")
    theirs, number = other(house)
    policy(house, name, {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                         "Resource": f"arn:aws:s3:::{name}/*",
                         "Condition": {"StringEquals": {"aws:Referer": "hush-password"}}})
    plain = house.ask(f"{house.endpoint.url}/{name}/file?x-id=GetObject", Referer="hush-guess").expect(403, "AccessDenied")
    request = plain.headers["x-amz-request-id"]
    text = explained(house, request, "--json") + explained(house, request)
    assert "aws:Referer" in text and "hush-" not in text, text


def what_is_not_there(house):
    for words in (("--request-id", "0123456789ABCDEF"), ("--request-id", "nothing")):
        done = subprocess.run([house.program, "policy", "explain", *words, "--data", str(house.folder)],
                              capture_output=True, text=True)
        assert done.returncode == 1 and words[1] in done.stderr, done


CHECKS = {
    "signatures": signatures,
    "links and addresses": links_and_addresses,
    "policies": policies,
    "what was allowed": what_was_allowed,
    "users": users,
    "guardrail": guardrail,
    "withheld": withheld,
    "what is not there": what_is_not_there,
}

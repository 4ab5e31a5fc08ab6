"""`blockhouse policy explain`: the true reason of every kind of refusal, by the id that the client was told."""

import json
import secrets
import subprocess

from botocore.exceptions import ClientError

from accounts import other
from identities import allow, apply, client, credentials, document, identity
from links import bucket, policy
from lists import set_list
from once import until


def run(house, *words):
    return subprocess.run([house.program, "policy", "explain", *words], env=house.environment, capture_output=True,
                          text=True)


def explained(house, request_id):
    """What the audit has of the request, once it is written."""
    until(lambda: run(house, "--request-id", request_id).returncode == 0)
    record = json.loads(run(house, "--request-id", request_id, "--json").stdout)
    assert record["request"] == request_id, record
    return record, run(house, "--request-id", request_id).stdout


def of_call(house, call, **arguments):
    """... of a call of boto3 that is refused."""
    try:
        call(**arguments)
    except ClientError as error:
        return explained(house, error.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"])
    raise AssertionError(f"{arguments} was let through")


def of_link(house, url, status=403, **more):
    answer = house.ask(url, **more)
    assert answer.status == status, (answer.status, answer.body[:300])
    return explained(house, answer.headers["x-amz-request-id"])


def links(house):
    url = house.link("get_object", "explained", {"x-bh-once": secrets.token_urlsafe(16)})
    assert of_link(house, url[:-4] + "0000")[0]["check"] == "verify:signature"
    record, text = of_link(house, house.link("get_object", "explained", {"x-bh-source": "192.0.2.1"}))
    assert record["verdict"] == "refused" and record["check"] in text, (record, text)
    revoked = subprocess.run([house.program, "link", "revoke", url], env=house.environment, capture_output=True, text=True)
    assert revoked.returncode == 0, revoked
    record, text = of_link(house, url)
    assert "revoked" in record["check"] and "revoked" in text, (record, text)


def addresses(house):
    name = bucket(house, "explained-addresses")
    set_list(house, name, "203.0.113.0/24")
    record, text = of_call(house, house.s3.get_object, Bucket=name, Key="file")
    assert record["check"] == "permit:address" and "list of addresses" in text, (record, text)


def by_a_statement(house):
    name = bucket(house, "explained-deny")
    policy(house, name, {"Sid": "NotFromThere", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
                         "Resource": f"arn:aws:s3:::{name}/*",
                         "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"},
                                       "StringNotEqualsIfExists": {"s3:ExistingObjectTag/open": "yes"}}})
    record, text = of_call(house, house.s3.get_object, Bucket=name, Key="file")
    # What was decided then is told, whatever the policy says by now.
    house.s3.delete_bucket_policy(Bucket=name)
    assert record["check"] == "permit:explicit-deny" and record["why"]["decision"] == "explicitDeny", record
    (of_bucket,) = [each for each in record["why"]["policies"] if each["layer"] == "resource"]
    (statement,) = of_bucket["statements"]
    assert statement["decided"] and statement["sid"] == "NotFromThere" and len(of_bucket["sha256"]) == 64, record
    assert record["why"]["missing"] == ["s3:ExistingObjectTag/open"], record
    for part in ("NotFromThere", "aws:SourceIp", "127.0.0.1", "absent: s3:ExistingObjectTag/open", "AccessDenied"):
        assert part in text, (part, text)
    assert house.endpoint.secret_key not in text


def by_nothing_that_allows(house):
    name = bucket(house, "explained-implicit")
    theirs, _ = other(house)
    record, text = of_call(house, theirs.get_object, Bucket=name, Key="file")
    assert record["check"] == "permit:not-allowed-by-bucket" and "nothing allows it" in text, (record, text)


def by_an_identity(house):
    name = bucket(house, "explained-identity")
    on = f"arn:aws:s3:::{name}/*"
    apply(house, {
        "policy/explained-most": {"document": document(allow(["s3:GetObject", "s3:DeleteObject"], on))},
        "user/explained": {"boundary": "explained-most",
                           "policies": {"own": document(allow(["s3:GetObject", "s3:PutObject"], on))}}})
    s3 = client(house, credentials(identity(house, "create-access-key", "--user", "explained")))
    assert s3.get_object(Bucket=name, Key="file")["Body"].read()
    for call, more, check, sentence in (
            (s3.delete_object, {"Key": "file"}, "permit:not-allowed-by-identity", "the caller's policies"),
            (s3.put_object, {"Key": "file"}, "permit:not-allowed-by-boundary", "the permissions boundary"),
            # There is none; the caller may not learn that.
            (s3.get_object, {"Key": "none"}, "state", "must not learn")):
        record, text = of_call(house, call, Bucket=name, **more)
        assert record["check"] == check and sentence in text, (record, text)
        assert record["code"] == "AccessDenied" and record["principal"].endswith("user/explained"), record


def what_is_not_there(house):
    missing = run(house, "--request-id", "0000000000000000")
    assert missing.returncode == 1 and "no request" in missing.stdout, missing


CHECKS = {"links": links, "addresses": addresses, "by a statement": by_a_statement,
          "by nothing that allows": by_nothing_that_allows, "by an identity": by_an_identity,
          "what is not there": what_is_not_there}

"""Links under policies: their age, their network path, their signer's permission of the moment."""

import json
import subprocess
import sys
import time

from botocore.exceptions import ClientError

from house import House

BODY = b"for ten minutes"


def policy(house, bucket, *statements):
    house.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def bucket(house, name):
    house.s3.create_bucket(Bucket=name)
    house.s3.put_object(Bucket=name, Key="file", Body=BODY)
    return name


def link(house, name, operation="get_object", **more):
    return house.link(operation, "file", Bucket=name, **more)


def account(house):
    return house.environment["BLOCKHOUSE_ACCOUNT"]


def not_older_than(house):
    """Seed 001: a Deny on signatureAge over 600000 milliseconds, with a bare number, an account number as
    principal and a Sid with spaces, on links alone."""
    # A node of its own: the time that its store has seen does not go back.
    house = House(house.program, house.scratch, "aged")
    house.start()
    try:
        aged(house)
    finally:
        house.stop()


def aged(house):
    name = bucket(house, "aged")
    policy(house, name, {
        "Sid": "Deny a presigned URL request if the signature is more than 10 minutes old", "Effect": "Deny",
        "Principal": {"AWS": account(house)}, "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"NumericGreaterThan": {"s3:signatureAge": 600000},
                      "StringEquals": {"s3:authType": "REST-QUERY-STRING"}}})
    house.ask(link(house, name, expires=3600)).expect(200)
    house.stop()
    house.start(clock_offset=590)
    house.ask(link(house, name, expires=3600)).expect(200)
    house.stop()
    # The node's clock is eleven minutes ahead: the link is signed now, and is that old.
    house.start(clock_offset=660)
    house.ask(link(house, name, expires=3600)).expect(403, "AccessDenied")
    # Signed in its header, a request has no such age.
    assert house.s3.get_object(Bucket=name, Key="file")["Body"].read() == BODY
    # Seed 004: a link for ten minutes has expired by now, whatever the policies say.
    house.ask(link(house, name, expires=600)).expect(403, "AccessDenied")


def clients_behind(house):
    """The same rule, and the life of a link, where it is the client's clock that is behind or ahead."""
    name = bucket(house, "behind")
    policy(house, name, {
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"NumericGreaterThan": {"s3:signatureAge": 600000}}})
    for offset, expires, code in ((-590, 3600, None), (-620, 3600, "AccessDenied"), (-620, 600, "AccessDenied"),
                                  (-90_000, 604_800, "AccessDenied"), (840, 3600, None), (960, 3600, "AccessDenied")):
        url = signed_at(house, name, offset, expires)
        answer = house.ask(url)
        assert (answer.status, answer.code()) == (403 if code else 200, code), (offset, answer.status, answer.body)


def signed_at(house, name, offset, expires):
    """A link by boto3 in a process whose clock is that many seconds ahead."""
    script = ("import boto3, sys; from botocore.config import Config; "
              "s3 = boto3.client('s3', config=Config(s3={'addressing_style': 'path'}, signature_version='s3v4')); "
              "print(s3.generate_presigned_url('get_object', Params={'Bucket': sys.argv[1], 'Key': 'file'}, "
              "ExpiresIn=int(sys.argv[2])))")
    done = subprocess.run(["faketime", "-f", f"{offset:+}s", sys.executable, "-c", script, name, str(expires)],
                          env=house.environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def network_path(house):
    """Seed 001: a Deny on what comes from elsewhere; it holds for links and for everything else."""
    name = bucket(house, "pathed")
    policy(house, name, {
        "Sid": "NetworkRestriction", "Effect": "Deny", "Principal": "*", "Action": "*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"NotIpAddressIfExists": {"aws:SourceIp": ["127.0.0.2/32", "::1/128"]},
                      "BoolIfExists": {"aws:ViaAWSService": "false"}}})
    url = link(house, name)
    house.ask(url, source="127.0.0.2").expect(200)
    house.ask(url, source="127.0.0.3").expect(403, "AccessDenied")
    house.ask(url, source="::1").expect(200)
    house.ask(url, source="fd00:b10c::2").expect(403, "AccessDenied")
    house.ask(url, source="127.0.0.3", X_Forwarded_For="127.0.0.2", Forwarded="for=127.0.0.2").expect(403, "AccessDenied")
    try:
        house.s3.get_object(Bucket=name, Key="file")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
    else:
        raise AssertionError("the owner came in from elsewhere")


def lost_asterisks(house):
    """Seed 002 prints a statement whose asterisks were lost: it is refused, and the old policy stays."""
    name = bucket(house, "lost")
    statement = {"Sid": "NetworkRestrictionForIAMPrincipal", "Effect": "Deny", "Action": "", "Resource": "",
                 "Condition": {"NotIpAddressIfExists": {"aws:SourceIp": "10.0.0.0/8"},
                               "BoolIfExists": {"aws:ViaAWSService": "false"}}}
    for broken in (statement, {**statement, "Principal": "*"}):
        try:
            policy(house, name, broken)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "MalformedPolicy", error
        else:
            raise AssertionError("it was taken")
    house.ask(link(house, name)).expect(200)


def what_the_sdk_does(house):
    """Seed 003: the default call, an upload, what has expired, and a key that is not there."""
    name = bucket(house, "basics")
    assert house.ask(link(house, name)).expect(200).body == BODY
    house.ask(link(house, name, "put_object"), "PUT", b"uploaded").expect(200)
    assert house.s3.get_object(Bucket=name, Key="file")["Body"].read() == b"uploaded"
    # Signing is offline: it never asks whether the key is there.
    house.ask(house.link("get_object", "missing", Bucket=name)).expect(404, "NoSuchKey")
    short = link(house, name, expires=1)
    deadline = time.monotonic() + 30
    while (answer := house.ask(short)).status == 200:
        assert time.monotonic() < deadline, "it never expired"
        time.sleep(0.1)
    answer.expect(403, "AccessDenied")
    assert b"Request has expired" in answer.body
    # The plain URL of the object is nobody's to open.
    house.ask(f"{house.endpoint.url}/{name}/file?x-id=GetObject").expect(403, "AccessDenied")


def an_owner_demands(house):
    """Our own keys: one-time links and nothing else; and a cap on uploads."""
    name = bucket(house, "demands")
    policy(house, name,
           {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"Bool": {"bh:LinkOnce": "false"}}},
           {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"StringEquals": {"s3:authType": "REST-QUERY-STRING"},
                          "NumericGreaterThanIfExists": {"bh:LinkMaxBytes": "1000"}}})
    house.ask(link(house, name)).expect(403, "AccessDenied")
    house.ask(link(house, name, terms={"x-bh-once": "a-token"})).expect(200)
    for terms, status in (({"x-bh-max-bytes": "1000"}, 200), ({"x-bh-max-bytes": "1001"}, 403), ({}, 403)):
        answer = house.ask(link(house, name, "put_object", terms=terms), "PUT", b"short")
        assert answer.status == status, (terms, answer.status, answer.body)


CHECKS = {
    "seeds 001 and 004, not older than ten minutes": not_older_than,
    "clients with other clocks": clients_behind,
    "seed 001, the network path": network_path,
    "seed 002, lost asterisks": lost_asterisks,
    "seed 003, what the SDK does": what_the_sdk_does,
    "an owner demands": an_owner_demands,
}

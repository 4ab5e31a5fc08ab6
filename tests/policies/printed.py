"""The policies that AWS's pages and their readers print (crates/policy/tests/seeds), word for word over the wire.

As copied they are refused: with the page's line breaks within strings, without the asterisks that got lost, without
the closing brace. Mended they mean what AWS says.
"""

import json
import pathlib

from simulator import client, one, refused, text

PRINTED = pathlib.Path(__file__).resolve().parents[2] / "crates" / "policy" / "tests" / "seeds"

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}

# Whoever asks is of the account that owns what names no owner in its ARN.
ACCOUNT = "444455556666"
CALLER = {"CallerArn": f"arn:aws:iam::{ACCOUNT}:user/alice", "ResourceOwner": f"arn:aws:iam::{ACCOUNT}:root"}

OBJECT = "arn:aws:s3:::twtech-s3bucket/Why-how-when-to-drink-water.pdf"


def printed(name):
    return (PRINTED / name).read_text()


def joined(name):
    """Without the page's line breaks."""
    return printed(name).replace("\n", "")


def policy_of(statement):
    """A lone statement's text as a policy's."""
    return '{"Version":"2012-10-17","Statement":[%s]}' % statement


def entry(key, value):
    of = {bool: "boolean", int: "numeric", str: "string"}[type(value)]
    value = str(value).lower() if of == "boolean" else str(value)
    return {"ContextKeyName": key, "ContextKeyType": of, "ContextKeyValues": [value]}


def decided(iam, action, resource, context, *identity, **more):
    got = one(iam, PolicyInputList=list(identity), ActionNames=[action], ResourceArns=[resource],
              ContextEntries=[entry(*pair) for pair in context.items()], **CALLER, **more)
    return got["EvalDecision"]


def signature_age(house):
    iam = client(house)
    name = "001-signature-age.txt"
    resource = json.loads(joined(name))["Statement"][0]["Resource"].removesuffix("*") + "k"
    asked = {"PolicyInputList": [text(ALLOW_ALL)], "ActionNames": ["s3-outposts:GetObject"], "ResourceArns": [resource]}
    refused("InvalidInput", 400, iam.simulate_custom_policy, ResourcePolicy=printed(name), **asked, **CALLER)
    # The bucket is another account's, as its ARN says, and the printed policy allows nothing by itself.
    printed_alone = joined(name)
    beside = json.loads(printed_alone)
    beside["Statement"].append({**beside["Statement"][0], "Sid": "", "Effect": "Allow", "Condition": {}})
    beside = json.dumps(beside)
    for auth_type, age, denied in (("REST-QUERY-STRING", 600_000, False), ("REST-QUERY-STRING", 600_001, True),
                                   ("REST-QUERY-STRING", 0, False), ("REST-HEADER", 700_000, False),
                                   ("REST-HEADER", None, False)):
        context = {"s3-outposts:authType": auth_type, "s3-outposts:signatureAge": age}
        context = {key: value for key, value in context.items() if value is not None}
        for policy, otherwise in ((printed_alone, "implicitDeny"), (beside, "allowed")):
            got = decided(iam, "s3-outposts:GetObject", resource, context, text(ALLOW_ALL), ResourcePolicy=policy)
            assert got == ("explicitDeny" if denied else otherwise), (context, got)


def network_path(house):
    iam = client(house)
    name = "001-network-path.txt"
    asked = {"ActionNames": ["s3:GetObject"], "ResourceArns": [OBJECT]}
    for broken in (policy_of(printed(name)), policy_of(joined(name))):
        refused("InvalidInput", 400, iam.simulate_custom_policy, PolicyInputList=[broken], **asked)
    whole = policy_of(joined(name).replace("IP-address-range", "192.0.2.0/24"))
    endpoint = {"aws:SourceVpc": "vpc-1", "aws:SourceVpce": "vpce-1", "aws:VpcSourceIp": "10.0.0.1"}
    for context, expected in (({"aws:SourceIp": "192.0.2.7", "aws:ViaAWSService": False}, "allowed"),
                              ({"aws:SourceIp": "198.51.100.1", "aws:ViaAWSService": False}, "explicitDeny"),
                              ({"aws:SourceIp": "2001:db8::1", "aws:ViaAWSService": False}, "explicitDeny"),
                              ({"aws:SourceIp": "198.51.100.1", "aws:ViaAWSService": True}, "allowed"),
                              # The trap: through a VPC endpoint there is no SourceIp.
                              ({**endpoint, "aws:ViaAWSService": False}, "explicitDeny"),
                              ({}, "explicitDeny")):
        got = decided(iam, "s3:GetObject", OBJECT, context, text(ALLOW_ALL), whole)
        assert got == expected, (context, got)


def lost_asterisks(house):
    iam = client(house)
    lost = policy_of(joined("002-network-path.txt")).replace("IP-address", "192.0.2.1")
    half = lost.replace('"Action": ""', '"Action": "*"')
    for broken in (lost, half):
        refused("InvalidInput", 400, iam.simulate_custom_policy, PolicyInputList=[broken], ActionNames=["s3:GetObject"])
    whole = half.replace('"Resource": ""', '"Resource": "*"')
    got = decided(iam, "s3:GetObject", OBJECT, {"aws:SourceIp": "192.0.2.2"}, text(ALLOW_ALL), whole)
    assert got == "explicitDeny", got


def read_only(house):
    iam = client(house)
    open_ended = policy_of(joined("004-read-only.txt"))
    refused("InvalidInput", 400, iam.simulate_custom_policy, PolicyInputList=[open_ended], ActionNames=["s3:GetObject"])
    closed = policy_of(joined("004-read-only.txt") + "}")
    for action, resource, expected in (("s3:GetObject", OBJECT, "allowed"),
                                       ("s3:PutObject", OBJECT, "implicitDeny"),
                                       ("s3:ListBucket", "arn:aws:s3:::twtech-s3bucket", "implicitDeny"),
                                       ("s3:GetObject", "arn:aws:s3:::other/x", "implicitDeny")):
        got = decided(iam, action, resource, {}, closed)
        assert got == expected, (action, resource, got)


CHECKS = {
    "seed 001, signature age as printed": signature_age,
    "seed 001, network path as printed": network_path,
    "seed 002, lost asterisks as printed": lost_asterisks,
    "seed 004, read-only as printed": read_only,
}

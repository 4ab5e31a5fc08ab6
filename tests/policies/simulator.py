"""IAM's simulator, by AWS's own clients: the operations, their bounds and errors, and who may ask."""

import json
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import node

OBJECT = "arn:aws:s3:::bkt/a.txt"


def client(house, variables=None, region=None):
    """IAM's client as `source DIR/env` makes it."""
    variables = variables or node.read_env(house.folder / "env")
    return boto3.client("iam", endpoint_url=variables["AWS_ENDPOINT_URL_IAM"],
                        region_name=region or variables["AWS_REGION"],
                        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
                        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
                        config=Config(retries={"max_attempts": 1}))


def text(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def refused(code, status, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        told = error.response
        assert told["Error"]["Code"] == code, told
        assert told["ResponseMetadata"]["HTTPStatusCode"] == status, told
        return told["Error"]["Message"]
    raise AssertionError(f"{arguments} was answered")


def one(iam, **arguments):
    (result,) = iam.simulate_custom_policy(**arguments)["EvaluationResults"]
    return result


def what_it_answers(house):
    iam = client(house)
    policy = text(allow("s3:GetObject", "arn:aws:s3:::bkt/*",
                        Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
                  {**allow("s3:DeleteObject"), "Effect": "Deny"})
    asked = {"PolicyInputList": [policy], "ResourceArns": [OBJECT]}
    got = one(iam, ActionNames=["s3:GetObject"], **asked)
    assert got["EvalDecision"] == "implicitDeny" and got["MatchedStatements"] == [], got
    assert got["MissingContextValues"] == [] and got["EvalDecisionDetails"] == {}, got
    (specific,) = got["ResourceSpecificResults"]
    assert specific["MissingContextValues"] == ["aws:SourceIp"], got
    entry = {"ContextKeyName": "aws:SourceIp", "ContextKeyType": "ip", "ContextKeyValues": ["192.0.2.7"]}
    got = one(iam, ActionNames=["s3:GetObject"], ContextEntries=[entry], **asked)
    assert got["EvalDecision"] == "allowed", got
    (matched,) = got["MatchedStatements"]
    assert matched["SourcePolicyId"] == "PolicyInputList.1" and matched["StartPosition"]["Line"] == 1, got
    begin, end = matched["StartPosition"]["Column"], matched["EndPosition"]["Column"]
    assert json.loads(policy[begin - 1:end - 1])["Action"] == "s3:GetObject", (policy, matched)
    got = one(iam, ActionNames=["s3:DeleteObject"], **asked)
    assert got["EvalDecision"] == "explicitDeny" and len(got["MatchedStatements"]) == 1, got
    # Of nothing in particular, what is missing stands with the result itself.
    got = one(iam, ActionNames=["s3:GetObject"], PolicyInputList=[text(allow("s3:*", Condition={
        "Bool": {"aws:SecureTransport": "true"}}))])
    assert got["EvalResourceName"] == "*" and got["MissingContextValues"] == ["aws:SecureTransport"], got
    assert "ResourceSpecificResults" not in got, got


def every_type_of_entry(house):
    iam = client(house)
    for of, key, operator, wanted, values in [
            ("string", "aws:UserAgent", "StringLike", "curl*", ["curl/8"]),
            ("stringList", "aws:TagKeys", "ForAnyValue:StringEquals", "b", ["a", "b"]),
            ("numeric", "s3:max-keys", "NumericLessThan", "10", ["9"]),
            ("numericList", "bh:Numbers", "ForAllValues:NumericLessThan", "10", ["1", "2"]),
            ("boolean", "aws:SecureTransport", "Bool", "true", ["true"]),
            ("booleanList", "bh:Flags", "ForAnyValue:Bool", "false", ["true", "false"]),
            ("ip", "aws:SourceIp", "IpAddress", "2001:db8::/32", ["2001:db8::1"]),
            ("ipList", "bh:Places", "ForAnyValue:IpAddress", "192.0.2.0/24", ["10.0.0.1", "192.0.2.1"]),
            ("binary", "bh:Blob", "BinaryEquals", "AAEC", ["AAEC"]),
            ("binaryList", "bh:Blobs", "ForAnyValue:BinaryEquals", "AAEC", ["AAEC", "AAED"]),
            ("date", "aws:CurrentTime", "DateLessThan", "2030-01-01T00:00:00Z", ["2029-01-01T00:00:00Z"]),
            ("dateList", "bh:Days", "ForAnyValue:DateEquals", "2030-01-01T00:00:00Z", ["2030-01-01T00:00:00Z"])]:
        entry = {"ContextKeyName": key, "ContextKeyType": of, "ContextKeyValues": values}
        asked = {"PolicyInputList": [text(allow("s3:*", Condition={operator: {key: wanted}}))],
                 "ActionNames": ["s3:GetObject"]}
        assert one(iam, ContextEntries=[entry], **asked)["EvalDecision"] == "allowed", of
        if not operator.startswith("ForAllValues"):
            assert one(iam, **asked)["EvalDecision"] == "implicitDeny", of
        if of.removesuffix("List") != "string":
            bad = {**entry, "ContextKeyValues": ["no such value!"]}
            refused("InvalidInput", 400, iam.simulate_custom_policy, ContextEntries=[bad], **asked)


def whose_resource(house):
    iam = client(house)
    caller, other = "arn:aws:iam::111122223333:user/alice", "arn:aws:iam::444455556666:root"
    resource = text(allow("s3:GetObject", OBJECT, Principal={"AWS": caller}))
    asked = {"ActionNames": ["s3:GetObject"], "ResourceArns": [OBJECT], "ResourcePolicy": resource}
    refused("InvalidInput", 400, iam.simulate_custom_policy, PolicyInputList=[], **asked)
    # Nothing but the resource's policy: enough at home, half of it from elsewhere.
    got = one(iam, PolicyInputList=[], CallerArn=caller, **asked)
    assert got["EvalDecision"] == "allowed" and got["EvalDecisionDetails"] == {}, got
    got = one(iam, PolicyInputList=[], CallerArn=caller, ResourceOwner=other, **asked)
    assert got["EvalDecision"] == "implicitDeny", got
    assert got["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}, got
    got = one(iam, PolicyInputList=[text(allow("s3:*"))], CallerArn=caller, ResourceOwner=other, **asked)
    assert got["EvalDecision"] == "allowed" and len(got["MatchedStatements"]) == 2, got
    assert got["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "allowed"}, got
    for boundary, decision in (("s3:GetObject", True), ("s3:PutObject", False)):
        got = one(iam, PolicyInputList=[text(allow("s3:*"))], ActionNames=["s3:GetObject"], ResourceArns=[OBJECT],
                  PermissionsBoundaryPolicyInputList=[text(allow(boundary))])
        assert got["EvalDecision"] == ("allowed" if decision else "implicitDeny"), got
        assert got["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": decision}, got
    # Beyond AWS: a role, or a session of it.
    session = "arn:aws:sts::111122223333:assumed-role/r/s"
    to_session = text(allow("s3:GetObject", OBJECT, Principal={"AWS": session}))
    got = one(iam, PolicyInputList=[], CallerArn=session, **{**asked, "ResourcePolicy": to_session})
    assert got["EvalDecision"] == "allowed", got


def pages(house):
    iam = client(house)
    actions, resources = [f"s3:Get{n}" for n in range(9)], [f"arn:aws:s3:::b/{n}" for n in range(25)]
    asked = {"PolicyInputList": [text(allow("s3:Get3"))], "ActionNames": actions, "ResourceArns": resources}
    first = iam.simulate_custom_policy(**asked)
    assert first["IsTruncated"] and len(first["EvaluationResults"]) == 100, first
    for size in (1000, 64):
        paginator = iam.get_paginator("simulate_custom_policy").paginate(PaginationConfig={"PageSize": size}, **asked)
        results = [(each["EvalActionName"], each["EvalResourceName"], each["EvalDecision"] == "allowed")
                   for page in paginator for each in page["EvaluationResults"]]
        assert results == [(a, r, a == "s3:Get3") for a in actions for r in resources], results
    for marker in ("226", "x", "-1"):
        refused("ValidationError", 400, iam.simulate_custom_policy, Marker=marker, **asked)


def what_is_refused(house):
    iam = client(house)
    call, good = iam.simulate_custom_policy, {"PolicyInputList": [text(allow("*"))], "ActionNames": ["s3:GetObject"]}
    for change in ({"PolicyInputList": ["{}"]}, {"PolicyInputList": [text(allow("s3:*", Condition={"No": {"a": "b"}}))]},
                   {"ActionNames": ["s3:*"]}, {"ActionNames": ["GetObject"]}, {"ResourceOwner": "111122223333"},
                   {"CallerArn": "arn:aws:iam::1:user/x"}, {"ResourceHandlingOption": "EC2-VPC-EBS"},
                   {"PermissionsBoundaryPolicyInputList": [text(allow("*"))] * 2},
                   {"ContextEntries": [{"ContextKeyName": "aws:SourceIp", "ContextKeyType": "ip",
                                        "ContextKeyValues": ["192.0.2.1", "192.0.2.2"]}]}):
        refused("InvalidInput", 400, call, **{**good, **change})
    for change in ({"ActionNames": []}, {"ActionNames": ["s3:Get"] * 1001},
                   {"ContextEntries": [{"ContextKeyName": "aws:SourceIp", "ContextKeyType": "address",
                                        "ContextKeyValues": ["192.0.2.1"]}]},
                   {"PolicyInputList": [text(allow("*")) + " " * 131072] * 9}):
        refused("ValidationError", 400, call, **{**good, **change})
    refused("InvalidAction", 400, iam.list_virtual_mfa_devices)


def who_may_ask(house):
    good = {"PolicyInputList": [text(allow("*"))], "ActionNames": ["s3:GetObject"]}
    variables = node.read_env(house.folder / "env")
    wrong = {**variables, "AWS_SECRET_ACCESS_KEY": "x" * 40}
    refused("SignatureDoesNotMatch", 403, client(house, wrong).simulate_custom_policy, **good)
    unknown = {**variables, "AWS_ACCESS_KEY_ID": "AKIAABCDEFGHIJKLMNOP"}
    refused("InvalidClientTokenId", 403, client(house, unknown).simulate_custom_policy, **good)
    elsewhere = client(house, region="elsewhere-1")
    refused("IncompleteSignature", 400, elsewhere.simulate_custom_policy, **good)
    # A signature for IAM is none for S3, nor the other way about.
    for name, url in (("iam", house.endpoint.url), ("s3", variables["AWS_ENDPOINT_URL_IAM"])):
        forged = signed(variables, name, url)
        assert forged in (400, 403), (name, forged)
    request = urllib.request.Request(variables["AWS_ENDPOINT_URL_IAM"] + "/", data=b"Action=GetUser&Version=2010-05-08")
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        assert error.code == 403 and b"<Code>MissingAuthenticationToken</Code>" in error.read()
    else:
        raise AssertionError("nobody was answered")


def signed(variables, service, url):
    """The status of a call signed for another service."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    body = "Action=GetContextKeysForCustomPolicy&Version=2010-05-08&PolicyInputList="
    request = AWSRequest("POST", url + "/", data=body,
                         headers={"Content-Type": "application/x-www-form-urlencoded"})
    credentials = Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    S3SigV4Auth(credentials, service, variables["AWS_REGION"]).add_auth(request)
    try:
        sent = urllib.request.Request(url + "/", data=body.encode(), headers=dict(request.headers.items()))
        return urllib.request.urlopen(sent).status
    except urllib.error.HTTPError as error:
        return error.code


def keys(house):
    iam = client(house)
    policies = [text(allow("s3:*", "arn:aws:s3:::b/${aws:username}/*", Condition={"Bool": {"aws:SecureTransport": "true"}})),
                text(allow("s3:*", Condition={"StringEquals": {"AWS:PrincipalTag/Team": "x"}}))]
    got = iam.get_context_keys_for_custom_policy(PolicyInputList=policies)["ContextKeyNames"]
    assert sorted(map(str.lower, got)) == ["aws:principaltag/team", "aws:securetransport", "aws:username"], got
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[])["ContextKeyNames"] == []


def identities(house):
    """What the desired state says of a user, a group and a role."""
    number = node.read_env(house.folder / "env")["BLOCKHOUSE_ACCOUNT"]
    document = lambda *statements: {"Version": "2012-10-17", "Statement": list(statements)}
    change = {"put": [
        {"name": f"policy/{number}/reads", "resource": {"document": document(allow("s3:Get*"))}},
        {"name": f"policy/{number}/most", "resource": {"document": document(allow("s3:*Object"))}},
        {"name": f"group/{number}/readers", "resource": {"attached": ["reads"]}},
        {"name": f"user/{number}/alice", "resource": {
            "groups": ["readers"], "boundary": "most",
            "policies": {"own": document(allow("s3:PutObject", Condition={"Bool": {"aws:SecureTransport": "true"}}))}}}]}
    put_state(house, change)
    try:
        iam = client(house)
        alice = f"arn:aws:iam::{number}:user/alice"
        got = iam.simulate_principal_policy(PolicySourceArn=alice, ActionNames=["s3:GetObject", "s3:GetBucketPolicy",
                                                                               "s3:PutObject"], ResourceArns=[OBJECT])
        reads, limited, writes = got["EvaluationResults"]
        assert reads["EvalDecision"] == "allowed", reads
        assert reads["MatchedStatements"][0]["SourcePolicyId"] == "reads", reads
        assert limited["EvalDecision"] == "implicitDeny", limited
        assert limited["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}, limited
        assert writes["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:SecureTransport"], writes
        assert iam.get_context_keys_for_principal_policy(PolicySourceArn=alice)["ContextKeyNames"] == ["aws:SecureTransport"]
        group = f"arn:aws:iam::{number}:group/readers"
        (got,) = iam.simulate_principal_policy(PolicySourceArn=group, ActionNames=["s3:GetObject"])["EvaluationResults"]
        assert got["EvalDecision"] == "allowed", got
        for nobody in (f"arn:aws:iam::{number}:user/bob", f"arn:aws:iam::{number}:user/some/path/alice"):
            refused("NoSuchEntity", 404, iam.simulate_principal_policy, PolicySourceArn=nobody, ActionNames=["s3:GetObject"])
        refused("AccessDenied", 403, iam.simulate_principal_policy, ActionNames=["s3:GetObject"],
                PolicySourceArn="arn:aws:iam::444455556666:user/alice")
    finally:
        put_state(house, {"delete": [each["name"] for each in reversed(change["put"])]})


def put_state(house, change):
    """Changes the desired state as the administrator does."""
    variables = node.read_env(house.folder / "env")
    version = json.loads(call_admin(variables, "GET", "/state"))["version"]
    call_admin(variables, "POST", "/state", json.dumps({"expected": version, **change}))


def call_admin(variables, method, path, body=""):
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    url = variables["BLOCKHOUSE_ADMIN"] + path
    request = AWSRequest(method, url, data=body)
    credentials = Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    S3SigV4Auth(credentials, "s3", variables["AWS_REGION"]).add_auth(request)
    sent = urllib.request.Request(url, method=method, data=body.encode() or None, headers=dict(request.headers.items()))
    return urllib.request.urlopen(sent).read()


CHECKS = {"what it answers": what_it_answers, "every type of entry": every_type_of_entry,
          "whose resource": whose_resource, "pages": pages, "what is refused": what_is_refused,
          "who may ask": who_may_ask, "keys": keys, "identities": identities}

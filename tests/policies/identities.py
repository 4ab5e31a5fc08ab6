"""Users, groups, roles and their policies: who may do what, what dies with whom, and what outlives the node."""

import concurrent.futures
import hashlib
import json
import subprocess
import urllib.error
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

import node
from accounts import other, refused
from links import BODY, bucket, policy

READ = ["s3:GetObject"]


def allow(actions, resource, **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def run(house, *arguments, environment=None, status=0):
    """A command of the program, and what it printed."""
    done = subprocess.run([house.program, *arguments], env=environment or house.environment,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def identity(house, *arguments, **more):
    return run(house, "identity", *arguments, **more)


def apply(house, resources, *options, **more):
    path = house.scratch / "identities.json"
    path.write_text(json.dumps({"resources": resources}))
    return identity(house, "apply", "-f", str(path), *(options or ("--yes",)), **more)


def written(house, content):
    path = house.scratch / "policy.json"
    path.write_text(json.dumps(content))
    return str(path)


def credentials(text):
    lines = [line for line in text.splitlines() if line.startswith("export ")]
    return dict(line.removeprefix("export ").replace("'", "").split("=", 1) for line in lines)


def client(house, variables, endpoint=None):
    return boto3.client(
        "s3", endpoint_url=endpoint or house.endpoint.url, region_name=house.endpoint.region,
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"], aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=variables.get("AWS_SESSION_TOKEN"),
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4", retries={"max_attempts": 0}))


def user(house, name, resource=None, account=None):
    """A user as the resource says, with a fresh key: its client, and the key's id."""
    apply(house, {f"user/{name}": resource or {}})
    key = credentials(identity(house, "create-access-key", "--user", name))
    return client(house, key), key["AWS_ACCESS_KEY_ID"]


def token(house, *arguments):
    return client(house, credentials(run(house, "token", *arguments)))


def read(s3, name, key="file"):
    return s3.get_object(Bucket=name, Key=key)["Body"].read()


def own_policies_and_nothing_else(house):
    name = bucket(house, "own")
    ada, _ = user(house, "own-ada", {"policies": {
        "read": document(allow(READ, f"arn:aws:s3:::{name}/*"))}})
    assert read(ada, name) == BODY
    refused(ada.put_object, "AccessDenied", Bucket=name, Key="file", Body=b"x")
    refused(ada.list_buckets, "AccessDenied")
    # A Deny of the bucket's ends it, whatever the user's own say.
    policy(house, name, {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::000000000001:user/own-ada"},
                         "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"})
    refused(ada.get_object, "AccessDenied", Bucket=name, Key="file")
    house.s3.delete_bucket_policy(Bucket=name)
    # Names, paths, ids and tags in variables.
    apply(house, {"user/own-ada": {"path": "/staff/", "tags": {"team": "blue"}, "policies": {
        "home": document(allow(["s3:PutObject", "s3:GetObject"],
                               [f"arn:aws:s3:::{name}/${{aws:username}}/*",
                                f"arn:aws:s3:::{name}/team-${{aws:PrincipalTag/team}}/*"]))}}})
    ada.put_object(Bucket=name, Key="own-ada/a", Body=b"a")
    ada.put_object(Bucket=name, Key="team-blue/a", Body=b"a")
    refused(ada.put_object, "AccessDenied", Bucket=name, Key="own-bob/a", Body=b"a")
    refused(ada.put_object, "AccessDenied", Bucket=name, Key="team-red/a", Body=b"a")
    policy(house, name, {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000001:user/staff/own-ada"},
                         "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/*"})
    ada.delete_object(Bucket=name, Key="own-ada/a")
    identifier = json.loads(identity(house, "show", "--json"))["resources"]
    identifier = [r["resource"]["id"] for r in identifier if r["name"].endswith("/own-ada")][0]
    assert identifier.startswith("AIDA") and len(identifier) == 21, identifier
    policy(house, name, {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                         "Resource": f"arn:aws:s3:::{name}/team-blue/*",
                         "Condition": {"StringEquals": {"aws:userid": identifier}}})
    apply(house, {"user/own-ada": {"path": "/staff/"}})
    assert read(ada, name, "team-blue/a") == b"a"
    refused(house.client().get_object, "NoSuchKey", Bucket=name, Key="team-red/a")


def groups_managed_policies_and_boundaries(house):
    name = bucket(house, "grouped")
    everything = document(allow("s3:*", "*"))
    apply(house, {"policy/reads": {"document": document(allow(READ, f"arn:aws:s3:::{name}/*"))},
                  "group/readers": {"attached": ["reads"]}})
    bea, _ = user(house, "bea")
    refused(bea.get_object, "AccessDenied", Bucket=name, Key="file")
    identity(house, "add-user-to-group", "--user", "bea", "--group", "readers")
    assert read(bea, name) == BODY
    identity(house, "remove-user-from-group", "--user", "bea", "--group", "readers")
    refused(bea.get_object, "AccessDenied", Bucket=name, Key="file")
    identity(house, "attach-policy", "--user", "bea", "--policy", "reads")
    assert read(bea, name) == BODY
    identity(house, "put-policy", "--user", "bea", "--policy-name", "all", "--file", written(house, everything))
    bea.put_object(Bucket=name, Key="more", Body=b"more")
    identity(house, "set-boundary", "--user", "bea", "--policy", "reads")
    assert read(bea, name) == BODY
    refused(bea.put_object, "AccessDenied", Bucket=name, Key="more", Body=b"x")
    # Who is named by a bucket's policy is not cut by an implicit deny of the boundary.
    policy(house, name, {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000001:user/bea"},
                         "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*"})
    bea.put_object(Bucket=name, Key="more", Body=b"x")
    # What somebody has is not deleted.
    said = identity(house, "delete-policy", "reads", status=1)
    assert "there is no policy/000000000001/reads" in said, said
    said = identity(house, "delete-user", "bea", status=1)
    assert "delete it first" in said, said


def sessions_of_roles(house):
    name = bucket(house, "roles")
    trust = document({"Effect": "Allow", "Principal": {"AWS": "000000000001"}, "Action": "sts:AssumeRole"})
    apply(house, {"role/worker": {"trust": trust, "tags": {"team": "blue", "site": "one"}, "policies": {
        "work": document(allow(["s3:GetObject", "s3:PutObject"],
                               f"arn:aws:s3:::{name}/${{aws:PrincipalTag/team}}/${{aws:PrincipalTag/site}}/*"),
                         allow(READ, f"arn:aws:s3:::{name}/file"))}}})
    plain = token(house, "--role", "worker", "--session-name", "night")
    plain.put_object(Bucket=name, Key="blue/one/a", Body=b"a")
    assert read(plain, name) == BODY
    refused(plain.put_object, "AccessDenied", Bucket=name, Key="red/one/a", Body=b"a")
    tagged = token(house, "--role", "worker", "--session-name", "night", "--tag", "team=red")
    tagged.put_object(Bucket=name, Key="red/one/a", Body=b"a")
    refused(tagged.put_object, "AccessDenied", Bucket=name, Key="blue/one/a", Body=b"a")
    cut = written(house, document(allow(READ, f"arn:aws:s3:::{name}/*")))
    narrow = token(house, "--role", "worker", "--session-name", "night", "--policy", cut)
    assert read(narrow, name, "blue/one/a") == b"a"
    refused(narrow.put_object, "AccessDenied", Bucket=name, Key="blue/one/a", Body=b"a")
    # Naming the session's own ARN goes past its policy; naming the role's does not.
    policy(house, name, {"Effect": "Allow", "Principal": {"AWS": "arn:aws:sts::000000000001:assumed-role/worker/night"},
                         "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/named"})
    narrow.put_object(Bucket=name, Key="named", Body=b"n")
    # A session of a role that was made anew under the name is of another role.
    url = plain.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "file"}, ExpiresIn=600)
    assert house.ask(url).expect(200).body == BODY
    identity(house, "delete-role", "worker")
    house.ask(url).expect(403, "AccessDenied")
    refused(plain.get_object, "AccessDenied", Bucket=name, Key="file")
    refused(narrow.put_object, "AccessDenied", Bucket=name, Key="named", Body=b"n")


def across_accounts(house):
    """Both must allow: the bucket's owner, and the account that the role is of."""
    name = bucket(house, "across")
    variables = {**house.environment, **node.read_env(house.folder / "env.alt")}
    _, number = other(house)
    trust = document({"Effect": "Allow", "Principal": {"AWS": number}, "Action": "sts:AssumeRole"})
    role = {"trust": trust}
    apply(house, {"role/guest": role}, environment=variables)
    guest = token(house, "--account", number, "--role", "guest", "--session-name", "visit")
    refused(guest.get_object, "AccessDenied", Bucket=name, Key="file")
    policy(house, name, {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{number}:role/guest"},
                         "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"})
    refused(guest.get_object, "AccessDenied", Bucket=name, Key="file")
    role["policies"] = {"read": document(allow(READ, f"arn:aws:s3:::{name}/*"))}
    apply(house, {"role/guest": role}, environment=variables)
    assert read(guest, name) == BODY
    house.s3.delete_bucket_policy(Bucket=name)
    refused(guest.get_object, "AccessDenied", Bucket=name, Key="file")
    # Each account sees and changes its own alone.
    assert "guest" not in identity(house, "show")
    said = apply(house, {f"role/{number}/guest": role}, status=1)
    assert "AccessDenied" in said, said
    said = apply(house, {"guardrail": {"document": document(allow("*", "*"))}}, environment=variables, status=1)
    assert "AccessDenied" in said, said


def links_die_with_their_signer(house):
    name = bucket(house, "signed")
    reads = {"policies": {"read": document(allow(READ, f"arn:aws:s3:::{name}/*"))}}

    def link(s3):
        url = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "file"}, ExpiresIn=3600)
        assert house.ask(url).expect(200).body == BODY
        return url

    cora, key = user(house, "cora", reads)
    url = link(cora)
    apply(house, {"user/cora": {}})
    house.ask(url).expect(403, "AccessDenied")
    apply(house, {"user/cora": reads})
    assert house.ask(url).expect(200).body == BODY
    identity(house, "update-access-key", key, "--status", "inactive")
    house.ask(url).expect(403, "InvalidAccessKeyId")
    identity(house, "update-access-key", key, "--status", "active")
    assert house.ask(url).expect(200).body == BODY
    # A session that the key began dies with it, and so do the session's links.
    session = token(house, "--user", "cora")
    from_session = link(session)
    identity(house, "delete-access-key", key)
    house.ask(url).expect(403, "InvalidAccessKeyId")
    assert house.ask(from_session).status == 403
    # A key of a user that is no more, as a change over the administrator address can leave it.
    dora, key = user(house, "dora", reads)
    url = link(dora)
    apply(house, {"user/cora": {}}, "--yes", "--prune")
    house.ask(url).expect(403, "AccessDenied")
    policy(house, name, {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                         "Resource": f"arn:aws:s3:::{name}/*"})
    refused(dora.get_object, "AccessDenied", Bucket=name, Key="file")
    identity(house, "delete-access-key", key)


def the_guardrail_binds_everybody(house):
    name = bucket(house, "guarded")
    rail = document(allow("*", "*"), {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/*"})
    identity(house, "put-guardrail", "--file", written(house, rail))
    try:
        assert read(house.s3, name) == BODY
        refused(house.s3.delete_object, "AccessDenied", Bucket=name, Key="file")
    finally:
        identity(house, "delete-guardrail")
    house.s3.delete_object(Bucket=name, Key="file")


def a_change_is_whole_or_nothing(house):
    before = identity(house, "show", "--json")
    for resources, why in [
            ({"user/whole": {}, "user/half": {"groups": ["nobody"]}}, "there is no group/000000000001/nobody"),
            ({"user/whole": {}, "user/half": {"policies": {"p": {"Statement": [{"Effect": "Perhaps"}]}}}}, "policy p"),
            ({"user/whole": {}, "user/half": {"boundary": "none"}}, "there is no policy/000000000001/none"),
            ({"user/whole": {}, "user/WHOLE": {}}, "differ in case alone"),
            ({"user/whole": {}, "user/half": {"id": "AIDAAAAAAAAAAAAAAAAAA"}}, "id is the node's to give")]:
        said = apply(house, resources, status=1)
        assert why in said, said
        assert identity(house, "show", "--json") == before
    assert "+ user/000000000001/whole" in apply(house, {"user/whole": {}}, "--dry-run")
    assert identity(house, "show", "--json") == before
    assert "--yes or --dry-run" in apply(house, {"user/whole": {}}, "--prune", status=1)
    assert identity(house, "show", "--json") == before


def post_state(house, body):
    """What the administrator address answers to a change, signed by botocore."""
    url = house.environment["BLOCKHOUSE_ADMIN"] + "/state"
    signer = SigV4Auth(Credentials(house.endpoint.access_key, house.endpoint.secret_key), "s3", house.endpoint.region)
    request = AWSRequest("POST", url, data=body,
                         headers={"x-amz-content-sha256": hashlib.sha256(body).hexdigest()})
    signer.add_auth(request)
    request = urllib.request.Request(url, data=body, headers=dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def one_version_has_one_successor(house):
    version = json.loads(identity(house, "show", "--json"))["version"]
    put = [{"name": "user/000000000001/gil", "resource": {}}]
    change = json.dumps({"expected": version, "put": put}).encode()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post_state(house, change), range(8)))
    codes = sorted((status, answer.get("code")) for status, answer in answers)
    assert codes == [(200, None)] + [(412, "PreconditionFailed")] * 7, codes
    assert json.loads(identity(house, "show", "--json"))["version"] == version + 1
    for body, code in [(b"{", "InvalidRequest"), (b"[]", "InvalidRequest"), (b"{}", "InvalidRequest"),
                       (json.dumps({"expected": version + 1, "delete": ["planet"]}).encode(), "InvalidRequest"),
                       (json.dumps({"expected": version + 1, "put": put, "fast": True}).encode(), "InvalidRequest")]:
        status, answer = post_state(house, body)
        assert (status, answer["code"]) == (400, code), (body[:80], status, answer)
    assert json.loads(identity(house, "show", "--json"))["version"] == version + 1


def a_principal_that_is_not_there(house):
    apply(house, {"user/hana": {"path": "/staff/"}})

    def lint(arn):
        path = written(house, document({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:GetObject",
                                        "Resource": "arn:aws:s3:::any/*"}))
        done = subprocess.run([house.program, "policy", "lint", path, "--admin", house.environment["BLOCKHOUSE_ADMIN"]],
                              env=house.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        return "There is no principal" in done.stdout

    assert not lint("arn:aws:iam::000000000001:user/staff/hana")
    assert lint("arn:aws:iam::000000000001:user/hana")
    assert lint("arn:aws:iam::000000000001:role/hana")
    assert not lint("000000000001")
    assert not lint("arn:aws:iam::999999999999:user/unknown")


def a_user_is_no_administrator(house):
    apply(house, {"user/eve": {"policies": {"all": document(allow("*", "*"))}}})
    key = credentials(identity(house, "create-access-key", "--user", "eve"))
    said = identity(house, "show", environment={**house.environment, **key}, status=1)
    assert "AccessDenied" in said, said
    said = identity(house, "create-access-key", "--user", "nobody", status=1)
    assert "there is no user nobody" in said, said
    identity(house, "create-access-key", "--user", "eve")
    said = identity(house, "create-access-key", "--user", "eve", status=1)
    assert "2 keys already" in said, said
    assert identity(house, "list-access-keys", "--user", "eve").count("active") == 2
    secret = key["AWS_SECRET_ACCESS_KEY"]
    for path in [house.log, *(house.folder / "audit").iterdir()]:
        assert secret.encode() not in path.read_bytes(), path


def it_outlives_the_node(house):
    name = bucket(house, "kept")
    fay, key = user(house, "fay", {"policies": {"read": document(allow(READ, f"arn:aws:s3:::{name}/*"))}})
    before = identity(house, "show", "--json")
    house.kill()
    house.start()
    assert identity(house, "show", "--json") == before
    assert read(fay, name) == BODY
    house.stop()
    said = identity(house, "update-access-key", key, "--status", "inactive")
    assert "no node runs here" in said, said
    house.start()
    assert identity(house, "show", "--json") == before
    refused(fay.get_object, "InvalidAccessKeyId", Bucket=name, Key="file")


CHECKS = {
    "own policies and nothing else": own_policies_and_nothing_else,
    "groups and managed policies and boundaries": groups_managed_policies_and_boundaries,
    "sessions of roles": sessions_of_roles,
    "across accounts": across_accounts,
    "links die with their signer": links_die_with_their_signer,
    "the guardrail binds everybody": the_guardrail_binds_everybody,
    "a change is whole or nothing": a_change_is_whole_or_nothing,
    "one version has one successor": one_version_has_one_successor,
    "a principal that is not there": a_principal_that_is_not_there,
    "a user is no administrator": a_user_is_no_administrator,
    "it outlives the node": it_outlives_the_node,
}

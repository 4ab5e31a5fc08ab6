"""`blockhouse policy`: what is odd about a policy, and what it would decide, offline."""

import json
import subprocess

ODD = {"Version": "2012-10-17", "Statement": [
    {"Sid": "OnlyFromHere", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::notes/*",
     "Condition": {"NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}}},
    {"Sid": "Partner", "Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "s3:GetObject",
     "Resource": "arn:aws:s3:::notes/*"}]}


def run(house, *words):
    return subprocess.run([house.program, "policy", *words], capture_output=True, text=True)


def written(house, name, document):
    path = house.scratch / f"{name}.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def lint(house):
    odd = run(house, "lint", written(house, "odd", ODD))
    assert odd.returncode == 1 and "VPC endpoint" in odd.stdout, odd
    fine = run(house, "lint", written(house, "fine", {**ODD, "Statement": ODD["Statement"][1:]}))
    assert fine.returncode == 0 and "0 warnings" in fine.stdout, fine
    for broken in ("", '{"Statement": 1}', '{"Version": "2012-10-17", "Statement": [], "Statement": []}'):
        refused = run(house, "lint", written(house, "broken", broken))
        assert refused.returncode == 2 and "line 1" in refused.stdout, refused


def simulate(house):
    file = written(house, "bucket", ODD)

    def ask(address, *more):
        return run(house, "simulate", "--caller", "arn:aws:iam::222222222222:root", "--owner", "111111111111",
                   "--action", "s3:GetObject", "--resource", "arn:aws:s3:::notes/first.txt", "--bucket-policy", file,
                   "--context", f"aws:SourceIp={address}", *more)

    denied, allowed = ask("198.51.100.1"), ask("203.0.113.9")
    assert denied.returncode == 1 and "OnlyFromHere" in denied.stdout and "198.51.100.1" in denied.stdout, denied
    assert allowed.returncode == 0 and "Partner" in allowed.stdout, allowed
    told = json.loads(ask("198.51.100.1", "--json").stdout)
    assert told["decision"] == "explicitDeny", told
    assert run(house, "simulate", "--caller", "nobody", "--action", "s3:GetObject", "--resource", "x").returncode == 1


CHECKS = {"lint": lint, "simulate": simulate}

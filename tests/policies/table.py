"""The table of decisions (crates/policy/tests/cases) once more, over the wire: by botocore, and a sample by `aws`.

The simulator is told less than a node knows: nothing of who asks but what stands in the context, and no more
layers than identity, boundary and the resource's policy. Cases that need more are counted, with the reason.
"""

import collections
import copy
import json
import os
import pathlib
import subprocess

from simulator import client

import tools

CASES = pathlib.Path(__file__).resolve().parents[2] / "crates" / "policy" / "tests" / "cases"

BASE = {"principal": "arn:aws:iam::111122223333:user/alice", "action": "s3:GetObject",
        "resource": "arn:aws:s3:::bkt/a/b.txt", "owner": "111122223333"}

# Of all cases, asked as the administrator would type it: a process each.
BY_COMMAND = 24

# The least that must have been asked, so that a case which falls out is noticed.
ASKED_MIN = 2070


def joined(into, more):
    """What `merge` in cases.rs does."""
    for name, value in more.items():
        if name in ("policies", "context") and isinstance(value, dict) and isinstance(into.get(name), dict):
            joined(into[name], value)
        else:
            into[name] = copy.deepcopy(value)
    return into


def conditional(case, condition, context, holds, name):
    """A condition, as that of an Allow and of a Deny."""
    for effect, expect in (("Allow", "allowed" if holds else "implicitDeny"),
                           ("Deny", "explicitDeny" if holds else "allowed")):
        statements = [{"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}]
        if effect == "Deny":
            statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
        policies = {"identity": [{"Version": "2012-10-17", "Statement": statements}]}
        yield {**copy.deepcopy(case), "context": context, "policies": policies, "expect": expect, "name": name}


def cases():
    for path in sorted(CASES.glob("*/*.json")):
        for group in json.loads(path.read_text()):
            base = joined(copy.deepcopy(BASE), group.get("base", {}))
            for row in group.get("rows", ()):
                if path.parent.name == "conditions":
                    condition, context, holds, why = row
                    yield from conditional(base, condition, context, holds, f"{path.name}: {why}")
                else:
                    key, operator, value, other = row
                    for found, holds in (({key: value}, True), ({key: other}, False),
                                         ({}, operator.startswith("ForAllValues"))):
                        yield from conditional(base, {operator: {key: value}}, found, holds, f"{path.name}: {key}")
            for row in group.get("cases", ()):
                case = joined(copy.deepcopy(base), row)
                yield {**case, "name": f"{path.name}: {row['about']}"}


def who(arn):
    """What `Context::of` knows of a principal, for the simulator, which knows nothing by itself."""
    account, kind, *names = [arn.split(":")[4], *arn.split(":", 5)[5].split("/")]
    facts = {"aws:PrincipalAccount": account, "aws:PrincipalArn": arn}
    if kind == "root":
        return {**facts, "aws:PrincipalType": "Account", "aws:userid": account}
    if kind == "user":
        return {**facts, "aws:PrincipalType": "User", "aws:username": names[-1]}
    if kind == "assumed-role":
        return {**facts, "aws:PrincipalArn": f"arn:aws:iam::{account}:role/{names[0]}", "aws:PrincipalType": "AssumedRole"}
    return {**facts, "aws:PrincipalType": "AssumedRole"}


def cannot(case):
    """Why the wire cannot say a case; `None` when it can."""
    policies = {name for name, value in case.get("policies", {}).items() if value is not None}
    if beyond := policies - {"identity", "boundary", "resource"}:
        return f"no {min(beyond)} policy in SimulateCustomPolicy"
    if case.get("access_point"):
        return "no access point in SimulateCustomPolicy"
    if case["principal"] == "anonymous" or ":federated-user/" in case["principal"]:
        return "CallerArn is neither nobody nor a federated user with its issuer"
    if not case["principal"].startswith("arn:aws:iam::") and ":assumed-role/" not in case["principal"]:
        return "CallerArn is no service or provider"
    if case["action"].startswith("sts:"):
        return "no trust policy in SimulateCustomPolicy"
    if "*" in case["action"] or ":" not in case["action"]:
        return "no such action"
    return None


def shown(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def asked(case):
    given = case.get("context") or {}
    lower = {name.lower() for name in given}
    known = who(case["principal"]).items()
    context = {name: value for name, value in known if name.lower() not in lower} | given
    entries = [{"ContextKeyName": name, "ContextKeyType": "stringList" if isinstance(value, list) else "string",
                "ContextKeyValues": [shown(each) for each in value] if isinstance(value, list) else [shown(value)]}
               for name, value in context.items()]
    policies = case.get("policies") or {}
    question = {"PolicyInputList": [json.dumps(each) for each in policies.get("identity") or []],
                "ActionNames": [case["action"]], "CallerArn": case["principal"], "ContextEntries": entries}
    if case.get("resource") not in (None, "*"):
        question["ResourceArns"] = [case["resource"]]
    if case.get("owner"):
        question["ResourceOwner"] = f"arn:aws:iam::{case['owner']}:root"
    if policies.get("boundary"):
        question["PermissionsBoundaryPolicyInputList"] = [json.dumps(policies["boundary"])]
    if policies.get("resource"):
        question["ResourcePolicy"] = json.dumps(policies["resource"])
    return question


def every_case(house):
    iam = client(house)
    passed, wrong, unsaid = 0, [], collections.Counter()
    for case in cases():
        reason = cannot(case)
        if reason:
            unsaid[reason] += 1
            continue
        (result,) = iam.simulate_custom_policy(**asked(case))["EvaluationResults"]
        if result["EvalDecision"] == case["expect"]:
            passed += 1
        else:
            wrong.append((case["name"], result["EvalDecision"], case["expect"]))
    print(f"      {passed} questions over the wire; not said: {dict(unsaid)}")
    assert not wrong, wrong[:10]
    assert passed >= ASKED_MIN, passed


def by_command(house):
    said = [case for case in cases() if not cannot(case)]
    for case in said[::len(said) // BY_COMMAND]:
        question = house.scratch / "question.json"
        question.write_text(json.dumps(asked(case)))
        words = [tools.program("aws"), "iam", "simulate-custom-policy", "--cli-input-json", f"file://{question}",
                 "--output", "json"]
        done = subprocess.run(words, env={**os.environ, **house.environment}, capture_output=True, text=True)
        assert done.returncode == 0, (case["name"], done.stderr)
        (result,) = json.loads(done.stdout)["EvaluationResults"]
        assert result["EvalDecision"] == case["expect"], (case["name"], result)


CHECKS = {"every case": every_case, "by command": by_command}

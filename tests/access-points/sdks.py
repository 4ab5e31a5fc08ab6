"""The SDKs, each in a process of its own: what they send depends on what is installed beside them."""

import json
import pathlib
import subprocess
import sys

import points
import tools

HERE = pathlib.Path(__file__).resolve().parent
SECONDS_MAX = 120

# Every program has these.
CHECKS_OF_PROGRAM = ("all operations by ARN", "all operations by alias", "links by ARN", "links by alias")


def task(house):
    """What a program is told: the endpoint, a key, an access point of an empty bucket, and another one."""
    point, other = points.make(house), points.make(house)
    return {
        "endpoint": points.endpoint(house), "region": house.endpoint.region,
        "ca": points.variables(house)["AWS_CA_BUNDLE"], "access_key": house.endpoint.access_key,
        "secret_key": house.endpoint.secret_key, "arn": point.arn, "alias": point.alias, "host": point.host,
        "other_host": other.host, "other_alias": other.alias,
    }


def run(house, command):
    told = task(house)
    # Keys and endpoints come by the task alone.
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(house.scratch), "NODE_EXTRA_CA_CERTS": told["ca"],
                 "AWS_EC2_METADATA_DISABLED": "true", "NODE_NO_WARNINGS": "1"}
    finished = subprocess.run(command, input=json.dumps(told), capture_output=True, text=True, env=variables,
                              timeout=SECONDS_MAX)
    said = " ".join(finished.stderr.split())
    assert finished.returncode == 0, said[-600:]


def boto(crt, check):
    return lambda house: run(house, [sys.executable, HERE / "boto.py", crt, check])


def js(signer, check):
    return lambda house: run(house, ["node", tools.copied(HERE / "access-points.mjs"), signer, check])


PROGRAMS = {
    "boto: without awscrt": (boto, "without"),
    "boto: with awscrt": (boto, "with"),
    "js: without signature-v4a": (js, "neither"),
    "js: with signature-v4a": (js, "signature-v4a"),
    "js: with signature-v4-crt": (js, "signature-v4-crt"),
}

CHECKS = {f"{name}, {check}": program(how, check)
          for name, (program, how) in PROGRAMS.items() for check in CHECKS_OF_PROGRAM}

"""Access points of the node under test, made as an administrator makes them, and clients of them."""

import dataclasses
import http.client
import itertools
import json
import re
import ssl
import subprocess
import urllib.parse

import boto3
from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import here
import node

BODY = b"the quick brown fox"
DOMAIN = "s3.blockhouse.test"

numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Point:
    """An access point, and the bucket behind it."""

    name: str
    bucket: str
    account: str
    arn: str
    alias: str

    @property
    def outpost(self):
        return self.arn.split(":outpost/")[1].split("/")[0]

    @property
    def outpost_bucket(self):
        """The bucket's own name on the Outpost."""
        return f"{self.arn.split('/accesspoint/')[0]}/bucket/{self.bucket}"

    @property
    def alias_host(self):
        return f"{self.alias}.{self.outpost}.{DOMAIN}"

    @property
    def host(self):
        return f"{self.name}-{self.account}.{self.outpost}.{DOMAIN}"


def variables(house, other=False):
    return node.read_env(house.folder / ("env.alt" if other else "env"))


def tls_port(house):
    return house.ports[1]


def endpoint(house):
    return f"https://{DOMAIN}:{tls_port(house)}"


def program(house, *words, stdin=None, other=False):
    """A command of the node's own, as the administrator types it."""
    environment = {**house.environment, **variables(house, other)}
    return subprocess.run([house.program, *words], env=environment, capture_output=True, text=True, input=stdin)


def command(house, *words, **options):
    return program(house, "access-point", *words, **options)


def done(house, *words, **options):
    finished = command(house, *words, **options)
    assert finished.returncode == 0, (words, finished.stderr)
    return finished.stdout


def make(house, bucket=None, other=False):
    """A new access point, of a new bucket unless one is given."""
    here.resolve_here()
    number = next(numbers)
    name = f"point-{number}"
    if not bucket:
        bucket = f"behind-{number}"
        plain(house, other).create_bucket(Bucket=bucket)
    done(house, "create", name, "--bucket", bucket, other=other)
    shown = json.loads(done(house, "show", name, other=other))
    return Point(name, bucket, variables(house, other)["BLOCKHOUSE_ACCOUNT"], shown["arn"], shown["alias"])


def put_policy(house, point, *statements, other=False):
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return command(house, "put-policy", point.name, "-", stdin=text, other=other)


def plain(house, other=False):
    """A client of buckets by their own names."""
    found = variables(house, other)
    return boto3.client("s3", endpoint_url=house.endpoint.url, region_name=house.endpoint.region,
                        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
                        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
                        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}))


def through(house, other=False, anonymous=False, **config):
    """A client of access points: all that it is told is the endpoint's name."""
    here.resolve_here()
    found = variables(house, other)
    if anonymous:
        config["signature_version"] = UNSIGNED
    return boto3.client("s3", endpoint_url=endpoint(house), region_name=house.endpoint.region,
                        verify=found["AWS_CA_BUNDLE"], aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
                        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
                        config=Config(retries={"max_attempts": 0}, **config))


def outcome(call, **arguments):
    """The status and the error code that a call ends with; a HEAD's answer has no code of its own."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return 200, None


def expect(outcome_is, status, code=None):
    assert outcome_is == (status, code), (outcome_is, (status, code))


def fetch(house, url, method="GET", body=None, headers=None):
    """Status and body, by a library that knows no S3."""
    here.resolve_here()
    split = urllib.parse.urlsplit(url)
    context = ssl.create_default_context(cafile=variables(house)["AWS_CA_BUNDLE"])
    connection = http.client.HTTPSConnection(split.hostname, split.port, timeout=30, context=context)
    try:
        target = f"{split.path or '/'}?{split.query}" if split.query else split.path or "/"
        connection.request(method, target, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def signed(house, url, method="GET", body=b"", service="s3-outposts", headers=None):
    """Sends a request that no SDK makes, signed for this service."""
    found = variables(house)
    request = AWSRequest(method=method, url=url, data=body, headers=headers or {})
    credentials = Credentials(found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"])
    S3SigV4Auth(credentials, service, house.endpoint.region).add_auth(request)
    return fetch(house, url, method, body or None, request.headers.items())


def told(answer):
    """The status and the error code of an answer."""
    status, body = answer
    found = re.search(rb"<Code>(\w+)</Code>", body)
    return status, found.group(1).decode() if found else None

"""The node under test, links to it made by boto3, and requests by nothing but an HTTP library."""

import http.client
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import traceback
import urllib.parse

import boto3
from botocore.config import Config

import node

ALIAS = "files.example"
BUCKET = "links"
# The launcher promises to end within this after its node died.
END_SECONDS = 5


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def code(self):
        found = re.search(rb"<Code>(\w+)</Code>", self.body)
        return found.group(1).decode() if found else None

    def expect(self, status, code=None):
        assert (self.status, self.code()) == (status, code), (self.status, self.body[:300])
        return self


class House:
    """`blockhouse dev` on a folder that outlives it."""

    def __init__(self, program, scratch, name="node", arguments=(), v6=False):
        self.arguments = list(arguments)
        self.program, self.folder = str(pathlib.Path(program).resolve()), scratch / name
        self.scratch = scratch
        self.log = scratch / f"{name}.log"
        *self.ports, v6_port = node.free_ports(4)
        self.v6_port = v6_port if v6 else None
        self.arguments += ["--s3", f"[::1]:{v6_port}"] if v6 else []
        self.process = None

    def start(self, clock_offset=0):
        s3, tls, admin = self.ports
        command = [self.program, "dev", "--data", str(self.folder), "--s3", f"127.0.0.1:{s3}",
                   "--s3-tls", f"127.0.0.1:{tls}", "--admin", f"127.0.0.1:{admin}", "--alias", ALIAS,
                   "--clock-offset", str(clock_offset), *self.arguments]
        command += [] if self.folder.exists() else ["--device-size", "2GiB"]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with self.log.open("ab") as stderr:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=inherited)
        node.wait_until_ready(self.process, self.log)
        self.endpoint = node.endpoints(self.folder / "env")[0]
        self.environment = {**inherited, **node.read_env(self.folder / "env")}
        self.s3 = self.client()
        if BUCKET not in [each["Name"] for each in self.s3.list_buckets()["Buckets"]]:
            self.s3.create_bucket(Bucket=BUCKET)

    def stop(self):
        if self.process:
            node.stop(self.process)

    def kill(self):
        """Kills the serving process, not the launcher: it must notice by itself."""
        os.kill(int((self.folder / "run" / "node.pid").read_text()), signal.SIGKILL)
        self.process.wait(timeout=END_SECONDS)
        self.process = None

    def client(self, endpoint=None, signature="s3v4"):
        return boto3.client(
            "s3", endpoint_url=endpoint or self.endpoint.url, region_name=self.endpoint.region,
            aws_access_key_id=self.endpoint.access_key, aws_secret_access_key=self.endpoint.secret_key,
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=200, signature_version=signature))

    def put(self, key, body):
        return self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)["ETag"]

    def link(self, operation, key, terms=None, endpoint=None, expires=600, signature="s3v4", **params):
        """A link that boto3 signs, with more parameters."""
        s3 = self.client(endpoint, signature)
        query = urllib.parse.urlencode(terms or {}, safe="")

        def add_terms(request, **_):
            if query:
                request.url += ("&" if "?" in request.url else "?") + query

        name = "".join(word.capitalize() for word in operation.split("_"))
        s3.meta.events.register(f"before-sign.s3.{name}", add_terms)
        return s3.generate_presigned_url(operation, Params={"Bucket": BUCKET, "Key": key, **params}, ExpiresIn=expires)

    def run_link(self, *words, stdin=None):
        """`blockhouse link`, as the administrator types it."""
        return subprocess.run([self.program, "link", *words], env=self.environment, capture_output=True, text=True,
                              input=stdin)

    def connect(self, source=None):
        host, port = self.endpoint.host.rsplit(":", 1)
        if ":" in (source or ""):
            host, port = "::1", self.v6_port
        return http.client.HTTPConnection(host, int(port), timeout=60, source_address=source and (source, 0))

    def ask(self, url, method="GET", body=None, source=None, **headers):
        """Sends the request of a link to the node, whatever host the link names; from this address."""
        split = urllib.parse.urlsplit(url)
        headers = {"Host": split.netloc, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection = self.connect(source)
        try:
            chunked = "Transfer-Encoding" in headers
            connection.request(method, f"{split.path}?{split.query}", body=body, headers=headers, encode_chunked=chunked)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()


def run_checks(checks, only, house):
    """Runs these checks, by name, on the house; a line for each, and the sum. The exit code."""
    passed, failed = 0, []
    for name, check in checks.items():
        if only and name.split(":")[0] not in only:
            continue
        started = time.monotonic()
        try:
            check(house)
        except Exception as error:  # every kind of failure ends as one line
            failed.append(name)
            line = traceback.extract_tb(error.__traceback__)[-1].lineno
            print(f"FAIL  {name}: {type(error).__name__}: {error} (line {line})", flush=True)
        else:
            passed += 1
            print(f"PASS  {name}  {time.monotonic() - started:.1f} s", flush=True)
    if failed:
        print(house.log.read_text(errors="replace")[-4000:], file=sys.stderr)
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0

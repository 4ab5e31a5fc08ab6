"""What a client is to the matrix: a method per check, and a reason per check it cannot express."""

import re
import ssl
import subprocess
import time
import traceback
import urllib.error
import urllib.request

import tools
from samples import LISTED_BUCKET, LISTED_KEYS, digest_of

CHECKS = [
    "create-bucket",
    "put",
    "get",
    "range",
    "multipart",
    "list",
    "odd-keys",
    "copy",
    "tags",
    "metadata",
    "conditions",
    "checksums",
    "presigned-get",
    "presigned-put",
    "delete",
    "delete-objects",
]

TOOL_SECONDS = 60


class NotApplicable(Exception):
    """The client cannot express this; the text says why."""


class ToolFailed(Exception):
    """A client's program ended with an error."""


class Client:
    """One client over one transport. A check `a-b` is the method `a_b`; what the client cannot
    express stands in `absent` with the reason. Checks run in order and build on each other: `get`
    reads what `put` wrote."""

    name = ""
    absent = {}
    extra_checks = []

    def __init__(self, endpoint, samples, report):
        self.endpoint = endpoint
        self.samples = samples
        self.report = report
        self.bucket = f"{self.name}-{endpoint.transport}"
        self.folder = samples.folder / self.bucket
        self.check = ""

    def run(self, checks):
        self.folder.mkdir()
        for check in checks:
            self.check = check
            if not self.run_check(check) and check == "create-bucket":
                # Everything else would fail too, and take its time over it.
                for rest in checks[1:]:
                    self.report.fail((self.name, self.endpoint.transport, rest), "no bucket")
                return

    def run_check(self, check):
        """Runs one check; whether nothing failed."""
        where = (self.name, self.endpoint.transport, check)
        if check in self.absent:
            self.report.not_applicable(where, self.absent[check])
            return True
        started = time.monotonic()
        try:
            getattr(self, check.replace("-", "_"))()
        except NotApplicable as reason:
            self.report.not_applicable(where, str(reason))
        except Exception as error:  # every kind of failure of every client ends as one line
            self.report.fail(where, describe(error))
            return False
        else:
            self.report.pass_(where, time.monotonic() - started)
        return True

    def cannot(self, what, reason):
        """Tells of a part of the running check that this client cannot express."""
        where = (self.name, self.endpoint.transport, self.check)
        self.report.not_applicable(where, f"{what}: {reason}")

    def tool(self, *command, stdin=None, environment=None, may_fail=False):
        """Runs a client's program; gives what it printed. A variable that is None is left out."""
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
                     **self.endpoint.environment(), **(environment or {})}
        variables = {name: value for name, value in variables.items() if value is not None}
        command = [tools.program(command[0]), *map(str, command[1:])]
        done = subprocess.run(command, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              capture_output=True, env=variables, cwd=self.folder, timeout=TOOL_SECONDS)
        if done.returncode and not may_fail:
            raise ToolFailed(done.stderr.decode(errors="replace")[-600:] or f"exit {done.returncode}")
        if may_fail:
            return done
        return done.stdout

    def over_http(self, url, method="GET", body=None, headers=None):
        """A request by Python's standard library, which knows no S3; gives status and body."""
        context = ssl.create_default_context(cafile=self.endpoint.ca) if self.endpoint.tls else None
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=context))
        try:
            with opener.open(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def expect_presigned_get(self, url, content):
        """The link reads the object, and only while nothing about it is changed."""
        expect(self.over_http(url), (200, content))
        status, body = self.over_http(with_other_signature(url))
        expect((status, b"SignatureDoesNotMatch" in body), (403, True))

    def expect_presigned_put(self, url, read_back):
        """The link writes the object; `read_back` reads it by the client."""
        content = b"put by nothing but an HTTP library"
        expect(self.over_http(url, "PUT", content, {"Content-Type": ""})[0], 200)
        expect(read_back(), content)

    def expect_large(self, path):
        """The file is the 100 MiB sample; then it goes away."""
        expect(digest_of(path), self.samples.large_digest)
        path.unlink()


def with_other_signature(url):
    """The link with one digit of its signature changed."""
    def change(match):
        digit = match.group(2)
        return match.group(1) + ("0" if digit != "0" else "1")
    changed = re.sub(r"(X-Amz-Signature=[0-9a-f]{63})([0-9a-f])", change, url)
    assert changed != url, f"no signature in {url}"
    return changed


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {shortened(got)}, wanted {shortened(wanted)}")


def expect_listed(keys):
    """All of the listed bucket, in the order of the keys' bytes."""
    keys = list(keys)
    expect(len(keys), len(LISTED_KEYS))
    expect(keys, LISTED_KEYS)


def shortened(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"


def describe(error):
    """An error on one line, with the line of the check that it came from."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if "/clients/clients/" in frame.filename]
    place = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{place}"


__all__ = ["CHECKS", "Client", "LISTED_BUCKET", "LISTED_KEYS", "NotApplicable", "ToolFailed", "describe", "expect",
           "expect_listed"]

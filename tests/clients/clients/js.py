"""The AWS SDK for JavaScript, version 3, under Node: one program that runs all checks."""

import json
import subprocess
import threading

import tools
from client import Client, expect
from samples import LISTED_BUCKET, METADATA, ODD_KEYS


class JavaScript(Client):
    name = "js-sdk"

    def run(self, checks):
        """Starts the program; each line it prints is the outcome of a check."""
        self.folder.mkdir()
        task = {
            "endpoint": self.endpoint.url, "region": self.endpoint.region, "bucket": self.bucket,
            "accessKey": self.endpoint.access_key, "secretKey": self.endpoint.secret_key,
            "checks": checks, "small": self.samples.small.decode(), "large": str(self.samples.large_file()),
            "largeDigest": self.samples.large_digest, "oddKeys": ODD_KEYS, "metadata": METADATA,
            "listedBucket": LISTED_BUCKET, "folder": str(self.folder),
        }
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}
        if self.endpoint.ca:
            variables["NODE_EXTRA_CA_CERTS"] = self.endpoint.ca
        program = subprocess.Popen(["node", tools.JS / "client.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=variables, cwd=self.folder)
        overdue = threading.Timer(300, program.kill)
        overdue.start()
        program.stdin.write(json.dumps(task))
        program.stdin.close()
        missing = list(checks)
        for line in program.stdout:
            outcome = json.loads(line)
            if outcome["verdict"] != "N/A":
                missing.remove(outcome["check"])
            self.tell(outcome)
        errors = program.stderr.read()
        program.wait()
        overdue.cancel()
        for check in missing:
            where = (self.name, self.endpoint.transport, check)
            self.report.fail(where, f"not reached: {' '.join(errors.split())[-300:]}")

    def tell(self, outcome):
        where = (self.name, self.endpoint.transport, outcome["check"])
        if outcome["verdict"] == "PASS":
            self.judge(where, outcome)
        elif outcome["verdict"] == "N/A":
            self.report.not_applicable(where, outcome["reason"])
        else:
            self.report.fail(where, outcome["reason"])

    def judge(self, where, outcome):
        """Links are used here, by a library that knows no S3."""
        try:
            if outcome["check"] == "presigned-get":
                self.expect_presigned_get(outcome["url"], self.samples.small)
            if outcome["check"] == "presigned-put":
                content = b"put by nothing but an HTTP library"
                expect(self.over_http(outcome["url"], "PUT", content, {"Content-Type": ""})[0], 200)
                expect(self.over_http(outcome["readBack"]), (200, content))
        except Exception as error:  # ends as this check's line, whatever it is
            self.report.fail(where, f"{type(error).__name__}: {error}")
        else:
            self.report.pass_(where, outcome["seconds"])

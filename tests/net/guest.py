"""A client namespace's worker, as the checks speak to it."""

import base64
import dataclasses
import json
import pathlib
import re
import select
import subprocess
import sys
import time
import urllib.parse

WORKER = pathlib.Path(__file__).resolve().parent / "worker.py"
PATIENCE = 60.0


@dataclasses.dataclass
class Answer:
    """What came back: a status with a body, or how the connection ended instead."""

    status: int | None
    headers: dict
    body: bytes
    outcome: str | None

    def code(self):
        found = re.search(rb"<Code>(\w+)</Code>", self.body)
        return found.group(1).decode() if found else None

    def expect(self, status, code=None):
        assert (self.status, self.code()) == (status, code), (self.status, self.outcome, self.body[:300])
        return self


class Guest:
    """A worker process. `source` chooses one of the namespace's addresses, and may be left out."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.process = subprocess.Popen(["ip", "netns", "exec", namespace, sys.executable, str(WORKER)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.rest = b""

    def begin(self, do, **order):
        """Gives an order, and does not wait; `end` does."""
        self.process.stdin.write(json.dumps({"do": do, **order}).encode() + b"\n")
        self.process.stdin.flush()

    def end(self, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            more = self.process.stdout.read1(1 << 20) if ready else b""
            if not more:
                # What it would say later would be taken for the answer to something else.
                self.close()
                raise RuntimeError(f"the client in {self.namespace} {'ended' if ready else 'does not answer'}")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        answer = json.loads(line)
        if "raised" in answer:
            raise RuntimeError(f"the client in {self.namespace}: {answer['raised']}")
        return answer

    def do(self, do, patience=PATIENCE, **order):
        self.begin(do, **order)
        return self.end(patience)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ask(self, address, url, method="GET", body=None, source=None, port=80, before=None, timeout=5.0, ca=None,
            **headers):
        """Sends the request of a link to this address, whatever host the link names."""
        split = urllib.parse.urlsplit(url)
        headers = {"Host": split.netloc, **{name.replace("_", "-"): value for name, value in headers.items()}}
        target = f"{split.path}?{split.query}" if split.query else split.path
        encoded = lambda data: None if data is None else base64.b64encode(data).decode()
        return answer_of(self.do("ask", address=address, port=port, target=target, headers=headers, method=method,
                                 body=encoded(body), source=source, before=encoded(before), timeout=timeout, ca=ca,
                                 name=split.hostname))

    def again(self, name, url, timeout=5.0):
        split = urllib.parse.urlsplit(url)
        return answer_of(self.do("again", name=name, target=f"{split.path}?{split.query}",
                                 headers={"Host": split.netloc}, timeout=timeout))

    def load(self, name, address, jobs, **how):
        """Loads with links of one host, each with the status that it is to be answered with."""
        split = [(urllib.parse.urlsplit(url), status) for url, status in jobs]
        return self.do("load", name=name, address=address, port=80, headers={"Host": split[0][0].netloc},
                       jobs=[(f"{url.path}?{url.query}", status) for url, status in split], **how)


def answer_of(told):
    body = base64.b64decode(told.get("body") or "")
    return Answer(told.get("status"), told.get("headers", {}), body, told.get("outcome"))

"""The node under test with its network filter: what an operator and the checks ask of both."""

import http.client
import json
import os
import pathlib
import signal
import subprocess

import yaml
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import models
import world
from guest import Guest
from house import House
from world import Skip, until

APPLY_SECONDS = 90
# What a counter counts changes with every packet, and is no rule.
COUNTED = ("packets", "bytes")
OBJECT = b"what lies behind the filter"


class Networked(House):
    """`blockhouse dev --net`, and the clients of its networks."""

    def __init__(self, program, scratch, here):
        profile, self.file = scratch / "profile.toml", scratch / "net.yaml"
        profile.write_text(models.PROFILE)
        self.write(models.standard())
        self.world = here
        super().__init__(program, scratch, arguments=["--hw-profile", str(profile), "--net", str(self.file)])

    # Clients.

    def guest(self, wire):
        """The worker of a wire's clients."""
        wire = getattr(self.world, wire)
        if wire.guest is None or wire.guest.process.poll() is not None:
            wire.guest = Guest(wire.namespace)
        return wire.guest

    def s3_from(self, wire, call, address=models.ENDPOINT, source=None, endpoint=None, hosts=None, **arguments):
        """A call by boto3 out of a client namespace: its status and error code, and its body."""
        url = endpoint or f"http://{f'[{address}]' if ':' in address else address}"
        own = self.endpoint
        told = self.guest(wire).do("s3", endpoint=url, call=call, arguments=arguments, source=source,
                                   key=own.access_key, secret=own.secret_key, region=own.region, hosts=hosts,
                                   ca=self.environment["AWS_CA_BUNDLE"] if url.startswith("https") else None)
        assert "outcome" not in told, told
        return told["status"], told["code"]

    def is_reached(self, wire="a1", address=models.ENDPOINT, source=None):
        """Waits until the address lets a client of the wire connect: links and addresses need a moment."""
        def opens():
            told = self.guest(wire).do("connect", address=address, port=80, source=source, seconds=1.2)
            return told["open"]

        until(f"a connection from {wire} to {address}", opens, 30)

    # The operator.

    def net(self, *words, stdin=None, timeout=APPLY_SECONDS):
        return subprocess.run([self.program, "net", *words], env=self.environment, capture_output=True, text=True,
                              input=stdin, timeout=timeout)

    def write(self, model):
        self.file.write_text(yaml.safe_dump(model, sort_keys=False))
        return str(self.file)

    def be(self, model):
        """Makes the network so, and waits until it is."""
        done = self.net("apply", "-f", self.write(model), "--yes")
        assert done.returncode == 0, (done.stdout[-300:], done.stderr[-300:])
        return self.settled()

    def settled(self, seconds=APPLY_SECONDS):
        """The status, once nothing is amiss and every endpoint has its listeners."""
        def is_so():
            status = self.status()
            if status is None or status["failure"] or status["version"] is None:
                return None
            endpoints = [each for network in status["networks"] for each in network["endpoints"]]
            return status if all(each["listeners"] for each in endpoints) else None

        return until("a network that is as it was asked for", is_so, seconds)

    def status(self):
        """What `net status --json` says; nothing while nobody answers."""
        done = self.net("status", "--json")
        return json.loads(done.stdout) if done.stdout.startswith("{") else None

    def network(self, name):
        status = until("the network's status", self.status)
        found = [each for each in status["networks"] if each["name"] == name]
        assert len(found) == 1, f"the status has {name} {len(found)} times"
        return found[0]

    def dropped(self, name, reason):
        found = (each["packets"] for each in self.network(name)["dropped"] if each["reason"] == reason)
        return next(found, 0)

    def namespace(self, name):
        """The name of a network's namespace."""
        told = self.network(name).get("namespace")
        named = [told] if told else [each for each in world.namespaces() if each.endswith(f"-{name}")]
        assert len(named) == 1, f"{name} has the namespaces {named}"
        return named[0]

    def rules(self, name):
        """A network's rules with their handles, as nft lists them, without what was counted."""
        listed = json.loads(world.inside(self.namespace(name), "nft", "-j", "-a", "list", "ruleset"))
        return [without_counts(each) for each in listed["nftables"]
                if not {"metainfo"} & set(each) and not is_meter(each)]

    def pid(self, role):
        return int((self.folder / "run" / f"{role}.pid").read_text())

    def kill_role(self, role):
        """kill -9; gives the process id that it had, once none of its sockets is open any more."""
        pid = self.pid(role)
        os.kill(pid, signal.SIGKILL)
        until(f"the end of {role}", lambda: is_dead(pid), 10)
        return pid

    def is_back(self, role, old, seconds=30):
        """Waits until the launcher has started the role anew."""
        def anew():
            try:
                return self.pid(role) != old
            except (FileNotFoundError, ValueError):
                return False

        until(f"a new {role}", anew, seconds)

    def admin(self, method, path, document=None):
        """A call at the administrator's address, signed by the root's key: status and document."""
        url = f"http://127.0.0.1:{self.ports[2]}"
        body = json.dumps(document).encode() if document is not None else b""
        request = AWSRequest(method=method, url=f"{url}{path}", data=body)
        S3SigV4Auth(Credentials(self.endpoint.access_key, self.endpoint.secret_key), "s3",
                    self.endpoint.region).add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[2], timeout=APPLY_SECONDS)
        try:
            connection.request(method, path, body=body or None, headers=dict(request.headers.items()))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def figures(self):
        """`/metrics`, as text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[2], timeout=10)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def accepted_at_rest(self):
        """The same, once it does not grow any more: nothing waits to be taken."""
        last = []

        def rests():
            last.append(self.accepted())
            return len(last) > 3 and len(set(last[-4:])) == 1

        until("a gateway at rest", rests, 15)
        return last[-1]

    def accepted(self):
        """Connections that the gateway has taken, of any network."""
        for line in self.figures().splitlines():
            if line.startswith("blockhouse_connections_opened_total "):
                return int(float(line.split()[1]))
        raise Skip("/metrics has no blockhouse_connections_opened_total")

    # Buckets.

    def bucket(self, name, *statements):
        """A bucket with one object, and a policy of these statements."""
        if name not in [each["Name"] for each in self.s3.list_buckets()["Buckets"]]:
            self.s3.create_bucket(Bucket=name)
            self.s3.put_object(Bucket=name, Key="file", Body=OBJECT)
        if statements:
            document = {"Version": "2012-10-17", "Statement": list(statements)}
            self.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
        return name

    def link_to(self, bucket, key="file", terms=None, operation="get_object"):
        return self.link(operation, key, terms, Bucket=bucket)

    def addresses(self, bucket, *entries):
        """Sets a bucket's list of addresses."""
        xml = "".join(f"<Entry>{entry}</Entry>" for entry in entries)
        body = f"<AddressListConfiguration>{xml}</AddressListConfiguration>".encode()
        request = AWSRequest("PUT", f"{self.endpoint.url}/{bucket}?bh-addresses", data=body)
        key = Credentials(self.endpoint.access_key, self.endpoint.secret_key)
        S3SigV4Auth(key, "s3", self.endpoint.region).add_auth(request)
        headers = {name.replace("-", "_"): value for name, value in request.prepare().headers.items()}
        headers.pop("Content_Length", None)
        self.ask(request.url, "PUT", body, **headers).expect(200)

    def audited(self, key, action="s3:GetObject"):
        """The newest record of the audit about a key and that action."""
        def found():
            path = self.folder / "audit" / "audit.jsonl"
            lines = [line for line in path.read_text(errors="replace").splitlines() if key in line and f'"action":"{action}"' in line]
            return json.loads(lines[-1]) if lines else None

        return until(f"a record of {key} in the audit", found)


def is_dead(pid):
    """Whether the process is gone, or only its name is left."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def denied(bucket, condition):
    """A statement that keeps everybody out of the bucket's objects for whom the condition holds."""
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Condition": condition,
            "Resource": f"arn:aws:s3:::{bucket}/*"}


def is_meter(listed):
    """Meters hold what their sources have used up; counters what they have counted."""
    named = listed.get("set", {}).get("name", "")
    return named.startswith("m_")


def without_counts(value):
    if isinstance(value, dict):
        return {name: without_counts(each) for name, each in value.items() if name not in COUNTED}
    if isinstance(value, list):
        return [without_counts(each) for each in value]
    return value

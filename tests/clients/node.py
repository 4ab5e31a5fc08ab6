"""The node under test: launched here, or running already; and the two ways to it."""

import contextlib
import dataclasses
import os
import pathlib
import queue
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time

# Twice what the clients keep at one time; space comes back only when a whole group is dead.
DEVICE_SIZE = "3GiB"
READY_SECONDS = 60
DRAIN_SECONDS = 30


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One listener, and what a client needs to speak to it."""

    transport: str
    url: str
    access_key: str
    secret_key: str
    region: str
    ca: str | None

    @property
    def tls(self):
        return self.transport == "https"

    @property
    def host(self):
        """Host and port."""
        return self.url.split("://")[1].rstrip("/")

    def environment(self):
        """The variables that AWS's tools read."""
        variables = {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.ca:
            variables["AWS_CA_BUNDLE"] = self.ca
        return variables


def read_env(path):
    """The file that `blockhouse dev` writes for `source`."""
    variables = {}
    for line in path.read_text().splitlines():
        for word in shlex.split(line, comments=True):
            name, found, value = word.partition("=")
            if found:
                variables[name] = value
    return variables


def endpoints(path):
    """Both listeners of the node whose environment file this is."""
    variables = read_env(path)

    def endpoint(transport, url, ca):
        return Endpoint(transport, url, variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"],
                        variables["AWS_REGION"], ca)

    found = [endpoint("http", variables["AWS_ENDPOINT_URL_S3"], None)]
    if "AWS_CA_BUNDLE" in variables:
        tls = variables.get("BLOCKHOUSE_ENDPOINT_S3_TLS", "https://localhost:9443")
        found.append(endpoint("https", tls, variables["AWS_CA_BUNDLE"]))
    return found


def free_ports(count):
    """Ports that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def launched(program, folder, plain, more=()):
    """Runs `blockhouse dev`, with more arguments, for as long as the context lasts; gives its endpoints."""
    s3, tls, admin = free_ports(3)
    command = [str(pathlib.Path(program).resolve()), "dev", "--data", str(folder), "--device-size", DEVICE_SIZE,
               "--s3", f"127.0.0.1:{s3}", "--s3-tls", f"127.0.0.1:{tls}", "--admin", f"127.0.0.1:{admin}"]
    if plain:
        command += ["--io", "plain"]
    command += more
    # Its log goes to a file: a pipe that nobody empties would stop it.
    log = folder.with_suffix(".log")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=inherited)
    try:
        wait_until_ready(process, log)
        found = endpoints(folder / "env")
        tls_url = f"https://localhost:{tls}"
        yield [dataclasses.replace(each, url=tls_url) if each.tls else each for each in found]
    except BaseException:
        sys.stderr.write(f"the end of {log}:\n" + log.read_text(errors="replace")[-4000:])
        raise
    finally:
        stop(process)


def wait_until_ready(process, log):
    """Waits for the line that starts with `ready`; then keeps the pipe empty."""
    lines = queue.Queue()

    def pump():
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=pump, daemon=True).start()
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise RuntimeError(f"not ready within {READY_SECONDS} s, see {log}") from None
        if line is None:
            raise RuntimeError(f"ended with {process.wait()} before it was ready, see {log}")
        if line.lstrip().startswith("ready"):
            return


def stop(process):
    """SIGTERM: drains and exits 0 within its time, or this run has failed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(timeout=DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise RuntimeError(f"the node did not end within {DRAIN_SECONDS} s of SIGTERM") from None
    if code != 0:
        raise RuntimeError(f"the node ended with {code}")

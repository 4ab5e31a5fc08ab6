#!/usr/bin/env python3
"""Holds the boundary around the secrets, from outside, while real clients work.

    tests/verifier/trust.py --launch target/release/blockhouse [--only NAME]

* secrets    after header, presigned, chunked, SigV4A and temporary-key requests, the memory of every
             process but the verifier, and every log, is searched for each secret; the same search
             finds them in the verifier, or it would prove nothing
* forbidden  a system call that is not on the verifier's list is made in its name: the kernel kills it;
             clients see right verdicts or 503, and soon only right verdicts again
* overrun    the node makes such a call: the kernel kills it, it comes back where it was, and has everything
             that it acknowledged
* silent     the verifier is stopped: requests get 503 in bounded time, and go on when it does
* chain      the verifier dies in the middle of a signed body: nothing is stored
* tokens     temporary credentials through boto3, in header and link, until their time is over

Needs root, to look into other processes. Ends with 'N passed, N failed'.
"""

import argparse
import concurrent.futures
import ctypes
import datetime
import hashlib
import hmac
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "clients"), str(ROOT / "tests" / "signers")]

import node  # noqa: E402
import tools  # noqa: E402

BUCKET = "trust"
LOADERS = 6
KILLS = int(os.environ.get("BLOCKHOUSE_TRUST_KILLS", "5"))
# How long a condition may take to come true.
PATIENCE_SECONDS = 30


class Dev:
    """A running `blockhouse dev` and the ways to it."""

    def __init__(self, program, folder, endpoints):
        self.program, self.folder, self.http, self.https = program, folder, *endpoints
        self.log = folder.with_suffix(".log")

    def pid(self, role):
        """Its process; while it is being started again there is none for a moment."""
        return wait_until(f"a {role}", lambda: self.pid_now(role))

    def pid_now(self, role):
        try:
            return int((self.folder / "run" / f"{role}.pid").read_text())
        except FileNotFoundError:
            return None

    def keys(self):
        return tomllib.loads((self.folder / "keys.toml").read_text())

    def client(self, version="s3v4", endpoint=None, credentials=None):
        import boto3
        from botocore.config import Config
        endpoint = endpoint or self.http
        keys = credentials or {"AWS_ACCESS_KEY_ID": endpoint.access_key, "AWS_SECRET_ACCESS_KEY": endpoint.secret_key}
        config = Config(signature_version=version, retries={"total_max_attempts": 1}, read_timeout=20,
                        s3={"addressing_style": "path"}, max_pool_connections=2 * LOADERS)
        return boto3.client("s3", endpoint_url=endpoint.url, region_name=endpoint.region, verify=endpoint.ca,
                            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
                            aws_session_token=keys.get("AWS_SESSION_TOKEN"), config=config)

    def token(self, seconds, kind="session"):
        """Temporary credentials, as `blockhouse token` prints them."""
        command = [self.program, "token", "--data", str(self.folder), "--duration", str(seconds), "--kind", kind]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return dict(re.findall(r"export (\w+)='(.*)'", said))


def wait_until(what, holds):
    """Waits for a condition; says what did not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        # Nothing to wake us: another process's state is asked for again and again.
        threading.Event().wait(0.02)
    raise AssertionError(f"never came: {what}")


def verdict(call):
    """What a request came to: a status, and the error's code."""
    from botocore.exceptions import ClientError
    try:
        call()
        return 200, None
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]


def fetch(url):
    """A link, as curl would use it."""
    import urllib.error
    import urllib.request
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def signing_keys(secret, region):
    """The derived keys of today and its neighbours."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    for offset in (-1, 0, 1):
        day = (today + datetime.timedelta(days=offset)).strftime("%Y%m%d")
        key = ("AWS4" + secret).encode()
        for part in (day, region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        yield key


def memory(pid):
    """Every readable byte of a process, region by region."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, permissions = line.split()[:2]
            if "r" not in permissions or "[v" in line:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            try:
                mem.seek(start)
                yield mem.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue


def found_in(pid, needles):
    """Which of the needles a process's memory holds."""
    found = set()
    for region in memory(pid):
        found |= {name for name, needle in needles.items() if needle in region}
    return found


def processes(dev):
    """All processes of the node by role, the launcher among them."""
    return {"launcher": parent_of(dev.pid("node")), "node": dev.pid("node"), "verifier": dev.pid("verifier")}


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def secrets(dev):
    """No process but the verifier holds a secret."""
    import chunks
    import negative
    import own
    temporary = dev.token(600)
    s3 = dev.client()
    s3.put_object(Bucket=BUCKET, Key="plain", Body=b"x" * 5000)
    for client in (s3, dev.client("s3v4a", dev.https), dev.client(credentials=temporary)):
        for _ in range(20):
            client.get_object(Bucket=BUCKET, Key="plain")["Body"].read()
            status, _ = fetch_with(dev, client, "plain")
            assert status == 200, status
    raw = negative.Node(own.read_environment(dev.folder / "env"))
    answer = chunks.signed_put(raw, f"/{BUCKET}/chunked", [b"a" * 8192, b"b" * 100], trailer=True)
    assert answer.status == 200, answer
    keys = dev.keys()
    secret = keys["account"][0]["secret_access_key"]
    needles = {
        "secret": secret.encode(),
        "temporary secret": temporary["AWS_SECRET_ACCESS_KEY"].encode(),
        "token key": bytes.fromhex(keys["token_key"]),
        "token key in hex": keys["token_key"].encode(),
    }
    derived = {f"signing key {n}": key for n, key in enumerate(signing_keys(secret, dev.http.region))}
    roles = processes(dev)
    for role in ("launcher", "node"):
        found = found_in(roles[role], needles | derived)
        assert not found, f"the {role} holds {found}"
    in_verifier = found_in(roles["verifier"], needles)
    assert {"secret", "token key"} <= in_verifier, f"the search finds only {in_verifier} in the verifier"
    for log in [dev.log, *(dev.folder / "run").iterdir()]:
        if log.is_file():
            text = log.read_bytes()
            held = [name for name, needle in (needles | derived).items() if needle in text]
            assert not held, f"{log} holds {held}"
            assert temporary["AWS_SESSION_TOKEN"].encode() not in text, f"{log} holds a token"
    limits = pathlib.Path(f"/proc/{roles['verifier']}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits), limits
    status = pathlib.Path(f"/proc/{roles['verifier']}/status").read_text()
    assert re.search(r"Seccomp:\s+2", status) and re.search(r"NoNewPrivs:\s+1", status), status
    assert re.search(r"VmLck:\s+[1-9]", status), status
    assert not re.search(r"^Uid:\s+0", status, re.M), status


def fetch_with(dev, client, key):
    """A link signed by a client, fetched over http."""
    url = client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=60)
    if url.startswith("https"):
        import ssl
        import urllib.request
        trusting = ssl.create_default_context(cafile=dev.https.ca)
        with urllib.request.urlopen(url, timeout=20, context=trusting) as answer:
            return answer.status, answer.read()
    return fetch(url)


class Load:
    """Right and wrong requests from several threads, each with the verdicts that it may get."""

    def __init__(self, dev):
        self.dev, self.ending = dev, threading.Event()
        self.seen, self.lock = {}, threading.Lock()
        self.pool = concurrent.futures.ThreadPoolExecutor(LOADERS)
        self.running = [self.pool.submit(self.work, n) for n in range(LOADERS)]

    def work(self, n):
        wrong = dict(AWS_ACCESS_KEY_ID=self.dev.http.access_key, AWS_SECRET_ACCESS_KEY="wrong" * 8)
        client = self.dev.client(credentials=wrong if n % 2 else None)
        allowed = {(403, "SignatureDoesNotMatch") if n % 2 else (200, None), (503, "SlowDown")}
        while not self.ending.is_set():
            result = verdict(lambda: client.get_object(Bucket=BUCKET, Key="plain")["Body"].read())
            if result not in allowed:
                raise AssertionError(f"a request by a {'wrong' if n % 2 else 'right'} key came to {result}")
            with self.lock:
                self.seen[result] = self.seen.get(result, 0) + 1

    def verdicts(self):
        with self.lock:
            return sum(count for (status, _), count in self.seen.items() if status != 503)

    def end(self):
        self.ending.set()
        self.pool.shutdown()
        for done in self.running:
            done.result()


def forbidden(dev):
    """A forbidden system call kills the verifier; nobody gets a wrong verdict."""
    dev.client().put_object(Bucket=BUCKET, Key="plain", Body=b"x" * 5000)
    load = Load(dev)
    try:
        for _ in range(KILLS):
            pid = dev.pid("verifier")
            before = load.verdicts()
            wait_until("verdicts under load", lambda: load.verdicts() > before + 50)
            call_forbidden(pid, OPENAT)
            wait_until("the end of the verifier", lambda: not pathlib.Path(f"/proc/{pid}").exists())
            wait_until("another verifier", lambda: dev.pid("verifier") != pid)
            before = load.verdicts()
            wait_until("verdicts again", lambda: load.verdicts() > before + 50)
    finally:
        load.end()
    assert b'"status":"signal: 31 (SIGSYS)' in dev.log.read_bytes(), "no end by SIGSYS in the log"
    print(f"  {load.seen}")


# openat is not the verifier's; unshare makes a namespace.
OPENAT, UNSHARE = 257, 272


def overrun(dev):
    """A forbidden system call kills the node; what it acknowledged is there when it is back."""
    s3 = dev.client()
    for life in range(KILLS):
        key = f"before-{life}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"y" * 5000)
        pid = dev.pid("node")
        call_forbidden(pid, UNSHARE)
        wait_until("another node", lambda: dev.pid("node") != pid)
        wait_until("its answers", lambda: answers(s3))
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"y" * 5000
    ends = [line for line in dev.log.read_text().splitlines() if '"role":"node"' in line and "SIGSYS" in line]
    assert len(ends) == KILLS, ends


def answers(s3):
    """Whether somebody listens by now, and judges."""
    from botocore.exceptions import BotoCoreError
    try:
        return verdict(lambda: s3.head_bucket(Bucket=BUCKET)) == (200, None)
    except BotoCoreError:
        return False


def call_forbidden(pid, number):
    """Makes the process's main thread, which waits, make another call instead. Source: ptrace(2)."""
    attach, cont, get, put, detach = 16, 7, 12, 13, 17
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long

    def ptrace(request, data=None):
        if libc.ptrace(request, pid, None, data) < 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request}")

    # struct user_regs_struct of x86-64, as 27 words.
    orig_rax, rax, rip = 15, 10, 16
    registers = (ctypes.c_ulonglong * 27)()
    ptrace(attach)
    os.waitpid(pid, 0)
    ptrace(get, ctypes.cast(registers, ctypes.c_void_p))
    # Back on the instruction `syscall`, with that number, and no call to be begun again.
    registers[rip] -= 2
    registers[rax] = number
    registers[orig_rax] = (1 << 64) - 1
    ptrace(put, ctypes.cast(registers, ctypes.c_void_p))
    ptrace(cont)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGSYS:
        ptrace(detach)
        raise AssertionError(f"a forbidden call did not kill the process: {status:x}")


def silent(dev):
    """A verifier that does not answer: 503 in bounded time, and everything again when it does."""
    s3 = dev.client()
    pid = dev.pid("verifier")
    os.kill(pid, signal.SIGSTOP)
    try:
        result = verdict(lambda: s3.head_bucket(Bucket=BUCKET))
        assert result[0] == 503, result
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until("verdicts again", lambda: verdict(lambda: s3.head_bucket(Bucket=BUCKET)) == (200, None))
    assert dev.pid("verifier") == pid, "it was not restarted, and need not be"


def chain(dev):
    """A body of signed chunks whose verifier dies between two of them."""
    import chunks
    import negative
    import own
    raw = negative.Node(own.read_environment(dev.folder / "env"))
    moment, pieces = own.now(), [b"a" * 65_536] * 20
    word = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    path = f"/{BUCKET}/cut"
    headers = raw.sign.in_header("PUT", path, payload=word, moment=moment, headers=[
        ("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", str(sum(map(len, pieces))))])
    links = chunks.Chain(raw.sign, moment, dict(headers)["authorization"].rpartition("=")[2], None)
    body = []
    for data in [*pieces, b""]:
        signature = links.sign("PAYLOAD", [chunks.EMPTY, hashlib.sha256(data).hexdigest()])
        body.append(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(data), signature, data))
    length = sum(map(len, body))
    head = f"PUT {path} HTTP/1.1\r\nContent-Length: {length}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    pid = dev.pid("verifier")
    with socket.create_connection(raw.sign.address, timeout=20) as wire:
        wire.sendall(head.encode() + b"".join(body[:10]))
        # The chunks so far are judged when the node has read them: its socket is empty then.
        wait_until("the chunks are read", lambda: unread(wire) == 0)
        os.kill(pid, signal.SIGKILL)
        wait_until("another verifier", lambda: dev.pid("verifier") != pid)
        try:
            wire.sendall(b"".join(body[10:]))
        except OSError:
            pass
        answer = wire.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 503"), answer[:200]
    stored = verdict(lambda: dev.client().get_object(Bucket=BUCKET, Key="cut"))
    assert stored == (404, "NoSuchKey"), stored


def unread(wire):
    """Bytes of ours that the other side's kernel has not taken yet. Source: tcp(7), SIOCOUTQ."""
    import fcntl
    count = ctypes.c_int()
    fcntl.ioctl(wire, 0x5411, count)
    return count.value


def tokens(dev):
    """Temporary credentials work while they live, in header and link, and not a moment longer."""
    living = dev.client(credentials=dev.token(600, "instance"))
    living.put_object(Bucket=BUCKET, Key="temporary", Body=b"here")
    assert fetch_with(dev, living, "temporary") == (200, b"here")
    v4a = dev.client("s3v4a", dev.https, dev.token(600))
    assert v4a.get_object(Bucket=BUCKET, Key="temporary")["Body"].read() == b"here"
    # A link of ten minutes by a token of a few seconds dies with the token.
    short = dev.client(credentials=dev.token(3))
    url = short.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "temporary"}, ExpiresIn=600)
    first = fetch(url)
    assert first[0] in (200, 400), first
    refused = wait_until("the link's end", lambda: (answer := fetch(url))[0] != 200 and answer)
    assert refused[0] == 400 and b"<Code>ExpiredToken</Code>" in refused[1], refused
    assert verdict(lambda: short.head_object(Bucket=BUCKET, Key="temporary"))[0] == 400
    # Somebody else's token, a changed token, a token with a long-term key, and none at all.
    right, other = dev.token(600), dev.token(600)
    for changes, code in [
        ({"AWS_SESSION_TOKEN": other["AWS_SESSION_TOKEN"]}, "InvalidToken"),
        ({"AWS_SESSION_TOKEN": right["AWS_SESSION_TOKEN"][:-2] + "AA"}, "InvalidToken"),
        ({"AWS_SESSION_TOKEN": "nonsense"}, "InvalidToken"),
        ({"AWS_SESSION_TOKEN": None}, "InvalidAccessKeyId"),
        ({"AWS_SECRET_ACCESS_KEY": other["AWS_SECRET_ACCESS_KEY"]}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": dev.http.access_key, "AWS_SECRET_ACCESS_KEY": dev.http.secret_key}, "InvalidToken"),
    ]:
        wrong = dev.client(credentials=right | changes)
        result = verdict(lambda: wrong.get_object(Bucket=BUCKET, Key="temporary"))
        assert result[1] == code, (changes.keys(), result)
    for kind, seconds in (("session", 129_601), ("instance", 21_601), ("session", 0)):
        command = [dev.program, "token", "--data", str(dev.folder), "--duration", str(seconds), "--kind", kind]
        assert subprocess.run(command, capture_output=True).returncode == 1, (kind, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launch", metavar="PROGRAM", required=True, help="the blockhouse program")
    parser.add_argument("--only", default="", help="one of the tests")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("this test looks into other processes: run it as root")
    tools.in_own_environment()
    tools.install()
    node.DEVICE_SIZE = "512MiB"
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="blockhouse-trust-") as scratch:
        folder = pathlib.Path(scratch) / "node"
        program = str(pathlib.Path(options.launch).resolve())
        with node.launched(program, folder, False) as endpoints:
            dev = Dev(program, folder, endpoints)
            dev.client().create_bucket(Bucket=BUCKET)
            for test in (secrets, forbidden, overrun, silent, chain, tokens):
                if options.only not in ("", test.__name__):
                    continue
                started = time.monotonic()
                try:
                    test(dev)
                    passed += 1
                    print(f"ok   {test.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
                except Exception:
                    failed += 1
                    print(f"FAIL {test.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()

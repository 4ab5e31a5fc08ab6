"""The clients in one client namespace. Started by guest.py; a line of JSON comes in, a line goes out.

Each command is a function of that name here, and what it is told are its arguments. Commands run one
after the other; a load runs beside them until it is stopped.
"""

import base64
import errno
import http.client
import json
import selectors
import socket
import ssl
import struct
import sys
import threading
import time

import dns
import frames

# A SYN that is lost is sent again after a second: whoever connects later than this was dropped once.
LATE_SECONDS = 0.9
NOTED_MAX = 5
BODY_BYTES_MAX = 65536

held, lines, loads = {}, {}, {}


class Outcome(Exception):
    """How a connection ended that gave no answer."""


def outcome_of(error):
    """A word for it: `silent`, `refused`, `reset`, `closed`, `unreachable`."""
    if isinstance(error, (TimeoutError, socket.timeout)):
        return "silent"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "reset"
    if isinstance(error, (http.client.RemoteDisconnected, http.client.IncompleteRead, ssl.SSLEOFError)):
        return "closed"
    if isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return "unreachable"
    return f"{type(error).__name__}: {error}"[:200]


def come_from(stream, source):
    """Chooses the address that a connection comes from; its port when it is clear where to, so that one whose
    connection elsewhere is just over will do."""
    if source:
        stream.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
        stream.bind((source, 0))


def dial(address, port, source=None, timeout=5.0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    stream = socket.socket(family, socket.SOCK_STREAM)
    try:
        stream.settimeout(timeout)
        come_from(stream, source)
        stream.connect((address, port))
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        stream.close()
        raise
    return stream


def over(stream, address, port):
    connection = http.client.HTTPConnection(address, port)
    connection.sock = stream
    # It must not dial anew by itself, from another address.
    connection.auto_open = 0
    return connection


def answered(connection, method, target, headers, body):
    connection.request(method, target, body=body, headers=headers)
    response = connection.getresponse()
    data = response.read(BODY_BYTES_MAX)
    return {"status": response.status, "headers": dict(response.getheaders()),
            "body": base64.b64encode(data).decode()}


def ask(address, port, target, headers, method="GET", body=None, source=None, timeout=5.0, before=None, ca=None,
        name=None):
    """One request over a connection of its own; `before` is sent ahead of it, `ca` makes it TLS."""
    try:
        stream = dial(address, port, source, timeout)
        with stream:
            if before is not None:
                stream.sendall(base64.b64decode(before))
            if ca:
                stream = ssl.create_default_context(cafile=ca).wrap_socket(stream, server_hostname=name)
            return answered(over(stream, address, port), method, target, headers, body and base64.b64decode(body))
    except (OSError, http.client.HTTPException) as error:
        return {"outcome": outcome_of(error)}


def keep(name, address, port, source=None):
    """Opens a connection that stays, for `again`."""
    lines[name] = over(dial(address, port, source), address, port)
    return {}


def again(name, target, headers, timeout=5.0):
    """A request over a connection that stayed."""
    connection = lines[name]
    try:
        connection.sock.settimeout(timeout)
        return answered(connection, "GET", target, headers, None)
    except (OSError, AttributeError, http.client.HTTPException) as error:
        return {"outcome": "closed" if isinstance(error, http.client.NotConnected) else outcome_of(error)}


def connect(address, port, source=None, count=1, seconds=0.7, hold=None):
    """Begins so many connections at once, and tells after a while how many are open, refused, silent. Those
    that are open are closed, or held under this name."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    told = {"open": 0, "refused": 0, "silent": 0, "other": 0}
    opened = []
    with selectors.DefaultSelector() as waiting:
        for _ in range(count):
            stream = socket.socket(family, socket.SOCK_STREAM)
            stream.setblocking(False)
            come_from(stream, source)
            if stream.connect_ex((address, port)) not in (0, errno.EINPROGRESS):
                told["other"] += 1
                stream.close()
                continue
            waiting.register(stream, selectors.EVENT_WRITE)
        deadline = time.monotonic() + seconds
        while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                stream = key.fileobj
                waiting.unregister(stream)
                error = stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                told["open" if not error else "refused" if error == errno.ECONNREFUSED else "other"] += 1
                stream.close() if error else opened.append(stream)
        silent = [key.fileobj for key in waiting.get_map().values()]
    for stream in silent:
        told["silent"] += 1
        stream.close()
    if hold:
        held[hold] = opened
    else:
        for stream in opened:
            stream.close()
    return told


def release(hold):
    for stream in held.pop(hold, []):
        stream.close()
    return {}


def transmit(frames_hex, count):
    return {"arrived": frames.send([bytes.fromhex(each) for each in frames_hex], count)}


def heard(frame_hex, source, seconds=3.0):
    """Sends a frame, and tells whether a TCP segment with SYN and ACK comes back from that IPv4 address."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(frames.ETH_IP4)) as raw:
        raw.bind(("eth0", frames.ETH_IP4))
        raw.send(bytes.fromhex(frame_hex))
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            raw.settimeout(left)
            try:
                got = raw.recv(2048)
            except TimeoutError:
                break
            if got[23] == socket.IPPROTO_TCP and got[26:30] == frames.packed(source) and got[47] & 0x12 == 0x12:
                return {"heard": True}
        return {"heard": False}


def resolve(server, name, kind="A", transport="udp", source=None, timeout=3.0):
    try:
        code, authoritative, addresses = dns.ask(server, name, kind, transport, source, timeout)
    except OSError as error:
        return {"outcome": outcome_of(error)}
    return {"code": code, "authoritative": authoritative, "addresses": addresses}


def garble(server, datagrams):
    """Sends what is no question to the name service."""
    with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for each in datagrams:
            asking.sendto(bytes.fromhex(each), (server, 53))
    return {}


# --- boto3 ---

steer = {"source": None, "hosts": {}}


def steered():
    """boto3, whose connections come from the address, and whose names lead to the addresses, in `steer`."""
    import boto3
    import urllib3.util.connection as connection

    if not hasattr(connection, "unsteered"):
        connection.unsteered, resolve_else = connection.create_connection, socket.getaddrinfo

        def create_connection(address, timeout=None, source_address=None, socket_options=None):
            source = steer["source"] and (steer["source"], 0)
            return connection.unsteered(address, timeout, source, socket_options)

        def getaddrinfo(host, *rest, **options):
            leading = (to for suffix, to in steer["hosts"].items() if isinstance(host, str) and host.endswith(suffix))
            return resolve_else(next(leading, host), *rest, **options)

        connection.create_connection, socket.getaddrinfo = create_connection, getaddrinfo
    return boto3


def s3(endpoint, call, arguments, key, secret, region, source=None, ca=None, hosts=None):
    """A call by boto3; its answer's status, error code and body."""
    boto3 = steered()
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    steer["source"], steer["hosts"] = source, hosts or {}
    named = endpoint.rsplit("/", 1)[1][0].isalpha()
    config = Config(s3={} if named else {"addressing_style": "path"}, connect_timeout=5, read_timeout=20,
                    retries={"max_attempts": 0})
    client = boto3.client("s3", endpoint_url=endpoint, region_name=region, aws_access_key_id=key,
                          aws_secret_access_key=secret, verify=ca, config=config)
    try:
        answer = getattr(client, call)(**arguments)
    except ClientError as error:
        return {"status": error.response["ResponseMetadata"]["HTTPStatusCode"], "code": error.response["Error"]["Code"]}
    except BotoCoreError as error:
        return {"outcome": f"{type(error).__name__}: {error}"[:200]}
    body = answer["Body"].read().decode("latin-1") if "Body" in answer else None
    return {"status": answer["ResponseMetadata"]["HTTPStatusCode"], "code": None, "body": body}


# --- loads ---

class Load:
    """Threads that connect, ask and close in a loop; each job is a target with the status that it must have."""

    def __init__(self, address, port, jobs, headers, source, threads, timeout, pause):
        self.address, self.port, self.jobs, self.headers = address, port, jobs, headers
        self.source, self.timeout, self.pause = source, timeout, pause
        self.lock, self.end = threading.Lock(), threading.Event()
        self.told = {"asked": 0, "good": 0, "wrong": 0, "late": 0, "failed": {}}
        self.noted = []
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        while not self.end.is_set():
            target, wanted = self.jobs[number % len(self.jobs)]
            number += 1
            self.once(target, wanted)
            self.end.wait(self.pause)

    def once(self, target, wanted):
        began, outcome, late = time.monotonic(), None, False
        try:
            with dial(self.address, self.port, self.source, self.timeout) as stream:
                late = time.monotonic() - began > LATE_SECONDS
                status = answered(over(stream, self.address, self.port), "GET", target, self.headers, None)["status"]
                if status != wanted:
                    # A node that is not ready says so; it does not say another's answer.
                    outcome = "503" if status == 503 else "wrong"
        except (OSError, http.client.HTTPException) as error:
            outcome = outcome_of(error)
        with self.lock:
            told = self.told
            told["asked"] += 1
            told["late"] += late
            if outcome is None:
                told["good"] += 1
            elif outcome == "wrong":
                told["wrong"] += 1
            else:
                told["failed"][outcome] = told["failed"].get(outcome, 0) + 1
            if outcome == "wrong" and len(self.noted) < NOTED_MAX:
                self.noted.append(f"{status} instead of {wanted} for {target[:60]}")

    def stop(self):
        self.end.set()
        for thread in self.threads:
            thread.join(self.timeout * 3 + 5)
        return {**self.told, "noted": self.noted}


class Knock(Load):
    """Threads that try to connect in a loop where they may not; one that gets in is a leak."""

    def once(self, target, wanted):
        told = connect(self.address, self.port, self.source, count=8, seconds=0.05)
        with self.lock:
            self.told["asked"] += 8
            self.told["good"] += told["open"]
            for outcome in ("refused", "other"):
                if told[outcome]:
                    self.told["failed"][outcome] = self.told["failed"].get(outcome, 0) + told[outcome]


def load(name, address, port, jobs=(("/", 200),), headers=None, source=None, threads=2, timeout=5.0, pause=0.0,
         knock=False):
    loads[name] = (Knock if knock else Load)(address, port, jobs, headers or {}, source, threads, timeout, pause)
    return {}


def count(name):
    """What a load has seen up to now."""
    with loads[name].lock:
        return json.loads(json.dumps(loads[name].told))


def stop(name):
    return loads.pop(name).stop()


# --- a stand-in, for the tests of the tests ---

def serve(address, port):
    """Answers every request with the address that it came from; every question for a name with 192.0.2.1."""
    listener = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)

    def answer(stream, peer):
        with stream:
            stream.recv(65536)
            body = peer[0].encode()
            stream.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def loop():
        while True:
            threading.Thread(target=answer, args=listener.accept(), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    return {}


def serve_names(address):
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind((address, 53))

    def loop():
        while True:
            data, peer = asked.recvfrom(512)
            record = struct.pack("!HHHIH", 0xC00C, dns.TYPES["A"], 1, 60, 4) + bytes([192, 0, 2, 1])
            asked.sendto(data[:2] + struct.pack("!HHHHH", 0x8400, 1, 1, 0, 0) + data[12:] + record, peer)

    threading.Thread(target=loop, daemon=True).start()
    return {}


COMMANDS = {each.__name__: each for each in
            (ask, keep, again, connect, release, transmit, heard, resolve, garble, s3, load, count, stop, serve,
             serve_names)}


def main():
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = COMMANDS[order.pop("do")](**order)
        except Exception as error:  # whoever asked hears of it
            answer = {"raised": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

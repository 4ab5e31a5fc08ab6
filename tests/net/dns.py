"""Questions to a name service, over UDP and TCP, by nothing but sockets (RFC 1035)."""

import ipaddress
import secrets
import socket
import struct

TYPES = {"A": 1, "NS": 2, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "ANY": 255}
REFUSED = 5


def question(name, kind, identity):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return struct.pack("!HHHHHH", identity, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", TYPES[kind], 1)


def after_name(message, at):
    while length := message[at]:
        if length >= 0xC0:
            return at + 2
        at += 1 + length
    return at + 1


def answers(message, identity):
    """The response code, whether the answer is authoritative, and the addresses in it."""
    found, flags, questions, count = struct.unpack_from("!HHHH", message)
    assert found == identity and flags & 0x8000, "it is no answer to this question"
    at, addresses = 12, []
    for _ in range(questions):
        at = after_name(message, at) + 4
    for _ in range(count):
        at = after_name(message, at)
        kind, _, _, length = struct.unpack_from("!HHIH", message, at)
        data = message[at + 10:at + 10 + length]
        at += 10 + length
        if kind in (TYPES["A"], TYPES["AAAA"]):
            addresses.append(str(ipaddress.ip_address(data)))
    return flags & 0xF, bool(flags & 0x0400), sorted(addresses)


def exactly(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        assert more, "the name service closed the connection"
        data += more
    return data


def ask(server, name, kind="A", transport="udp", source=None, timeout=3.0):
    identity = secrets.randbelow(1 << 16)
    asked = question(name, kind, identity)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout)
        if source:
            asking.bind((source, 0))
        asking.connect((server, 53))
        if transport == "udp":
            asking.send(asked)
            return answers(asking.recv(4096), identity)
        asking.sendall(struct.pack("!H", len(asked)) + asked)
        return answers(exactly(asking, struct.unpack("!H", exactly(asking, 2))[0]), identity)

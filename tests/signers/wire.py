"""Speaks HTTP over a plain socket: sends exactly the bytes it is given, reads one answer, and tells
whether the server closed the connection afterwards."""

import dataclasses
import socket
import xml.etree.ElementTree as ElementTree

SECONDS = 10


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes
    closed: bool
    continued: bool = False

    def error(self):
        """The elements of an error document; empty where there is none."""
        try:
            root = ElementTree.fromstring(self.body)
        except ElementTree.ParseError:
            return {}
        return {child.tag: child.text or "" for child in root} if root.tag == "Error" else {}


def head(method, target, headers):
    lines = [f"{method} {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def connect(address, tls=None):
    connection = socket.create_connection(address, timeout=SECONDS)
    return tls.wrap_socket(connection, server_hostname=address[0]) if tls else connection


def exchange(address, data, is_head=False, half_close=False, tls=None):
    """Sends `data`, reads the answer, then looks for what else comes: (answer, bytes after it).
    `tls` is the `ssl.SSLContext` to speak through."""
    with connect(address, tls) as connection:
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # The server answered and closed before it had read everything: the answer is there.
        reader = connection.makefile("rb")
        answer = read_answer(reader, is_head)
        connection.settimeout(0.3)
        try:
            after = connection.recv(65536)
            answer.closed = after == b""
        except TimeoutError:
            after = b""
        except OSError:
            after, answer.closed = b"", True
        return answer, after


def read_answer(reader, is_head):
    continued = False
    while True:
        first = reader.readline()
        if not first:
            return Answer(0, {}, b"", True)
        status = int(first.split()[1])
        headers = {}
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if status != 100:
            break
        continued = True
    if is_head or status in (204, 304):
        body = b""
    elif headers.get("transfer-encoding") == "chunked":
        body = b"".join(iter(lambda: read_chunk(reader), b""))
    elif "content-length" in headers:
        body = reader.read(int(headers["content-length"]))
    else:
        body = reader.read()
    return Answer(status, headers, body, False, continued)


def read_chunk(reader):
    size = int(reader.readline().split(b";")[0] or b"0", 16)
    data = reader.read(size)
    reader.readline()
    return data

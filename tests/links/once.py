"""One-time links: who wins, what uses one up, what may be resumed, and the page that asks."""

import concurrent.futures
import os
import secrets
import socket
import subprocess
import time
import urllib.parse

RACES = int(os.environ.get("BLOCKHOUSE_LINK_RACES", "100"))
RUNNERS = 100
BODY = b"once and never again"
NAVIGATE = {"Sec_Fetch_Mode": "navigate", "Accept": "text/html"}
# More than the kernel takes on both ends of a connection: an answer that nobody reads stops in its middle.
LARGE_BYTES = 64 << 20


def token():
    return {"x-bh-once": secrets.token_urlsafe(16)}


def what_uses_it_up(house):
    etag = house.put("once", BODY)
    link = house.link("get_object", "once", {**token(), "x-bh-head": "1"})
    house.ask(link, "HEAD").expect(200)
    assert house.ask(link, If_None_Match=etag).status == 304
    house.ask(link, If_Match='"0"').expect(412, "PreconditionFailed")
    house.ask(link, Range=f"bytes={len(BODY)}-").expect(416, "InvalidRange")
    house.ask(link, "OPTIONS", Origin="https://a.test", Access_Control_Request_Method="GET")
    house.ask(link + "0").expect(403, "SignatureDoesNotMatch")
    missing = house.link("get_object", "not there", token())
    house.ask(missing).expect(404, "NoSuchKey")
    house.put("not there", BODY)
    assert house.ask(missing).expect(200).body == BODY
    assert house.ask(link, Range="bytes=0-3").expect(206).body == BODY[:4]
    for again in (house.ask(link), house.ask(link, Range="bytes=4-")):
        again.expect(403, "AccessDenied")
    assert house.ask(link, "HEAD").status == 403
    # Without a token of its own it is the same link; with another one it is not.
    house.ask(house.link("get_object", "once", token())).expect(200)


def many_signatures(house):
    """SigV4A signs the same request differently each time: one link all the same."""
    house.put("signed", BODY)
    terms = token()

    def two():
        urls = [house.link("get_object", "signed", terms, signature="s3v4a") for _ in range(2)]
        first, second = (dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)) for url in urls)
        assert first["X-Amz-Algorithm"] == "AWS4-ECDSA-P256-SHA256"
        assert first["X-Amz-Signature"] != second["X-Amz-Signature"]
        return urls if first["X-Amz-Date"] == second["X-Amz-Date"] else None

    one, other = until(two)
    assert house.ask(one).expect(200).body == BODY
    house.ask(other).expect(403, "AccessDenied")


def uploads(house):
    link = house.link("put_object", "upload", token())
    house.ask(link, "PUT", b"x", Content_MD5="AAAAAAAAAAAAAAAAAAAAAA==").expect(400, "BadDigest")
    house.ask(link, "PUT", b"first").expect(200)
    house.ask(link, "PUT", b"second").expect(403, "AccessDenied")
    assert house.ask(house.link("get_object", "upload")).body == b"first"


def races(house):
    """Of a hundred who try at once exactly one wins, with all of the object."""
    house.put("raced", BODY)
    urls = [house.link("get_object" if n % 2 else "put_object", "raced" if n % 2 else f"raced/{n}", token())
            for n in range(RACES)]

    def run(job):
        url, put, runner = job
        answer = house.ask(url, "PUT", str(runner).encode()) if put else house.ask(url)
        if answer.status == 200:
            assert put or answer.body == BODY
            return runner
        answer.expect(403, "AccessDenied")
        return None

    with concurrent.futures.ThreadPoolExecutor(RUNNERS) as pool:
        for number, url in enumerate(urls):
            put = number % 2 == 0
            winners = [w for w in pool.map(run, [(url, put, r) for r in range(RUNNERS)]) if w is not None]
            assert len(winners) == 1, f"race {number}: {len(winners)} winners"
            if put:
                stored = house.s3.get_object(Bucket="links", Key=f"raced/{number}")["Body"].read()
                assert stored == str(winners[0]).encode()


def begin(house, url):
    """Begins a transfer of which the client takes the head and a little more; gives the socket and the head."""
    split = urllib.parse.urlsplit(url)
    host, port = house.endpoint.host.rsplit(":", 1)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.connect((host, int(port)))
    client.sendall(f"GET {split.path}?{split.query} HTTP/1.1\r\nHost: {split.netloc}\r\n\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(4096)
    head = received.split(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 200"), head
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    return client, {name.lower(): value for name, value in headers.items()}


def until(condition):
    deadline = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


def resuming(house):
    large = os.urandom(1 << 20) * (LARGE_BYTES >> 20)
    etag = house.put("large", large)
    url = house.link("get_object", "large", token())
    client, head = begin(house, url)
    resume = {"If_Match": etag, "X_Bh_Resume": head["x-bh-resume"]}
    # While it runs nobody may.
    house.ask(url, **resume).expect(403, "AccessDenied")
    client.close()
    # Nobody without the token, or without the tag.
    for shown in [{}, {"If_Match": etag}, {"X_Bh_Resume": head["x-bh-resume"]},
                  {"If_Match": etag, "X_Bh_Resume": "0" * 32}]:
        house.ask(url, **shown).expect(403, "AccessDenied")
    cookie = head["set-cookie"].split(";")[0]
    assert cookie.startswith("__Host-bh-resume=") and "Secure" in head["set-cookie"]

    def rest():
        # The node hears of the broken connection when it next writes.
        answer = house.ask(url, If_Match=etag, Cookie=cookie, Range="bytes=1048576-")
        return answer if answer.status == 206 else None

    assert until(rest).body == large[1 << 20:]
    house.ask(url, **resume).expect(403, "AccessDenied")


def page(house):
    house.put("paged", BODY)
    url = house.link("get_object", "paged", token())
    for _ in range(3):
        answer = house.ask(url, **NAVIGATE).expect(200)
        assert BODY not in answer.body and b"<form method=\"post\">" in answer.body and b"<script" not in answer.body
        assert not {"etag", "last-modified", "x-bh-resume"} & {name.lower() for name in answer.headers}
    assert house.ask(url, "POST", b"open=yes", Content_Type="application/x-www-form-urlencoded").expect(200).body == BODY
    house.ask(url, **NAVIGATE).expect(403, "AccessDenied")
    skipped = house.link("get_object", "paged", {**token(), "x-bh-confirm": "no"})
    assert house.ask(skipped, **NAVIGATE).expect(200).body == BODY


def browser(house):
    """Chromium opens the link, shows the page, and has not used it up."""
    house.put("browsed", BODY)
    url = house.link("get_object", "browsed", token())
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server",
               "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
               f"--user-data-dir={house.scratch / 'profile'}", "--dump-dom", url]
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(house.scratch), "LC_ALL": "C.UTF-8",
                 "TMPDIR": str(house.scratch)}
    shown = subprocess.run(command, capture_output=True, env=variables, timeout=60).stdout
    assert b"This link works once" in shown and BODY not in shown, shown[-300:]
    assert house.ask(url).expect(200).body == BODY


CHECKS = {
    "what uses it up": what_uses_it_up,
    "many signatures": many_signatures,
    "uploads": uploads,
    "races": races,
    "resuming": resuming,
    "the page": page,
    "the page in a browser": browser,
}

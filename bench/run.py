#!/usr/bin/env python3
"""One command: starts the peers and Blockhouse, drives all with the same load, prints the table.

    cargo build --release && python3 bench/run.py [--peers nginx,blockhouse] [--rounds 3] [--seconds 5]

Every server is pinned to core 0, wrk to core 1; the rounds go around the servers, so that a slow
spell of the machine meets them all. The main figure is the server's CPU time per request (user and
system of all its processes), given as a ratio to nginx, which checks no signature, computes no
digest and syncs nothing. Rates are what this machine gave at that moment.
"""
import argparse
import datetime
import hashlib
import http.client
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from urllib.parse import urlparse

import peers
from sign import EMPTY_SHA256, Signer

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")
CLIENT_CORE = "1"
KIB4, MIB = 4096, 1 << 20
BUCKET, LISTED = "bench", "bench-list"
SMALL = [f"s/{n:05d}" for n in range(10_000)]
LARGE = [f"m/{n:03d}" for n in range(64)]
LISTED_KEYS = 100_000
FIXED = [os.urandom(MIB) for _ in range(8)]
FIXED_SHA256 = [hashlib.sha256(body).hexdigest() for body in FIXED]


class Workload:
    """What is sent: `heads(signer, peer)` gives the request heads."""

    def __init__(self, name, connections, size, heads, body=None, https=False, fixed=False):
        self.name, self.connections, self.size = name, connections, size
        self.heads, self.body, self.https, self.fixed = heads, body, https, fixed


def fresh_keys(prefix, count):
    run = os.urandom(4).hex()
    return [f"{prefix}/{run}/{n:06d}" for n in range(count)]


def gets(keys):
    return lambda: [("GET", f"/{BUCKET}/{key}", None, None) for key in keys]


def puts(prefix, count, size, signed=False):
    return lambda: [("PUT", f"/{BUCKET}/{key}", None, (size, signed)) for key in fresh_keys(prefix, count)]


def hashed_puts(prefix, count):
    """PUTs of the fixed bodies in turn, each with its SHA-256 signed."""
    return lambda: [("PUT", f"/{BUCKET}/{key}", None, (len(FIXED[n % len(FIXED)]), FIXED_SHA256[n % len(FIXED)]))
                    for n, key in enumerate(fresh_keys(prefix, count))]


def lists():
    starts = [f"k{n * 1000 * 37 % (LISTED_KEYS - 1000):06d}" for n in range(90)]
    return [("GET", f"/{LISTED}", {"list-type": "2", "max-keys": "1000", "start-after": start}, None)
            for start in starts]


WORKLOADS = [
    Workload("get4k", 32, KIB4, gets(SMALL)),
    Workload("put4k", 32, KIB4, puts("p4", 150_000, KIB4), body=KIB4),
    Workload("put4k-signed", 32, KIB4, puts("p4s", 60_000, KIB4, signed=True), body=KIB4),
    Workload("get1m", 8, MIB, gets(LARGE)),
    Workload("put1m", 8, MIB, puts("p1", 1_500, MIB), body=MIB),
    Workload("put1m-hashed", 16, MIB, hashed_puts("p1h", 1_504), body=MIB, fixed=True),
    Workload("list1k", 4, 0, lists),
    Workload("get4k-https", 32, KIB4, gets(SMALL), https=True),
    Workload("put4k-https", 32, KIB4, puts("p4t", 100_000, KIB4), body=KIB4, https=True),
]


def body_file(work, size):
    path = os.path.join(work, f"body{size}")
    if not os.path.exists(path):
        with open(path, "wb") as file:
            file.write(os.urandom(size))
    return path


def fixed_bodies_file(work):
    path = os.path.join(work, "bodies")
    if not os.path.exists(path):
        with open(path, "wb") as file:
            file.writelines(FIXED)
    return path


def write_heads(peer, work, name, requests, https=False):
    """Writes wrk's request file. A signed PUT signs the payload as unsigned, because the body's
    counter changes its hash with every request, unless its body is a fixed one."""
    url = urlparse(peer.https if https else peer.url)
    signer = Signer(peer.access_key, peer.secret, peer.region, url.netloc)
    path = os.path.join(work, f"{peer.name}-{name}")
    with open(path, "w") as file:
        for method, target, query, body in requests:
            lines = []
            if peer.signed and body and body[1]:
                payload = "UNSIGNED-PAYLOAD" if body[1] is True else body[1]
                target, lines = signer.head(method, target, payload, query)
            elif peer.signed:
                target = signer.presign(method, target, query)
            if body:
                lines.append(f"Content-Length: {body[0]}")
            head = [f"{method} {target} HTTP/1.1", f"Host: {url.netloc}", *lines]
            file.write("\x01".join(head) + "\x01\x01\n")
    return path


def wrk(peer, heads, connections, seconds, body="-", first=0, count=0, https=False, size=0):
    url = (peer.https if https else peer.url) + "/"
    words = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout",
             "60s", "-s", os.path.join(HERE, "load.lua"), url, "--", heads, body, str(first), str(count),
             str(size)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if count:
        # wrk sleeps out its whole time: it is ended when the script says that all were answered.
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    found = re.search(r"JSON(\{.*\})", out)
    if not found:
        raise RuntimeError(f"wrk against {peer.name}: {out}{err}")
    return json.loads(found.group(1))


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        try:
            stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(stat[n]) for n in (11, 12, 13, 14))
    return total / TICKS


def rss_mib(pids):
    total = 0
    for pid in pids:
        try:
            total += int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))
        except (OSError, AttributeError):
            pass
    return total / 1024


def written_bytes(pids):
    total = 0
    for pid in pids:
        try:
            total += int(re.search(r"^write_bytes: (\d+)", open(f"/proc/{pid}/io").read(), re.M).group(1))
        except (OSError, AttributeError):
            pass
    return total


def flushes():
    """Flush requests that the disks under us got so far (field 16 of their statistics)."""
    total = 0
    for name in os.listdir("/sys/block"):
        if name.startswith(("vd", "sd", "nvme", "xvd")):
            fields = open(f"/sys/block/{name}/stat").read().split()
            total += int(fields[15]) if len(fields) > 15 else 0
    return total


def call(peer, method, target, query=None):
    """One signed request, for making buckets."""
    url = urlparse(peer.url)
    target, lines = Signer(peer.access_key, peer.secret, peer.region, url.netloc).head(
        method, target, EMPTY_SHA256, query)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    connection.request(method, target, b"", dict(line.split(": ", 1) for line in lines))
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status >= 300 and b"Own" not in body and b"Exists" not in body:
        raise RuntimeError(f"{peer.name}: {method} {target}: {answer.status} {body[:200]}")


def preload(peer, work):
    if peer.signed:
        for bucket in (BUCKET, LISTED):
            call(peer, "PUT", f"/{bucket}")
    listed = [f"k{n:06d}" for n in range(LISTED_KEYS)] if peer.lists else []
    small, large = (SMALL, LARGE) if peer.reads else ([], [])
    for bucket, keys, size in ((BUCKET, small, KIB4), (BUCKET, large, MIB), (LISTED, listed, 16)):
        if not keys:
            continue
        requests = [("PUT", f"/{bucket}/{key}", None, (size, False)) for key in keys]
        heads = write_heads(peer, work, "preload", requests)
        result = wrk(peer, heads, 16, 900, body_file(work, size), 0, len(keys))
        if result["refused"]:
            raise RuntimeError(f"{peer.name}: {result['refused']} of {len(keys)} preloads refused")


def measure(peer, workload, work, seconds, state):
    key = (peer.name, workload.name)
    if key not in state:
        heads = write_heads(peer, work, workload.name, workload.heads(), workload.https)
        state[key] = [heads, 0]
    heads, first = state[key]
    body = body_file(work, workload.body) if workload.body else "-"
    if workload.fixed:
        body = fixed_bodies_file(work)
    pids = peer.pids()
    cpu, bytes_before, flushed = cpu_seconds(pids), written_bytes(pids), flushes()
    result = wrk(peer, heads, workload.connections, seconds, body, first, https=workload.https,
                 size=workload.body if workload.fixed else 0)
    cpu, flushed = cpu_seconds(pids) - cpu, flushes() - flushed
    requests = max(1, result["requests"])
    if workload.body:
        state[key][1] = first + requests + workload.connections
    return {
        "cpu_us": cpu / requests * 1e6, "rate": requests / (result["micros"] / 1e6),
        "p50_ms": result["p50_us"] / 1e3, "p99_ms": result["p99_us"] / 1e3,
        "bad": result["refused"] + result["broken"], "requests": requests,
        "bytes": (written_bytes(pids) - bytes_before) / requests, "flushes": flushed / requests,
        "rss_mib": rss_mib(pids),
    }


def fits(peer, workload):
    if workload.https and not peer.https:
        return False
    if not peer.reads and workload.body is None:
        return False
    return peer.lists or workload.name != "list1k"


def table(results, names):
    """Markdown: one table a workload, ratios to nginx first."""
    out = []
    for workload in WORKLOADS:
        rows = {n: results[n][workload.name] for n in names if workload.name in results.get(n, {})}
        if not rows:
            continue
        base = rows.get("nginx", {}).get("cpu_us")
        per_byte = workload.size >= MIB
        out += [f"\n### {workload.name} ({workload.connections} connections)\n",
                f"| server | ratio to nginx | CPU us/request |{' CPU ns/byte |' if per_byte else ''} requests/s | "
                "p50 ms | p99 ms | bytes/request | flushes/request | RSS MiB |",
                "|---|---|---|---|---|---|---|---|---|" + ("---|" if per_byte else "")]
        for name, row in rows.items():
            ratio = f"{row['cpu_us'] / base:.2f}" if base else "-"
            writes = workload.body is not None
            out.append(
                f"| {name} | {ratio} | {row['cpu_us']:.1f} | "
                + (f"{row['cpu_us'] * 1e3 / workload.size:.2f} | " if per_byte else "")
                + f"{row['rate']:.0f} | {row['p50_ms']:.2f} | "
                f"{row['p99_ms']:.2f} | {row['bytes']:.0f} | "
                f"{format(row['flushes'], '.3f') if writes else '-'} | {row['rss_mib']:.0f} |"
                + (f" {row['bad']:.0f} bad answers" if row["bad"] else ""))
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--peers", default=",".join(p.name for p in peers.ALL))
    parser.add_argument("--only", default="", help="workloads, by name")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--out", default="", help="also write the figures here, as JSON")
    arguments = parser.parse_args()
    wanted, only = arguments.peers.split(","), set(filter(None, arguments.only.split(",")))
    with tempfile.TemporaryDirectory(prefix="blockhouse-bench-") as work:
        running, rows, state = [], {}, {}
        try:
            for peer in (p(work) for p in peers.ALL if p.name in wanted):
                running.append(peer)
                try:
                    peer.launch()
                    preload(peer, work)
                    print(f"{peer.name}: ready", file=sys.stderr)
                except peers.Missing as missing:
                    running.remove(peer)
                    print(f"{peer.name}: left out: {missing}", file=sys.stderr)
            for workload in (w for w in WORKLOADS if not only or w.name in only):
                for round_ in range(arguments.rounds + 1):
                    for peer in (p for p in running if fits(p, workload)):
                        # The first round warms up and is not counted.
                        seconds = arguments.seconds if round_ else 2
                        row = measure(peer, workload, work, seconds, state)
                        if round_:
                            rows.setdefault(peer.name, {}).setdefault(workload.name, []).append(row)
                            print(f"{workload.name} {round_} {peer.name}: {row['cpu_us']:.1f} us, "
                                  f"{row['rate']:.0f}/s, bad {row['bad']}", file=sys.stderr)
        finally:
            for peer in running:
                peer.stop()
    results = {name: {w: {k: statistics.median(r[k] for r in rs) for k in rs[0]} for w, rs in ws.items()}
               for name, ws in rows.items()}
    print(f"Measured {datetime.date.today()} on {os.cpu_count()} cores, kernel {platform.release()}; "
          f"medians of {arguments.rounds} rounds of {arguments.seconds} s.")
    print(table(results, [p.name for p in running]))
    if arguments.out:
        with open(arguments.out, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()

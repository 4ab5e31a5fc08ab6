#!/usr/bin/env python3
"""What the network filter costs: connections a second and CPU time for each, with its rules and without.

    cargo build --release && sudo python3 bench/net/run.py [--rounds 8] [--seconds 3]

One node serves four VPCs that have every address in common, in network namespaces that this program makes:

    none        the rules are there, but their tables are dormant: the kernel asks none of them
    stateless   as every endpoint has it: nothing is tracked, new connections are measured by source
    ranges      the same, with security groups of 99,000 ranges
    tracked     with a limit of connections at one time, which needs connection tracking

wrk opens a connection for each GET of a small object by a presigned link, and the server closes it. All processes
of the node are pinned to core 0, wrk to core 1. The rounds go around the variants. `CPU us` is what both cores did
for one connection, the client's part and the kernel's interrupts included: what differs between the variants is
the filter.

Then what it takes to fill a set, to change one range of it and to replace all:
`cargo run --release --package blockhouse-netlink --example sets`.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from urllib.parse import urlsplit

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(TOP / "tests" / name) for name in ("net", "links", "access-points", "clients")]

import tools
import world

SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS = 32
LOG_END_BYTES = 4000
TICKS = os.sysconf("SC_CLK_TCK")
# Of all ranges that a model may have, a few are needed elsewhere.
MANY = 99_000
PER_GROUP = 9_900
VARIANTS = ("none", "stateless", "ranges", "tracked")
CONNECTIONS_MAX = 100_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launch", metavar="PROGRAM", default=str(TOP / "target/release/blockhouse"))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    if reason := world.forbidden():
        sys.exit(f"cannot run: {reason}")
    tools.in_own_environment()
    tools.install()
    if reason := world.missing():
        sys.exit(f"cannot run: {reason}")
    world.enter()
    connections(options)


def connections(options):
    # Only now: these need what was just installed.
    from networked import Networked
    here = world.World()
    with tempfile.TemporaryDirectory(prefix="blockhouse-bench-net-") as scratch:
        for variant in VARIANTS:
            here.wire(variant, "10.0.1.50/24")
        house = Networked(options.launch, pathlib.Path(scratch), here)
        house.write(model())
        os.sched_setaffinity(0, {SERVER_CORE})
        try:
            house.start()
            os.sched_setaffinity(0, {SERVER_CORE, CLIENT_CORE})
            house.settled()
            measure(house, options)
            house.stop()
        except Exception:
            print(house.log.read_text(errors="replace")[-LOG_END_BYTES:], file=sys.stderr)
            raise
        finally:
            here.close()


def model():
    """The four VPCs."""
    import models
    vpcs = []
    for variant in VARIANTS:
        vpc = models.vpc(variant)
        vpc["cidrs"], vpc["subnets"][0]["cidrs"] = ["10.0.0.0/16"], ["10.0.1.0/24"]
        vpc["endpoint"]["addresses"] = [models.ENDPOINT]
        vpc["subnets"][0]["attach"] = {"interface": f"bhn-{variant}"}
        vpc["subnets"][0]["id"] = vpc["endpoint"]["subnet"] = f"subnet-{variant}"
        vpc["endpoint"]["limits"] = {"new_connections_per_second": 1_000_000, "burst": 1_000_000}
        vpcs.append(vpc)
    of = {variant: vpc["endpoint"] for variant, vpc in zip(VARIANTS, vpcs)}
    of["tracked"]["limits"]["connections_max"] = CONNECTIONS_MAX
    # Pairs of addresses, so that no two touch; the clients' own are the last.
    ranges = [f"172.{16 + n // 32768}.{n // 128 % 256}.{n % 128 * 2}/32" for n in range(MANY - 1)]
    ranges.append("10.0.1.0/24")
    # A group is one record of the node's state, which is bounded.
    groups = [{"id": f"sg-many-{at // PER_GROUP}", "ingress": [{"sources": ranges[at:at + PER_GROUP]}]}
              for at in range(0, MANY, PER_GROUP)]
    of["ranges"]["security_groups"] = [group["id"] for group in groups]
    return {"vpcs": vpcs, "security_groups": [{"id": "sg-open", "ingress": [{"sources": ["0.0.0.0/0"]}]}, *groups]}


def measure(house, options):
    link = urlsplit(house.link_to(house.bucket("bench")))
    for variant in VARIANTS:
        house.is_reached(variant)
    spaces = {variant: house.namespace(f"vpc-{variant}") for variant in VARIANTS}
    filterd = house.pid("netfilterd")
    # It would wake the tables again.
    os.kill(filterd, signal.SIGSTOP)
    try:
        tables(spaces["none"], "dormant")
        runs = {variant: [] for variant in VARIANTS}
        for variant in VARIANTS:
            load(house, variant, link, 1)
        for number in range(options.rounds):
            for variant in VARIANTS[number % len(VARIANTS):] + VARIANTS[:number % len(VARIANTS)]:
                runs[variant].append(load(house, variant, link, options.seconds))
        check_rules(spaces)
        show(runs)
    finally:
        os.kill(filterd, signal.SIGCONT)


def tables(space, flags):
    for family in ("inet", "arp"):
        world.inside(space, "nft", "add", "table", family, "bh", "{", "flags", flags, ";", "}")


def check_rules(spaces):
    """That what was measured was what it is called: the counters of accepted packets tell."""
    for variant, space in spaces.items():
        listed = json.loads(world.inside(space, "nft", "-j", "list", "counters"))["nftables"]
        accepted = sum(each["counter"]["packets"] for each in listed
                       if each.get("counter", {}).get("name", "").startswith("c_accept"))
        # The few that showed that it can be reached came before the tables slept.
        assert (accepted < 1000) == (variant == "none"), f"{variant}: {accepted} packets were accepted by a rule"


def busy_ticks():
    """What all cores did so far, in ticks: everything but waiting."""
    with open("/proc/stat", encoding="ascii") as table:
        user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, table.readline().split()[1:])
    return user + nice + system + irq + softirq + steal


def load(house, variant, link, seconds):
    """One run: connections a second, and CPU us for each."""
    import models
    target = f"http://{models.ENDPOINT}{link.path}?{link.query}"
    namespace = getattr(house.world, variant).namespace
    before = busy_ticks()
    told = world.inside(namespace, "taskset", "-c", str(CLIENT_CORE), "wrk", "-t1", f"-c{CONNECTIONS}",
                        f"-d{seconds}s", "--timeout", "5s", "-H", f"Host: {link.netloc}", "-H", "Connection: close",
                        target, timeout=seconds + 30)
    ticks = busy_ticks() - before
    requests, micros = re.search(r"(\d+) requests in ([\d.]+)s", told).groups()
    assert "Non-2xx" not in told and "Socket errors" not in told, f"{variant}: {told}"
    return int(requests) / float(micros), ticks / TICKS * 1e6 / int(requests)


def show(runs):
    print(f"{'':10} {'connections/s':>14} {'least':>7} {'most':>7} {'of none':>8} {'CPU us':>7} {'of none':>8}")
    base = runs["none"]
    for variant, of_rounds in runs.items():
        rates, costs = zip(*of_rounds)
        # A slow spell of the machine lasts longer than a round.
        of_none = [statistics.median(one[n] / other[n] for one, other in zip(of_rounds, base)) for n in (0, 1)]
        print(f"{variant:10} {statistics.median(rates):14,.0f} {min(rates):7,.0f} {max(rates):7,.0f} "
              f"{of_none[0]:8.3f} {statistics.median(costs):7.1f} {of_none[1]:8.3f}")
    print(f"medians of {len(base)} rounds; ratios are medians of each round's")


if __name__ == "__main__":
    main()

"""Two hundred VPCs, each of five subnets, all of them with the same addresses: how long, how much, how many; and
whether a change to one touches the others."""

import json
import os
import re
import time

import models
import world
from guest import Guest
from models import ENDPOINT, ONE, OTHER
from networked import denied
from world import until

VPCS = int(os.environ.get("BLOCKHOUSE_NET_VPCS", "200"))
SUBNETS = 5
MAKE_SECONDS = 300
SINK = "cl-sink"
# The VPCs that have a client.
WITH_CLIENT = (0, VPCS // 2, VPCS - 1)


def vpc(number):
    own = models.vpc(f"s{number}")
    own["subnets"][0]["attach"] = {"interface": f"bhn-s{number}"}
    own["subnets"] += [{"id": f"subnet-s{number}{n}", "cidrs": [f"10.0.{n}.0/24"]} for n in range(2, SUBNETS + 1)]
    own["subnets"][0]["gateway"] = [models.ROUTER]
    return own


def model():
    return {"vpcs": [vpc(number) for number in range(VPCS)], "security_groups": models.standard()["security_groups"]}


def lay(house):
    """A wire for each: most end where nobody is."""
    if SINK in world.namespaces():
        return
    world.run("ip", "netns", "add", SINK)
    lines = []
    for number in range(VPCS):
        if number in WITH_CLIENT:
            house.world.wire(f"s{number}", f"{ONE}/24", f"{OTHER}/24")
            continue
        lines += [f"link add bhn-s{number} type veth peer name s{number} netns {SINK}"]
    world.run("ip", "-batch", "-", stdin="\n".join(lines) + "\n", timeout=300)
    world.run("ip", "-n", SINK, "-batch", "-", timeout=300, stdin="".join(
        f"link set s{number} up\n" for number in range(VPCS) if number not in WITH_CLIENT))


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def kernel_kib():
    """What the kernel has taken for itself."""
    with open("/proc/meminfo", encoding="ascii") as table:
        found = dict(re.findall(r"(\w+):\s+(\d+)", table.read()))
    return sum(int(found[name]) for name in ("Slab", "Percpu", "KernelStack", "PageTables", "VmallocUsed"))


def made(house, wanted, count):
    """Applies, and tells how long it takes until all is so. The command itself does not wait for ever."""
    began = time.monotonic()
    done = house.net("apply", "-f", house.write(wanted), "--yes", timeout=MAKE_SECONDS)
    assert done.returncode == 0 or "does not answer" in done.stderr, done.stderr[-300:]

    def whole():
        status = house.status()
        return status and len(status["networks"]) == count and not status["failure"]

    until(f"{count} networks", whole, MAKE_SECONDS)
    house.settled(MAKE_SECONDS)
    return time.monotonic() - began


def two_hundred(house):
    house.be({})
    lay(house)
    filterd, kernel = resident_kib(house.pid("netfilterd")), kernel_kib()
    seconds = made(house, model(), VPCS)
    filterd_after, kernel_after = resident_kib(house.pid("netfilterd")), kernel_kib()
    status = house.settled()
    listeners = sum(each["listeners"] for network in status["networks"] for each in network["endpoints"])
    assert listeners >= 4 * VPCS, listeners
    bucket = house.bucket("scaled")
    for number in WITH_CLIENT:
        house.is_reached(f"s{number}")
        house.bucket(bucket, denied(bucket, {"StringNotEquals": {"aws:SourceVpc": f"vpc-s{number}"}}))
        link = house.link_to(bucket)
        for other in WITH_CLIENT:
            house.is_reached(f"s{other}")
            house.guest(f"s{other}").ask(ENDPOINT, link, source=ONE).expect(
                *((200,) if other == number else (403, "AccessDenied")))
    return (f"{VPCS} VPCs with {SUBNETS} subnets in {seconds:.1f} s, {listeners} listeners, netfilterd "
            f"{filterd / 1024:.1f} to {filterd_after / 1024:.1f} MiB, the kernel "
            f"{(kernel_after - kernel) / VPCS:.0f} KiB each")


def snapshot(spaces):
    """The rules of namespaces with their handles, and the numbers of their links."""
    found = {}
    for space in spaces:
        listed = json.loads(world.inside(space, "nft", "-j", "-a", "list", "table", "inet", "bh"))
        handles = [(kind, each.get("handle"), each.get("name", "")) for entry in listed["nftables"]
                   for kind, each in entry.items() if kind != "metainfo"]
        found[space] = handles, sorted((link["ifname"], link["ifindex"]) for link in world.links(space).values())
    return found


def touches_only_it(house):
    """A change to one VPC leaves the others' rules as they were, handle by handle, and their connections alive."""
    lay(house)
    made(house, model(), VPCS)
    changed, kept = WITH_CLIENT[0], WITH_CLIENT[1]
    spaces = {number: space_of(number) for number in range(VPCS)}
    before = snapshot(spaces.values())
    house.is_reached(f"s{kept}")
    link = house.link_to(house.bucket("scaled-one"))
    client = Guest(getattr(house.world, f"s{kept}").namespace)
    try:
        client.do("keep", name="kept", address=ENDPOINT, port=80, source=ONE)
        client.load("beside", ENDPOINT, [(link, 200)], source=OTHER, threads=1, pause=0.005)
        other = model()
        other["vpcs"][changed]["endpoint"]["cloak"] = [f"{ONE}/32"]
        began = time.monotonic()
        done = house.net("apply", "-f", house.write(other), "--yes")
        assert done.returncode == 0, done.stderr[-300:]
        seconds = time.monotonic() - began
        after = snapshot(spaces.values())
        touched = [space for space, found in after.items() if found != before[space]]
        assert touched == [spaces[changed]], f"touched: {touched[:10]}"
        client.again("kept", link).expect(200)
        told = client.do("stop", name="beside")
        assert told["good"] == told["asked"] and not told["late"], told
    finally:
        client.close()
    assert house.guest(f"s{changed}").do("connect", address=ENDPOINT, port=80, source=OTHER)["silent"] == 1
    return f"{seconds:.2f} s for one of {VPCS}"


def space_of(number):
    found = [each for each in world.namespaces() if each.endswith(f"-vpc-s{number}")]
    assert len(found) == 1, found
    return found[0]


def gone(house):
    """All of them end, and nothing of them is left."""
    lay(house)
    made(house, model(), VPCS)
    began = time.monotonic()
    house.net("apply", "-f", house.write({}), "--yes", timeout=MAKE_SECONDS)
    left = lambda: [name for name in world.namespaces() if "-vpc-" in name]
    until("no namespace of a VPC", lambda: not left(), MAKE_SECONDS)
    seconds = time.monotonic() - began
    until("all interfaces back", lambda: sum(name.startswith("bhn-s") for name in world.links()) == VPCS, 60)
    return f"{seconds:.1f} s"


CHECKS = {"two hundred VPCs": two_hundred, "one change": touches_only_it, "the end of all": gone}

"""The harness against itself: a namespace that a check fills by hand stands in for a VPC's."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import dns
import frames
import proxied
import spoof
import world
from guest import Guest
from models import ENDPOINT, ENDPOINT6, ONE, ONE6, OTHER, OTHER6, ROUTED
from world import until

PACKETS = 2000
RUN = pathlib.Path(__file__).resolve().parent / "run.py"


class Stand:
    """A namespace that has taken the node's end of a wire, as netfilterd does, and what answers in it."""

    def __init__(self, wire):
        self.wire, self.name = wire, f"st-{wire.namespace.removeprefix('cl-')}"
        if self.name in world.namespaces():
            return
        world.run("ip", "netns", "add", self.name)
        world.inside(self.name, "sysctl", "-qw", *world.CLIENT_SETTINGS)
        world.run("ip", "link", "set", wire.port, "netns", self.name)
        world.run("ip", "-n", self.name, "-batch", "-", stdin="\n".join([
            "link set lo up", f"link set {wire.port} up", f"address add {ENDPOINT}/24 dev {wire.port}",
            f"address add {ENDPOINT6}/64 dev {wire.port} nodad", f"route add 10.0.3.0/24 via 10.0.1.1"]) + "\n")
        self.serving = Guest(self.name)
        for address in (ENDPOINT, ENDPOINT6):
            self.serving.do("serve", address=address, port=80)
        self.serving.do("serve_names", address=ENDPOINT)


def stands(here):
    if not hasattr(here, "stands"):
        here.stands = {name: Stand(here.wires[name]) for name in ("a1", "b1")}
    for name in ("a1", "b1"):
        wire = here.wires[name]
        wire.guest = wire.guest or Guest(wire.namespace)
    return here.stands


def reached(here):
    """Both stands have one address, and each wire's clients reach their own."""
    stands(here)
    for name in ("a1", "b1"):
        for address in (ENDPOINT, ENDPOINT6):
            version = ["-6"] if ":" in address else []
            world.inside(f"cl-{name}", "ping", *version, "-c", "1", "-W", "5", address)


def sources(here):
    """A client speaks from the address that it is told to, one behind its router too; boto3 as well."""
    stands(here)
    for wire, source, address in (("a1", ONE, ENDPOINT), ("a1", OTHER, ENDPOINT), ("b1", ONE, ENDPOINT),
                                  ("a1", ONE6, ENDPOINT6), ("b1", OTHER6, ENDPOINT6), ("a1", ROUTED, ENDPOINT)):
        answer = here.wires[wire].guest.ask(address, "http://any/", source=source).expect(200)
        assert answer.body.decode() == source, (wire, source, answer)
        told = here.wires[wire].guest.do("s3", endpoint="http://name.test", call="get_object", source=source,
                                         arguments={"Bucket": "abc", "Key": "k"}, key="k", secret="s", region="r",
                                         hosts={"name.test": address})
        assert (told["status"], told["body"]) == (200, source), told


def outcomes(here):
    """Silence is told from a refusal, an open port from both; loads count all of them."""
    stands(here)
    a1 = here.wires["a1"].guest
    assert a1.do("connect", address=ENDPOINT, port=80, source=ONE, count=5)["open"] == 5
    assert a1.do("connect", address=ENDPOINT, port=81, source=ONE)["refused"] == 1
    world.inside("st-a1", "nft", "add table inet t; add chain inet t i { type filter hook input priority 0; }; "
                                 "add rule inet t i tcp dport 82 drop")
    assert a1.do("connect", address=ENDPOINT, port=82, source=ONE)["silent"] == 1
    assert a1.do("connect", address="203.0.113.1", port=82)["other"] == 1
    a1.load("load", ENDPOINT, [("http://any/", 200), ("http://any/other", 403)], source=ONE, threads=2)
    a1.do("load", name="knock", address=ENDPOINT, port=82, source=OTHER, threads=1, knock=True)
    until("some load", lambda: a1.do("count", name="load")["asked"] > 50 and a1.do("count", name="knock")["asked"])
    told, knocked = a1.do("stop", name="load"), a1.do("stop", name="knock")
    assert told["good"] > 20 and told["wrong"] > 20 and not told["failed"], told
    assert knocked["good"] == 0 and knocked["asked"] > 0, knocked
    world.inside("st-a1", "nft", "delete", "table", "inet", "t")


def checksums(here):
    """A SYN made by hand is answered: the kernel found all of its checksums right."""
    stands(here)
    wire = here.wires["a1"]
    right = frames.ethernet(wire.node_mac, wire.client_mac, *frames.syn(ONE, ENDPOINT, 80, 45678))
    assert wire.guest.do("heard", frame_hex=right.hex(), source=ENDPOINT)["heard"]
    bent = right[:-4] + bytes([right[-4] ^ 1]) + right[-3:]
    assert not wire.guest.do("heard", frame_hex=bent.hex(), source=ENDPOINT, seconds=0.5)["heard"]
    assert frames.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D, "the example of RFC 1071"


def every_packet(here):
    """Of each kind of the spoofing checks every frame arrives, and the packet filter sees it."""
    stand = stands(here)["a1"]
    counted = 0
    for kind, (wire, packets, _) in spoof.kinds(here).items():
        if wire.port != stand.wire.port:
            wire = stand.wire
        family = "arp" if packets[0][0] == frames.ETH_ARP else "inet"
        hook = "input" if family == "arp" else "prerouting"
        protocol = {frames.ETH_IP4: "meta nfproto ipv4", frames.ETH_IP6: "meta nfproto ipv6", frames.ETH_ARP: ""}
        world.inside(stand.name, "nft", f"add table {family} t; add counter {family} t c_n; add chain {family} t p "
                     f"{{ type filter hook {hook} priority -300; }}; add rule {family} t p iifname {wire.port} "
                     f"{protocol[packets[0][0]]} counter name c_n drop")
        made = [frames.ethernet("ff:ff:ff:ff:ff:ff" if ethertype == frames.ETH_ARP else wire.node_mac,
                                wire.client_mac, ethertype, payload).hex() for ethertype, payload in packets]
        told = wire.guest.do("transmit", frames_hex=made, count=PACKETS)
        assert told["arrived"] == PACKETS, (kind, told)

        def seen():
            listed = json.loads(world.inside(stand.name, "nft", "-j", "list", "counters", "table", family, "t"))
            return next(each["counter"]["packets"] for each in listed["nftables"] if "counter" in each)

        until(f"{PACKETS} of {kind}", lambda: seen() >= PACKETS, 10)
        # Neighbours speak by themselves; no more than a few words.
        assert seen() <= PACKETS + 20, (kind, seen())
        world.inside(stand.name, "nft", "delete", "table", family, "t")
        counted += 1
    return f"{counted} kinds, {PACKETS} of each"


def names(here):
    stands(here)
    told = here.wires["a1"].guest.do("resolve", server=ENDPOINT, name="any.test")
    assert (told["code"], told["authoritative"], told["addresses"]) == (0, True, ["192.0.2.1"]), told
    told = here.wires["a1"].guest.do("resolve", server=OTHER, name="any.test", timeout=0.5)
    assert "outcome" in told, told
    refused = bytes.fromhex("0007") + b"\x81\x05" + b"\0" * 8
    assert dns.answers(refused, 7) == (dns.REFUSED, False, [])


def headers(_):
    """The PROXY header, byte for byte, and the checksum's own example."""
    assert proxied.crc32c(b"123456789") == 0xE3069283
    expected = ("0d0a0d0a000d0a515549540a" "21" "11" "000c" "c0000201" "c0000202" "c738" "0050")
    assert proxied.header("192.0.2.1", "192.0.2.2").hex() == expected
    header = proxied.header("192.0.2.1", "192.0.2.2", proxied.vpce("vpce-1"), checked=True)
    at = header.index(b"\x03\x00\x04")
    zeroed = header[:at + 3] + bytes(4) + header[at + 7:]
    assert int.from_bytes(header[at + 3:at + 7], "big") == proxied.crc32c(zeroed)
    assert b"\xea\x00\x07\x01vpce-1" in header


def all_namespaces():
    """The network namespaces of every process that can be seen from here."""
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.add(os.readlink(entry / "ns" / "net"))
            except OSError:
                pass
    return found


def killed(here):
    """A run that is killed leaves no process, no namespace and no link."""
    before = all_namespaces(), world.namespaces(), set(world.links())
    run = subprocess.Popen([sys.executable, str(RUN), "--hold"], stdout=subprocess.PIPE, text=True)
    line = run.stdout.readline()
    assert line.startswith("holding 5 wires"), line
    assert len(all_namespaces()) > len(before[0]), "it made no namespaces"
    assert (world.namespaces(), set(world.links())) == before[1:], "its namespaces or links show here"
    run.send_signal(signal.SIGKILL)
    run.wait()
    until("the end of all its processes", lambda: all_namespaces() == before[0], 15)
    assert (world.namespaces(), set(world.links())) == before[1:]


def hold():
    """Stays in the middle of a run, until somebody kills it."""
    here = Guest("cl-a1")
    print(f"holding {len(world.namespaces())} wires", flush=True)
    signal.pause()
    here.close()


CHECKS = {
    "stands are reached": reached,
    "sources": sources,
    "outcomes": outcomes,
    "checksums": checksums,
    "every packet arrives": every_packet,
    "names": names,
    "PROXY headers": headers,
    "a killed run": killed,
}

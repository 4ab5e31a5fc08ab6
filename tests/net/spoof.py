"""Packets that lie about where they come from, or that go where nothing is: dropped, counted, and not heard of
by the gateway."""

import os
from types import SimpleNamespace

import frames
import models
from models import (BESIDE, BESIDE6, ENDPOINT, ENDPOINT6, ONE, ONE6, ROUTER, SILENT, SILENT6)
from world import until

PACKETS = int(os.environ.get("BLOCKHOUSE_NET_PACKETS", "10000"))
# Different packets of a kind; they are sent again and again.
DIFFERENT = 500
NOBODY = "10.0.1.99"


def syns(sources, destinations, port=80):
    """SYNs from these sources to these destinations in turn, from a new port and with a new number each."""
    return [frames.syn(sources[n % len(sources)], destinations[n % len(destinations)], port, 20000 + n, 1000 + n)
            for n in range(DIFFERENT)]


def addresses(prefix, first=20, count=200):
    return [f"{prefix}{first + n}" for n in range(count)]


def kinds(wires):
    """Each kind: the wire that it is sent on, the packets, and the reason that it is counted under."""
    a1, a2 = wires.a1, wires.a2
    public = ["198.51.100.9", "8.8.8.8", "203.0.113.77", "172.16.0.1", "100.64.0.1"]
    never = ["127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "169.254.169.254", "240.0.0.1"]
    far6 = addresses("2001:db8::", 10, 80)
    claims = [frames.arp(a1.client_mac, ENDPOINT, target, reply)
              for target in (ENDPOINT, ONE, ROUTER) for reply in (False, True)]
    foreign = [frames.arp(a1.client_mac, sender, ENDPOINT, reply)
               for sender in ("10.0.2.60", "10.0.9.9", "8.8.8.8", "10.0.1.0", "10.0.1.255", "224.0.0.1")
               for reply in (False, True)]
    everyone6 = "ff02::1"
    claims6 = [frames.neighbor(a1.client_mac, source, destination, target, True)
               for source in (ONE6, "fe80::99") for destination in (everyone6, ENDPOINT6)
               for target in (ENDPOINT6, BESIDE6, "2001:db8::1")]
    foreign6 = [frames.neighbor(a1.client_mac, source, ENDPOINT6, target, advertises)
                for source in (BESIDE6, "2001:db8::1") for target in (ENDPOINT6, ONE6) for advertises in (False, True)]
    return {
        "a source of another subnet": (a2, syns(addresses("10.0.1."), [SILENT, ENDPOINT]), "spoof"),
        "a source outside of the VPC": (a1, syns(public, [ENDPOINT]), "spoof"),
        "a source that nobody has": (a1, syns(never, [ENDPOINT]), "spoof"),
        "a source of another subnet, IPv6": (a1, syns(addresses("fd00:10:0:2::", 20, 70), [ENDPOINT6]), "spoof"),
        "a source outside of the VPC, IPv6": (a1, syns(far6, [ENDPOINT6]), "spoof"),
        "the endpoint's address as source": (a1, syns([ENDPOINT], [ENDPOINT]), "own_address"),
        "the node's other address as source": (a1, syns([SILENT], [ENDPOINT]), "own_address"),
        "the endpoint's address as source, IPv6": (a1, syns([ENDPOINT6, SILENT6], [ENDPOINT6]), "own_address"),
        "ARP in the endpoint's name": (a1, claims, "foreign_arp"),
        "ARP in a foreign name": (a1, foreign, "foreign_arp"),
        "neighbour discovery in the endpoint's name, or a foreign one": (a1, claims6, "foreign_neighbor"),
        "neighbour discovery from elsewhere": (a1, foreign6, "foreign_neighbor"),
        "the endpoint by another subnet's link": (a2, syns([BESIDE], [ENDPOINT]), "wrong_interface"),
        "the endpoint by another subnet's link, IPv6": (a2, syns([BESIDE6], [ENDPOINT6]), "wrong_interface"),
        "another port": (a1, syns([ONE], [ENDPOINT], 81), "not_endpoint"),
        "the administrator's port": (a1, syns([ONE], [ENDPOINT], 9002), "not_endpoint"),
        "another port, IPv6": (a1, syns([ONE6], [ENDPOINT6], 81), "not_endpoint"),
        "an address of the node that offers nothing": (a2, syns([BESIDE], [SILENT]), "not_endpoint"),
        "another address": (a1, syns([ONE], [NOBODY]), "forward"),
        "to be passed on to another subnet": (a1, syns([ONE], [BESIDE]), "forward"),
        "to be passed on to the world": (a1, syns([ONE], public), "forward"),
        "to be passed on, IPv6": (a1, syns([ONE6], [BESIDE6, "2001:db8::1"]), "forward"),
        "a piece of a packet": (a1, [frames.piece(ONE, ENDPOINT)], "fragment"),
    }


def check_of(kind):
    def check(house):
        house.be(models.standard())
        house.is_reached("a1")
        wire, packets, reason = kinds(house.world)[kind]
        before, accepted = house.dropped("vpc-a", reason), house.accepted_at_rest()
        made = [frames.ethernet("ff:ff:ff:ff:ff:ff" if ethertype == frames.ETH_ARP else wire.node_mac, wire.client_mac,
                                ethertype, payload) for ethertype, payload in packets]
        told = house.guest(wire.namespace.removeprefix("cl-")).do("transmit", frames_hex=[each.hex() for each in made],
                                                                  count=PACKETS, patience=180)
        assert told["arrived"] == PACKETS, told
        # Somebody else's packet of the same kind would make it more; none may be missing.
        count = lambda: house.dropped("vpc-a", reason) - before
        until(f"{PACKETS} packets counted under {reason}, but {count()}", lambda: count() >= PACKETS, 10)
        assert house.accepted() == accepted, f"{house.accepted() - accepted} reached the gateway"
        return f"{count()} of {PACKETS} under {reason}"

    return check


def neighbours(house):
    """What they claimed is believed by nobody: the endpoint still answers, and the node knows who is where."""
    house.be(models.standard())
    for address, source in ((ENDPOINT, ONE), (ENDPOINT6, ONE6)):
        house.is_reached("a1", address, source)


def sampled(house):
    """The sample of drops names the network, the reason, the source and the port."""
    house.be(models.standard())
    a1 = house.world.a1
    one = [frames.ethernet(a1.node_mac, a1.client_mac, *frames.syn("198.51.100.201", ENDPOINT, 80)).hex()]

    def found():
        house.guest("a1").do("transmit", frames_hex=one, count=1)
        return [drop for drop in house.status()["drops"]
                if (drop["network"], drop["reason"], drop["source"], drop["destination_port"])
                == ("vpc-a", "spoof", "198.51.100.201", 80)]

    until("a sample of the drop", found, 15)
    shown = house.net("status").stdout
    assert "vpc-a" in shown and "spoof" in shown and "vpce-b" in shown, shown[-500:]


def checks():
    wire = SimpleNamespace(client_mac="02:00:00:00:00:00", node_mac="02:00:00:00:00:00")
    names = kinds(SimpleNamespace(a1=wire, a2=wire))
    return {**{name: check_of(name) for name in names}, "nobody believed it": neighbours, "the sample": sampled}


CHECKS = checks()

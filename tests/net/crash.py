"""Processes die under load: the network filter, which nobody notices; and the node, whose queues are kept."""

import http.client
import os
import time
import urllib.parse

import models
import world
from guest import Guest
from models import ENDPOINT, ENDPOINT6, ONE, ONE6, OTHER
from networked import denied
from world import until

DEATHS = int(os.environ.get("BLOCKHOUSE_NET_DEATHS", "5"))
KEPT = 8
WAITING = 40
# New connections are served again so soon after the node is back.
BACK_SECONDS = 1.0


class Load:
    """Clients of both VPCs. Each asks for what only its own VPC may have, and for what only the other may."""

    def __init__(self, house):
        self.links = {}
        for letter in "ab":
            bucket = house.bucket(f"only-{letter}")
            house.bucket(bucket, denied(bucket, {"StringNotEquals": {"aws:SourceVpc": f"vpc-{letter}"}}))
            self.links[letter] = house.link_to(bucket)
        self.guests = {letter: Guest(getattr(house.world, f"{letter}1").namespace) for letter in "ab"}
        for letter, guest in self.guests.items():
            jobs = [(self.links[each], 200 if each == letter else 403) for each in "ab"]
            guest.load("v4", ENDPOINT, jobs, source=ONE, threads=2, timeout=20.0, pause=0.002)
            guest.load("v6", ENDPOINT6, jobs, source=ONE6, threads=1, timeout=20.0, pause=0.002)

    def counts(self):
        return {(letter, family): guest.do("count", name=family)
                for letter, guest in self.guests.items() for family in ("v4", "v6")}

    def goes_on(self):
        """Waits until every client has been answered again."""
        before = self.counts()
        until("answers to all clients", lambda: all(
            now["good"] > before[who]["good"] for who, now in self.counts().items()), 20)

    def is_right(self):
        for who, told in self.counts().items():
            assert told["wrong"] == 0, f"{told['wrong']} answers of another VPC to {who}"
            assert told["good"] > 20, (who, told)

    def close(self):
        for guest in self.guests.values():
            guest.close()


def prepared(house):
    house.be(models.standard())
    for wire in ("a1", "b1"):
        for address in (ENDPOINT, ENDPOINT6):
            house.is_reached(wire, address)


def listeners(status):
    return {each["id"]: each["listeners"] for network in status["networks"] for each in network["endpoints"]}


def netfilterd_dies(house):
    prepared(house)
    before, there = house.settled(), world.namespaces()
    rules = {name: house.rules(name) for name in ("vpc-a", "vpc-b")}
    load = Load(house)
    asking = house.guest("a1")
    node = house.pid("node")
    try:
        for number in range(KEPT):
            asking.do("keep", name=f"kept-{number}", address=ENDPOINT, port=80, source=OTHER)
        load.goes_on()
        for death in range(DEATHS):
            killed = house.kill_role("netfilterd")
            # While it is away: what is open lives, and what is new is taken.
            for number in range(KEPT):
                asking.again(f"kept-{number}", load.links["a"]).expect(200)
            house.guest("b1").ask(ENDPOINT, load.links["b"], source=OTHER).expect(200)
            house.is_back("netfilterd", killed)
            status = house.settled()
            assert listeners(status) == listeners(before), (death, listeners(status))
            load.goes_on()
        for number in range(KEPT):
            asking.again(f"kept-{number}", load.links["b"]).expect(403, "AccessDenied")
        load.is_right()
        told = load.counts()
        failed = {who: each["failed"] for who, each in told.items() if each["failed"]}
        assert not failed, f"requests failed: {failed}"
    finally:
        load.close()
    assert house.pid("node") == node, "the node was started anew"
    assert world.namespaces() == there, "namespaces came or went"
    for name, listed in rules.items():
        assert without_handles(house.rules(name)) == without_handles(listed), f"other rules in {name}"
    # It has not forgotten how to change them.
    changed = models.changed(security_groups=["sg-none"])
    changed["security_groups"].append({"id": "sg-none"})
    house.be(changed)
    assert asking.do("connect", address=ENDPOINT, port=80, source=OTHER)["silent"] == 1
    house.be(models.standard())
    house.is_reached("a1")
    return f"{DEATHS} times, {sum(each['asked'] for each in told.values())} requests"


def without_handles(listed):
    if isinstance(listed, dict):
        return {name: without_handles(each) for name, each in listed.items() if name not in ("handle", "index")}
    if isinstance(listed, list):
        return [without_handles(each) for each in listed]
    return listed


def is_ready(house):
    connection = http.client.HTTPConnection("127.0.0.1", house.ports[2], timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def node_dies(house):
    prepared(house)
    load = Load(house)
    filter_pid, slowest, served = house.pid("netfilterd"), 0.0, 0
    kept, waiting = Guest(house.world.a1.namespace), [Guest(house.world.b1.namespace) for _ in range(WAITING // 8)]
    try:
        for death in range(DEATHS):
            load.goes_on()
            for number in range(KEPT):
                kept.do("keep", name=f"kept-{number}", address=ENDPOINT, port=80, source=OTHER)
                kept.again(f"kept-{number}", load.links["a"]).expect(200)
            killed = house.kill_role("node")
            # Whoever asks now waits in the queue of a listener that nobody serves.
            for guest in waiting:
                guest.begin("load", name=f"death-{death}", address=ENDPOINT, port=80, source=OTHER, threads=8,
                            timeout=30.0, pause=30.0, **ordered(load.links["b"]))
            for number in range(KEPT):
                outcome = kept.again(f"kept-{number}", load.links["a"], timeout=5.0).outcome
                assert outcome in ("reset", "closed"), f"a connection of the dead node: {outcome}"
            for guest in waiting:
                guest.end()
            house.is_back("node", killed)
            until("a node that is ready", lambda: is_ready(house), 60)
            back = time.monotonic()
            house.guest("a1").ask(ENDPOINT, load.links["a"], source=OTHER).expect(200)
            slowest = max(slowest, time.monotonic() - back)
            assert slowest <= BACK_SECONDS, f"the first new connection took {slowest:.2f} s"

            def all_served():
                counts = [guest.do("count", name=f"death-{death}") for guest in waiting]
                lost = [each["failed"] for each in counts if each["failed"]]
                assert not lost, f"what waited in the queues was lost: {lost}"
                return sum(each["good"] for each in counts) == WAITING

            until("answers to all that waited", all_served, 30)
            served += WAITING
            for guest in waiting:
                # Their threads rest; the process goes with its namespace.
                guest.close()
            waiting = [Guest(house.world.b1.namespace) for _ in range(WAITING // 8)]
            load.goes_on()
        load.is_right()
        # What was under way when the node died was cut off; nobody was ever refused or left in silence.
        for who, told in load.counts().items():
            assert set(told["failed"]) <= {"reset", "closed", "503"}, (who, told)
    finally:
        load.close()
        kept.close()
        for guest in waiting:
            guest.close()
    assert house.pid("netfilterd") == filter_pid, "the network filter was started anew"
    return f"{DEATHS} times, {served} served that had waited, a new one after {slowest * 1000:.0f} ms"


def ordered(link):
    """A load's target and headers, of one link."""
    split = urllib.parse.urlsplit(link)
    return {"jobs": [(f"{split.path}?{split.query}", 200)], "headers": {"Host": split.netloc}}


def applied_survives(house):
    """What was applied since the node's launcher read its file is what a node that was killed comes back with."""
    only = models.standard()
    only["vpcs"] = [vpc for vpc in only["vpcs"] if vpc["id"] == "vpc-a"]
    house.be(only)
    house.write(models.standard())
    house.is_back("node", house.kill_role("node"))

    def named():
        status = house.status()
        return status and [network["name"] for network in status["networks"]]

    assert until("the network's status", named) == ["vpc-a"], named()
    house.is_reached("a1")


CHECKS = {"netfilterd dies": netfilterd_dies, "the node dies": node_dies, "what was applied survives": applied_survives}

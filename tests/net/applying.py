"""Networks that contradict themselves are refused whole; what is taken is shown before; what an operator breaks
by hand is mended."""

import copy
import json

import models
import world
from crash import without_handles
from models import ENDPOINT, ENDPOINT6, ONE, ONE6, OTHER, THIRD
from world import until

FOREIGN = "oth-1"
MEND_SECONDS = 30
RETRY_SECONDS = 30


def contradictions():
    """Changes of the standard network, each with the object that is at fault and words of the reason."""
    def of(change, *told):
        model = models.standard()
        change(model)
        return model, told

    first = lambda model: model["vpcs"][0]
    subnets = lambda model: first(model)["subnets"]
    front = lambda model: first(model)["endpoint"]
    put = dict.__setitem__
    return {
        "an id twice": of(lambda m: put(m["vpcs"][1], "id", "vpc-a"), "vpc-a", "twice"),
        "ranges that overlap": of(lambda m: put(subnets(m)[1], "cidrs", ["10.0.1.128/25"]), "vpc-a", "overlap"),
        "a subnet outside": of(lambda m: put(subnets(m)[2], "cidrs", ["10.9.0.0/24"]), "subnet-a3", "not within"),
        "an endpoint outside": of(lambda m: put(front(m), "addresses", ["10.0.2.10"]), "vpce-a", "not within"),
        "a reserved address": of(lambda m: put(front(m), "addresses", ["10.0.1.3"]), "vpce-a", "reserved"),
        "an endpoint in no subnet": of(lambda m: put(front(m), "subnet", "subnet-b1"), "vpce-a", "subnet-b1"),
        "an unattached endpoint": of(lambda m: subnets(m)[0].pop("attach"), "subnet-a1", "attach"),
        "a group that is not there": of(lambda m: put(front(m), "security_groups", ["sg-x"]), "vpce-a", "no sg-x"),
        "no group": of(lambda m: put(front(m), "security_groups", []), "vpce-a", "security_groups"),
        "an ACL that is not there": of(lambda m: put(subnets(m)[0], "network_acl", "acl-x"), "subnet-a1", "no acl-x"),
        "an interface twice": of(lambda m: put(m["vpcs"][1]["subnets"][0], "attach", {"interface": "bhn-a1"}),
                                 "bhn-a1", "already attached"),
        "the name service's port": of(lambda m: put(front(m), "ports", {"http": 53}), "vpce-a", "53"),
        "a rate of none": of(lambda m: put(front(m), "limits", {"burst": 0}), "vpce-a", "rates and bursts"),
        "too few free addresses": of(lambda m: (put(subnets(m)[0], "cidrs", ["10.0.1.0/29"]), put(
            front(m), "addresses", ["10.0.1.4"])), "10.0.1.0/29", "fewer than"),
    }


def unreadable():
    """What is no network at all, with a word of the place."""
    def text(change):
        model = models.standard()
        change(model)
        return json.dumps(model)

    misspelt = text(lambda m: m["vpcs"][0]["endpoint"].update(cloack=[]))
    return {misspelt: "cloack", text(lambda m: m["vpcs"][0].update(id="net-a")): "net-a",
            text(lambda m: m["vpcs"][0].update(cidrs=["10.0.0.0/33"])): "10.0.0.0/33", "vpcs: [": "", "[]": ""}


class Before:
    """What is in force, and whether it still is."""

    def __init__(self, house):
        self.house = house
        house.be(models.standard())
        house.is_reached("a1", source=ONE)
        self.rules = {name: house.rules(name) for name in ("vpc-a", "vpc-b")}
        self.version = house.admin("GET", "/state")[1]["version"]
        house.guest("a1").do("keep", name="before", address=ENDPOINT, port=80, source=OTHER)
        self.link = house.link_to(house.bucket("applied"))

    def still_is(self):
        house = self.house
        assert house.admin("GET", "/state")[1]["version"] == self.version, "there is a new version"
        for name, rules in self.rules.items():
            assert house.rules(name) == rules, f"the rules of {name} were touched"
        house.guest("a1").again("before", self.link).expect(200)
        assert not house.status()["failure"], house.status()["failure"]


def refused_whole(house):
    before = Before(house)
    for what, (model, told) in contradictions().items():
        for words in (("check", "-f", house.write(model)), ("apply", "-f", house.write(model), "--yes")):
            done = house.net(*words)
            assert done.returncode != 0, (what, words, done.stdout)
            said = done.stderr
            assert all(word in said for word in told), (what, words[0], told, said[-300:])
    for text, told in unreadable().items():
        done = house.net("apply", "-f", "-", "--yes", stdin=text)
        assert done.returncode != 0 and told in done.stderr, (told, done.stdout[-200:], done.stderr[-300:])
    before.still_is()
    return f"{len(contradictions())} contradictions"


def refused_by_the_node(house):
    """Whoever goes round the command hears the same: the node judges for itself."""
    before = Before(house)
    state = house.admin("GET", "/state")[1]
    name = next(each["name"] for each in state["resources"] if each["resource"].get("id") == "vpc-a")
    for what, (model, told) in contradictions().items():
        there = [vpc for vpc in model["vpcs"] if vpc["id"] == "vpc-a"][:1]
        if model["vpcs"][0] == models.standard()["vpcs"][0] or what == "an id twice":
            # It is about another object than this one.
            continue
        change = {"expected": state["version"], "put": [{"name": name, "resource": there[0]}]}
        status, document = house.admin("POST", "/state", change)
        said = json.dumps(document)
        assert status == 400 and all(word in said for word in told), (what, status, said[:300])
    # One at fault spoils the others with it.
    bad, good = copy.deepcopy(models.standard()["vpcs"][0]), {"id": "sg-new", "ingress": []}
    bad["endpoint"]["subnet"] = "subnet-nowhere"
    group = next(each["name"] for each in state["resources"] if each["resource"].get("id") == "sg-open")
    puts = [{"name": group.replace("sg-open", "sg-new"), "resource": good}, {"name": name, "resource": bad}]
    status, document = house.admin("POST", "/state", {"expected": state["version"], "put": puts})
    assert status == 400 and "subnet-nowhere" in json.dumps(document), document
    before.still_is()


def not_offered(house):
    """An interface that the hardware profile does not name is nobody's to take."""
    before = Before(house)
    if FOREIGN not in world.links():
        world.run("ip", "link", "add", FOREIGN, "type", "veth", "peer", "name", "oth-2")
    for interface in (FOREIGN, "lo1", "eth0"):
        model = models.standard()
        model["vpcs"][1]["subnets"][0]["attach"] = {"interface": interface}
        done = house.net("apply", "-f", house.write(model), "--yes")
        said = done.stderr
        assert done.returncode != 0 and "subnet-b1" in said and interface in said, (interface, said[-300:])
    assert FOREIGN in world.links(), "it was taken"
    before.still_is()


def late(house):
    """An interface that may be taken and is not there yet: the rest of the network is so, the status says what is
    missing, and the interface is taken once it comes."""
    house.be(models.standard())
    model = models.standard()
    third = models.vpc("c")
    third["subnets"][0]["attach"] = {"interface": "bhn-late"}
    model["vpcs"].append(third)
    done = house.net("apply", "-f", house.write(model), "--yes")
    assert done.returncode != 0 and "bhn-late" in done.stdout + done.stderr, (done.stdout[-300:], done.stderr[-300:])
    status = house.status()
    assert "bhn-late" in (status["failure"] or ""), status["failure"]
    assert house.net("status").returncode != 0, "an alarm without an exit code"
    house.is_reached("a1")
    house.is_reached("b1")
    if not hasattr(house.world, "late"):
        house.world.wire("late", f"{ONE}/24", f"{ONE6}/64")
    until("a status without failure", lambda: (house.status() or {"failure": "none"})["failure"] is None, RETRY_SECONDS)
    house.is_reached("late")
    house.guest("late").ask(ENDPOINT, house.link_to(house.bucket("applied")), source=ONE).expect(200)
    house.be(models.standard())
    # What was taken is given back.
    until("the interface back in its place", lambda: "bhn-late" in world.links(), 15)


def shown_first(house):
    before = Before(house)
    model = models.changed(cloak=[f"{OTHER}/32", f"{ONE}/32"], security_groups=["sg-open", "sg-two"])
    model["security_groups"].append({"id": "sg-two", "ingress": [{"sources": [f"{ONE}/32"]}]})
    model["vpcs"].pop()
    done = house.net("apply", "-f", house.write(model), "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = sorted(line[:1] + line.split(":")[0].rsplit("/", 1)[-1] for line in done.stdout.splitlines())
    assert lines == ["+sg-two", "-vpc-b", "~vpc-a"], done.stdout
    assert "endpoint" in next(line for line in done.stdout.splitlines() if line.startswith("~")), done.stdout
    before.still_is()
    # Who is asked and does not say yes changes nothing.
    done = house.net("apply", "-f", house.write(model), stdin="n\n")
    assert done.returncode != 0, done.stdout
    before.still_is()
    house.be(model)
    there = world.namespaces()
    assert not any(name.endswith("-vpc-b") for name in there), there
    until("bhn-b1 back in its place", lambda: "bhn-b1" in world.links(), 15)
    # What the node prints is what it takes.
    printed = house.net("show").stdout
    done = house.net("apply", "-f", "-", "--yes", stdin=printed)
    assert done.returncode == 0 and "nothing differs" in done.stdout, (done.stdout, done.stderr)
    house.be(models.standard())
    house.is_reached("b1")


def drift(house):
    """Whatever an operator breaks in a namespace by hand comes back, and the status says that it was gone."""
    house.be(models.standard())
    house.is_reached("a1", source=ONE)
    space = house.namespace("vpc-a")
    listed = json.loads(world.inside(space, "nft", "-j", "-a", "list", "chain", "inet", "bh", "pre"))
    handle = next(each["rule"]["handle"] for each in reversed(listed["nftables"]) if "rule" in each)
    nft = lambda *words: world.inside(space, "nft", *words)
    net = lambda *words: world.run("ip", "-n", space, *words)
    breaks = {
        "a rule": lambda: nft("delete", "rule", "inet", "bh", "pre", "handle", str(handle)),
        "a chain's rules": lambda: nft("flush", "chain", "inet", "bh", "input"),
        "a rule too many": lambda: nft("insert", "rule", "inet", "bh", "input", "accept"),
        "a table": lambda: nft("delete", "table", "arp", "bh"),
        "all rules": lambda: nft("flush", "ruleset"),
        "an address": lambda: net("address", "delete", f"{ENDPOINT}/24", "dev", "bhn-a1"),
        "an address too many": lambda: net("address", "add", "10.0.1.77/24", "dev", "bhn-a1"),
        "a link": lambda: net("link", "set", "bhn-a1", "down"),
        "routes": lambda: net("route", "flush", "table", "100"),
    }
    for what, breaking in breaks.items():
        before = state_of(house, space)
        breaking()
        assert state_of(house, space) != before, f"{what}: nothing was broken"
        until(f"{what} mended", lambda: state_of(house, space) == before, MEND_SECONDS)
        noted = until(f"a word of {what} in the status", lambda: house.network("vpc-a")["drift"], MEND_SECONDS)
        assert noted, what
        house.is_reached("a1", source=ONE)
        house.is_reached("a1", ENDPOINT6, ONE6)
    assert house.network("vpc-b")["drift"] == [], "it was noted of the wrong network"
    assert "drift" in house.net("status").stdout
    # The filter is a filter again.
    model = models.changed(cloak=[f"{ONE}/32"])
    house.be(model)
    house.is_reached("a1", source=ONE)
    assert house.guest("a1").do("connect", address=ENDPOINT, port=80, source=THIRD)["silent"] == 1


def state_of(house, space):
    """Rules, addresses, links and ways of a namespace, without numbers that tell how often they were made."""
    rules = sorted(json.dumps(without_handles(each), sort_keys=True) for each in house.rules("vpc-a"))
    addresses = json.loads(world.run("ip", "-n", space, "-j", "address"))
    own = sorted((link["ifname"], "UP" in link["flags"], sorted(each["local"] for each in link["addr_info"]
                                                               if each.get("scope") == "global")) for link in addresses)
    ways = world.run("ip", "-n", space, "route", "show", "table", "all", "type", "unicast").splitlines()
    return rules, own, sorted(way.strip() for way in ways if "table 100" in way)


CHECKS = {
    "refused whole": refused_whole,
    "refused by the node": refused_by_the_node,
    "an interface that is not offered": not_offered,
    "an interface that comes late": late,
    "shown first": shown_first,
    "drift is mended": drift,
}

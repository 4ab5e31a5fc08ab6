"""What one source may ask of an endpoint, and who may ask at all: what the filter refuses hears nothing, what
policies refuse hears 403."""

import time

import models
from models import ENDPOINT, ENDPOINT6, ONE, ONE6, OTHER, OTHER6, THIRD, THIRD6
from networked import denied
from world import until

RATE, BURST, TRIES = 50, 50, 200
CAP, HELD = 5, 12
# A SYN that was dropped is sent again after a second; what is open before was let through at once.
AT_ONCE_SECONDS = 0.7


def knocks(house, source, count=1, address=ENDPOINT, port=80, wire="a1", **more):
    return house.guest(wire).do("connect", address=address, port=port, source=source, count=count,
                                seconds=AT_ONCE_SECONDS, **more)


def is_silent(told, count=1):
    assert told["silent"] == count and not (told["open"] or told["refused"] or told["other"]), told


def with_reason(house, reason, at_least, knock):
    """Does something that is dropped so often at least under the reason, and is heard of by nobody."""
    before, accepted = house.dropped("vpc-a", reason), house.accepted_at_rest()
    told = knock()
    until(f"{at_least} more under {reason}", lambda: house.dropped("vpc-a", reason) >= before + at_least, 10)
    return told, house.accepted_at_rest() - accepted


def rate(house):
    """A connection rate per source: what is above it is dropped, and others do not notice."""
    house.be(models.changed(limits={"new_connections_per_second": RATE, "burst": BURST}))
    figures = []
    for address, source, other in ((ENDPOINT, ONE, OTHER), (ENDPOINT6, ONE6, OTHER6)):
        house.is_reached("a1", address, other)
        began = time.monotonic()
        told, _ = with_reason(house, "rate", TRIES // 4, lambda: knocks(house, source, TRIES, address))
        seconds = time.monotonic() - began
        assert told["refused"] == told["other"] == 0, told
        assert BURST // 2 <= told["open"] <= BURST + RATE * (seconds + 1), (told, seconds)
        # Another source, and the other VPC's same source, are as before.
        assert knocks(house, other, 10, address)["open"] == 10
        assert knocks(house, source, 2 * BURST, address, wire="b1")["open"] == 2 * BURST
        # Nor is the source shut out for good.
        until("a connection of the limited source", lambda: knocks(house, source, 1, address)["open"], 20)
        figures.append(f"{told['open']} of {TRIES} in")
    return ", ".join(figures)


def cap(house):
    """So many connections at one time per source."""
    house.be(models.changed(limits={**models.PLENTY, "connections_max": CAP}))
    for address, source, other in ((ENDPOINT, ONE, OTHER), (ENDPOINT6, ONE6, OTHER6)):
        house.is_reached("a1", address, other)
        hold = lambda: knocks(house, source, HELD, address, hold="cap")
        told, _ = with_reason(house, "connections", HELD - CAP, hold)
        assert (told["open"], told["silent"]) == (CAP, HELD - CAP), told
        assert knocks(house, other, CAP, address)["open"] == CAP
        assert knocks(house, source, HELD, address, wire="b1")["open"] == HELD
        is_silent(knocks(house, source, 1, address))
        house.guest("a1").do("release", hold="cap")
        until("a connection of the source that closed its own", lambda: knocks(house, source, 1, address)["open"], 20)


def cloak(house):
    """An endpoint that hides is silent for whom it does not know; one that does not hide says 403."""
    bucket = house.bucket("cloaked")
    house.bucket(bucket, denied(bucket, {"NotIpAddress": {"aws:VpcSourceIp": [f"{OTHER}/32", f"{OTHER6}/128"]}}))
    link = house.link_to(bucket)
    house.be(models.standard())
    for address, source in ((ENDPOINT, ONE), (ENDPOINT6, ONE6)):
        house.is_reached("a1", address, source)
        answer = house.guest("a1").ask(address, link, source=source).expect(403, "AccessDenied")
        assert answer.body.startswith(b"<?xml"), answer.body[:100]
    house.be(models.changed(cloak=[f"{OTHER}/32", f"{OTHER6}/128"]))
    for address, source, other in ((ENDPOINT, ONE, OTHER), (ENDPOINT6, ONE6, OTHER6)):
        house.is_reached("a1", address, other)
        told, reached = with_reason(house, "cloak", 1, lambda: knocks(house, source, 3, address))
        is_silent(told, 3)
        assert reached == 0, f"{reached} reached the gateway"
        is_silent(knocks(house, source, 1, address, port=443))
        house.guest("a1").ask(address, link, source=other).expect(200)
        named = house.guest("a1").do("resolve", server=address, name="s3.blockhouse.test", source=source, timeout=1.0)
        assert named.get("outcome") == "silent", f"it hides, and tells its name: {named}"
    # The other VPC's endpoint does not hide.
    house.guest("b1").ask(ENDPOINT, link, source=ONE).expect(403, "AccessDenied")


def network_acl(house):
    """The lowest number that matches decides, silently."""
    model = models.standard()
    model["vpcs"][0]["subnets"][0]["network_acl"] = "acl-a"
    model["network_acls"] = [{"id": "acl-a", "ingress": [
        {"rule": 300, "action": "allow", "source": "::/0"},
        {"rule": 200, "action": "allow", "source": "0.0.0.0/0"},
        {"rule": 100, "action": "deny", "source": f"{THIRD}/32"},
        {"rule": 90, "action": "deny", "source": f"{OTHER}/32", "ports": 443},
        {"rule": 110, "action": "deny", "source": f"{THIRD6}/128"}]}]
    house.be(model)
    for address, source, out in ((ENDPOINT, ONE, THIRD), (ENDPOINT6, ONE6, THIRD6)):
        house.is_reached("a1", address, source)
        told, reached = with_reason(house, "network_acl", 2, lambda: knocks(house, out, 2, address))
        is_silent(told, 2)
        assert reached == 0, reached
        assert knocks(house, out, 1, address, wire="b1")["open"] == 1
    assert knocks(house, OTHER, 1, port=80)["open"] == 1
    is_silent(knocks(house, OTHER, 1, port=443))
    # An ACL that says nothing of somebody denies him.
    model["network_acls"][0]["ingress"] = [{"rule": 1, "action": "allow", "source": f"{ONE}/32"}]
    house.be(model)
    house.is_reached("a1", source=ONE)
    for address, source in ((ENDPOINT, OTHER), (ENDPOINT6, ONE6)):
        is_silent(knocks(house, source, 1, address))


def security_group(house):
    """A group allows, and what no group allows is silent."""
    model = models.changed(security_groups=["sg-one", "sg-six"])
    model["security_groups"] += [
        {"id": "sg-one", "ingress": [{"sources": [f"{ONE}/32"]}, {"sources": [f"{OTHER}/32"], "ports": [443]}]},
        {"id": "sg-six", "ingress": [{"sources": ["fd00:10:0:1::50/128"], "ports": ["80-90"]}]}]
    house.be(model)
    for address, source, out in ((ENDPOINT, ONE, THIRD), (ENDPOINT6, ONE6, THIRD6)):
        house.is_reached("a1", address, source)
        told, reached = with_reason(house, "security_group", 2, lambda: knocks(house, out, 2, address))
        is_silent(told, 2)
        assert reached == 0, reached
    assert knocks(house, OTHER, 1, port=443)["open"] == 1
    is_silent(knocks(house, OTHER, 1, port=80))
    is_silent(knocks(house, ONE6, 1, ENDPOINT6, port=443))
    assert knocks(house, THIRD, 1, wire="b1")["open"] == 1


def answered(house):
    """What policies and lists deny is answered 403, with XML and a reason that a client can read: never silence."""
    house.be(models.standard())
    house.is_reached("a1", source=ONE)
    listed, ruled = house.bucket("answered-list"), house.bucket("answered-policy")
    house.addresses(listed, f"vpc-b/{ONE}")
    house.bucket(ruled, denied(ruled, {"StringNotEquals": {"aws:SourceVpc": "vpc-b"}}))
    links = {house.link_to(listed): 403, house.link_to(ruled): 403,
             house.link_to(ruled, terms={"x-bh-source": f"vpc-b/{ONE}"}): 403,
             f"http://{ENDPOINT}/{ruled}/file": 403}
    dropped = house.network("vpc-a")["dropped"]
    for link, status in links.items():
        answer = house.guest("a1").ask(ENDPOINT, link, source=ONE).expect(status, "AccessDenied")
        assert answer.body.startswith(b"<?xml") and b"<RequestId>" in answer.body, answer.body[:200]
    # None of it made a rule of the filter, nor did it count there.
    assert house.network("vpc-a")["dropped"] == dropped
    assert knocks(house, ONE, 5)["open"] == 5


CHECKS = {
    "a connection rate": rate,
    "connections at one time": cap,
    "an endpoint that hides": cloak,
    "a network ACL": network_acl,
    "a security group": security_group,
    "policies are answered": answered,
}

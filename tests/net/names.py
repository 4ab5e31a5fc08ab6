"""The name service of each VPC: the endpoint's names lead to its address there, and no other name leads anywhere."""

import dns
import models
from models import ENDPOINT, ENDPOINT6, ONE, ONE6
from world import until

DOMAIN = "s3.blockhouse.test"


def prepared(house):
    house.be(models.standard())
    for wire in ("a1", "b1"):
        for address in (ENDPOINT, ENDPOINT6):
            house.is_reached(wire, address)


def resolved(house, wire, name, kind="A", transport="udp", server=ENDPOINT, source=None):
    told = house.guest(wire).do("resolve", server=server, name=name, kind=kind, transport=transport, source=source)
    assert "outcome" not in told, (name, kind, transport, told)
    return told


def own_names(house):
    outpost = house.environment["BLOCKHOUSE_OUTPOST"]
    return [DOMAIN, f"point-000000000001.{outpost}.{DOMAIN}", f"alias--op-s3.{outpost}.{DOMAIN}",
            f"Point-000000000001.{outpost}.S3.BlockHouse.Test"]


def endpoint_names(house):
    prepared(house)
    asked = 0
    for wire in ("a1", "b1"):
        for name in own_names(house):
            for kind, address in (("A", ENDPOINT), ("AAAA", ENDPOINT6)):
                for transport in ("udp", "tcp"):
                    for server, source in ((ENDPOINT, ONE), (ENDPOINT6, ONE6)):
                        told = resolved(house, wire, name, kind, transport, server, source)
                        assert (told["code"], told["addresses"]) == (0, [address]), (name, kind, transport, told)
                        assert told["authoritative"], (name, told)
                        asked += 1
    return f"{asked} questions"


def other_names(house):
    """Refused: the service is nobody's resolver, and tells nothing of other networks."""
    prepared(house)
    for name in ("example.com", "amazonaws.com", "blockhouse.test", "test", "s3.blockhouse.test.example.com",
                 "xs3.blockhouse.test", "10.1.0.10.in-addr.arpa", "version.bind", "localhost", "vpc-b"):
        for kind in ("A", "AAAA", "ANY", "TXT", "NS"):
            for transport in ("udp", "tcp"):
                told = resolved(house, "a1", name, kind, transport)
                assert (told["code"], told["addresses"]) == (dns.REFUSED, []), (name, kind, transport, told)
    # Of its own names it tells addresses alone.
    for kind in ("TXT", "MX"):
        told = resolved(house, "a1", DOMAIN, kind)
        assert told["addresses"] == [], told


def each_its_own(house):
    """A VPC is told its own endpoint's address, also when the two differ."""
    model = models.standard()
    models.endpoint(model, "b")["addresses"] = ["10.0.1.20"]
    house.be(model)
    house.is_reached("a1")
    house.is_reached("b1", "10.0.1.20")
    assert resolved(house, "a1", DOMAIN)["addresses"] == [ENDPOINT]
    assert resolved(house, "b1", DOMAIN, server="10.0.1.20")["addresses"] == ["10.0.1.20"]
    # The name is there, and has no address of IPv6.
    told = resolved(house, "b1", DOMAIN, "AAAA", server="10.0.1.20")
    assert (told["code"], told["addresses"]) == (0, []), told


def an_sdk(house):
    """boto3, told the endpoint's name and nothing else, finds it by what the service says."""
    prepared(house)
    bucket = house.bucket("named")
    for wire in ("a1", "b1"):
        address = resolved(house, wire, DOMAIN)["addresses"][0]
        outcome = house.s3_from(wire, "get_object", endpoint=f"http://{DOMAIN}", hosts={DOMAIN: address},
                                Bucket=bucket, Key="file")
        assert outcome == (200, None), outcome


def garbage(house):
    """What is no question gets no service down."""
    prepared(house)
    whole = dns.question(DOMAIN, "A", 7).hex()
    garbage = ["", "00", "ff" * 11, "00" * 12, "ff" * 512, whole[:30], whole[:24] + "3f" + whole[26:],
               # A name that points to itself, and one that never ends.
               "0007010000010000000000" + "00c00c00010001", whole[:24] + "3f61" * 100, whole[:8] + "ffff" + whole[12:]]
    house.guest("a1").do("garble", server=ENDPOINT, datagrams=garbage * 20)
    until("an answer after all that", lambda: house.guest("a1").do(
        "resolve", server=ENDPOINT, name=DOMAIN).get("addresses") == [ENDPOINT], 15)
    house.guest("a1").ask(ENDPOINT, house.link_to(house.bucket("named"))).expect(200)


CHECKS = {
    "the endpoint's names": endpoint_names,
    "other names": other_names,
    "each VPC its own": each_its_own,
    "an SDK": an_sdk,
    "garbage": garbage,
}

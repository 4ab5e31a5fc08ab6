"""Endpoints outside of any VPC, and load balancers: an address that counts, and whose word counts for one."""

import secrets

import models
import proxied
from models import (BALANCED, BALANCER, ENDPOINT, FAR, NEAR, NEAR6, NO_BALANCER, ONE, PUBLIC, PUBLIC6)
from networked import OBJECT, denied
from world import until

VPCE = "vpce-0123456789abcdef0"
TOLD, TOLD6 = "198.51.100.77", "2001:db8:77::77"


def prepared(house):
    house.be(models.public())
    house.is_reached("a1")
    for address, source in ((PUBLIC, NEAR), (PUBLIC, FAR), (PUBLIC6, NEAR6)):
        house.is_reached("up", address, source)


def public_endpoint(house):
    """It gives aws:SourceIp, and nothing of a VPC."""
    prepared(house)
    bucket = house.bucket("public")
    asked = {
        "near": ({"NotIpAddress": {"aws:SourceIp": f"{NEAR}/32"}}, {NEAR}),
        "net": ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {NEAR}),
        "far": ({"NotIpAddress": {"aws:SourceIp": [f"{FAR}/32", f"{NEAR6}/128"]}}, {FAR, NEAR6}),
        "no-vpc": ({"Null": {"aws:SourceVpc": "false"}}, {NEAR, FAR, NEAR6}),
        "no-vpc-ip": ({"Null": {"aws:VpcSourceIp": "false"}}, {NEAR, FAR, NEAR6}),
        "vpc": ({"StringNotEquals": {"aws:SourceVpc": "vpc-a"}}, set()),
    }
    for condition, admitted in asked.values():
        house.bucket(bucket, denied(bucket, condition))
        for source, address in ((NEAR, PUBLIC), (FAR, PUBLIC), (NEAR6, PUBLIC6)):
            outcome = house.s3_from("up", "get_object", address, source, Bucket=bucket, Key="file")
            assert outcome[0] == (200 if source in admitted else 403), (condition, source, outcome)
            answer = house.guest("up").ask(address, house.link_to(bucket), source=source, X_Forwarded_For=ONE)
            assert answer.status == outcome[0], (condition, source, answer)
    key = f"in-public-{secrets.token_hex(8)}"
    house.guest("up").ask(PUBLIC, house.link_to(bucket, key), source=FAR)
    record = house.audited(key)
    assert record["source"].startswith(f"{FAR}:") and "vpc" not in record, record


def lists(house):
    """An address of a VPC and the same one on the public path are two."""
    prepared(house)
    bucket = house.bucket("public-listed")
    house.addresses(bucket, f"{NEAR}/32", f"vpc-a/{ONE}")
    for wire, address, source, status in (("up", PUBLIC, NEAR, 200), ("up", PUBLIC, FAR, 403),
                                          ("a1", ENDPOINT, ONE, 200), ("b1", ENDPOINT, ONE, 403)):
        assert house.guest(wire).ask(address, house.link_to(bucket), source=source).status == status, (wire, source)


def nothing_else(house):
    """Names are not served there, nor does a lie about the source get through."""
    prepared(house)
    told = house.guest("up").do("resolve", server=PUBLIC, name="s3.blockhouse.test", source=NEAR, timeout=1.0)
    assert told.get("outcome") == "silent", told
    told = house.guest("up").do("connect", address=PUBLIC, port=9002, source=NEAR)
    assert told["silent"] == 1, told
    for private in (ENDPOINT, models.SILENT):
        told = house.guest("up").do("connect", address=private, port=80, source=NEAR, seconds=0.5)
        assert not told["open"], told


def from_balancer(house, link, before, source=BALANCER, **headers):
    return house.guest("lb").ask(BALANCED, link, source=source, before=before, timeout=8.0, **headers)


def believed(house):
    """From the load balancer, the address in the header counts; with AWS's word for an endpoint, so does that."""
    prepared(house)
    house.is_reached("lb", BALANCED, BALANCER)
    public, private = house.bucket("behind-public"), house.bucket("behind-private")
    house.bucket(public, denied(public, {"NotIpAddress": {"aws:SourceIp": [f"{TOLD}/32", f"{TOLD6}/128"]}}))
    house.bucket(private, denied(private, {"StringNotEquals": {"aws:SourceVpce": "vpce-a"}}),
                 denied(private, {"StringNotEquals": {"aws:SourceVpc": "vpc-a"}}),
                 denied(private, {"NotIpAddress": {"aws:VpcSourceIp": f"{ONE}/32"}}))
    for source, destination, more, public_status, private_status in (
            (TOLD, BALANCED, {}, 200, 403), (TOLD6, "2001:db8::1", {}, 200, 403),
            (TOLD, BALANCED, {"checked": True}, 200, 403), ("198.51.100.78", BALANCED, {}, 403, 403),
            (BALANCER, BALANCED, {}, 403, 403),
            (ONE, ENDPOINT, {"tlvs": proxied.vpce(VPCE)}, 403, 200),
            (ONE, ENDPOINT, {"tlvs": proxied.tlv(0x04, b"\0" * 8) + proxied.vpce(VPCE), "checked": True}, 403, 200),
            (models.OTHER, ENDPOINT, {"tlvs": proxied.vpce(VPCE)}, 403, 403),
            (ONE, ENDPOINT, {}, 403, 403)):
        header = proxied.header(source, destination, **more)
        for bucket, status in ((public, public_status), (private, private_status)):
            answer = from_balancer(house, house.link_to(bucket), header, X_Forwarded_For=TOLD)
            assert answer.status == status, (source, more, bucket, answer)
    key = f"behind-{secrets.token_hex(8)}"
    from_balancer(house, house.link_to(private, key), proxied.header(ONE, ENDPOINT, proxied.vpce(VPCE)))
    record = house.audited(key)
    assert (record.get("vpc"), record.get("vpce"), record.get("subnet")) == ("vpc-a", "vpce-a", "subnet-a1"), record
    assert record["source"].startswith(f"{ONE}:"), record


def not_believed(house):
    """Without a header that is whole and right the connection is closed, without a word."""
    prepared(house)
    house.is_reached("lb", BALANCED, BALANCER)
    link = house.link_to(house.bucket("behind-free"))
    right = proxied.header(TOLD, BALANCED)
    assert from_balancer(house, link, right).expect(200).body == OBJECT
    wrong = {
        "none": None,
        "version 1": f"PROXY TCP4 {TOLD} {BALANCED} 51000 80\r\n".encode(),
        "a version of its own": right[:12] + b"\x31" + right[13:],
        "a command of its own": right[:12] + b"\x2f" + right[13:],
        "UDP": right[:13] + b"\x12" + right[14:],
        "too short for its addresses": right[:14] + b"\0\x04" + right[16:20],
        "a wrong checksum": proxied.header(TOLD, BALANCED, checked=False),
        "a value that is longer than the header": proxied.header(TOLD, BALANCED, b"\xea\x00\xff\x01"),
        "an endpoint that nobody knows": proxied.header(ONE, ENDPOINT, proxied.vpce("vpce-0fedcba9876543210")),
        "an endpoint by our own name": proxied.header(ONE, ENDPOINT, proxied.vpce("vpce-a")),
        "too long": proxied.header(TOLD, BALANCED, proxied.tlv(0x04, b"\0" * 60000)),
    }
    for what, before in wrong.items():
        answer = from_balancer(house, link, before)
        assert answer.status is None and answer.outcome in ("closed", "reset"), (what, answer)
    # From anybody else, not even the connection comes about.
    dropped = house.dropped("uplinks", "not_load_balancer")
    told = house.guest("lb").do("connect", address=BALANCED, port=80, source=NO_BALANCER)
    assert told["open"] == told["refused"] == 0, told
    until("a count of it", lambda: house.dropped("uplinks", "not_load_balancer") > dropped, 10)
    # On an endpoint without a load balancer the same bytes are no request.
    bucket = house.bucket("no-balancer")
    house.bucket(bucket, denied(bucket, {"NotIpAddress": {"aws:SourceIp": f"{TOLD}/32"}}))
    answer = house.guest("up").ask(PUBLIC, house.link_to(bucket), source=NEAR, before=right)
    assert answer.status in (None, 400), answer


def health(house):
    """A load balancer that asks for itself (LOCAL) is nobody's client: it gets no object."""
    prepared(house)
    house.is_reached("lb", BALANCED, BALANCER)
    link = house.link_to(house.bucket("behind-free"))
    answer = from_balancer(house, link, proxied.header(local=True))
    assert answer.status != 200, answer
    assert from_balancer(house, link, proxied.header(TOLD, BALANCED)).expect(200).body == OBJECT


CHECKS = {
    "a public endpoint": public_endpoint,
    "address lists of both kinds": lists,
    "nothing else": nothing_else,
    "a load balancer's word": believed,
    "a wrong word": not_believed,
    "a load balancer's own connection": health,
}

"""Two VPCs with the same addresses on one node: whoever asks is known by the network that he asks from."""

import json
import secrets
import subprocess

import boto3
from botocore.exceptions import ClientError

import here
import models
import proxied
from models import ENDPOINT, ENDPOINT6, ONE, ONE6, OTHER, OTHER6, ROUTED
from networked import OBJECT, denied

A, A_OTHER, B, B_OTHER = ("a1", ONE), ("a1", OTHER), ("b1", ONE), ("b1", OTHER)
EVERYBODY = (A, A_OTHER, B, B_OTHER)
DOMAIN = "s3.blockhouse.test"

# Headers by which proxies tell whom they speak for.
FORGED = {"X_Forwarded_For": ONE, "Forwarded": f"for={ONE}", "X_Real_IP": ONE, "X_Client_IP": ONE,
          "True_Client_IP": ONE, "CF_Connecting_IP": ONE, "X_Original_Forwarded_For": ONE, "Via": f"1.1 {ONE}",
          "X_Forwarded_Host": ENDPOINT, "X_Amzn_Vpce_Id": "vpce-a", "X_Vpce_Id": "vpce-a"}


def prepared(house):
    house.be(models.standard())
    for wire in ("a1", "b1"):
        for address in (ENDPOINT, ENDPOINT6):
            house.is_reached(wire, address)


def table():
    """Conditions of a Deny, and whom it leaves in."""
    only = "StringNotEquals"
    return {
        "vpc-a": ({only: {"aws:SourceVpc": "vpc-a"}}, {A, A_OTHER}),
        "vpc-b": ({only: {"aws:SourceVpc": "vpc-b"}}, {B, B_OTHER}),
        "vpc-c": ({only: {"aws:SourceVpc": "vpc-c"}}, set()),
        "vpce-a": ({only: {"aws:SourceVpce": "vpce-a"}}, {A, A_OTHER}),
        "vpce-b": ({only: {"aws:SourceVpce": "vpce-b"}}, {B, B_OTHER}),
        "vpc-arn": ({"ArnNotEquals": {"aws:SourceVpcArn": f"arn:aws:ec2:*:{models.ACCOUNT}:vpc/vpc-b"}}, {B, B_OTHER}),
        "vpc-ip": ({"NotIpAddress": {"aws:VpcSourceIp": f"{ONE}/32"}}, {A, B}),
        "vpc-net": ({"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}}, set(EVERYBODY)),
        # Both in one statement: the address in that VPC, and from the other whoever it is.
        "not-one-of-a": ({"StringEquals": {"aws:SourceVpc": "vpc-a"}, "IpAddress": {"aws:VpcSourceIp": f"{ONE}/32"}},
                         {A_OTHER, B, B_OTHER, "public"}),
        # There is no aws:SourceIp within a VPC, and nothing of a VPC outside.
        "no-public-ip": ({"Null": {"aws:SourceIp": "false"}}, set(EVERYBODY)),
        "public-ip": ({"Null": {"aws:SourceIp": "true"}}, {"public"}),
        "private-ip": ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {*EVERYBODY, "public"}),
        "elsewhere": ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, set()),
        "no-vpc": ({"Null": {"aws:SourceVpc": "false"}}, {"public"}),
        "no-vpce": ({"Null": {"aws:SourceVpce": "false"}}, {"public"}),
        "no-vpc-ip": ({"Null": {"aws:VpcSourceIp": "false"}}, {"public"}),
    }


def policies(house):
    prepared(house)
    asked = 0
    for name, (condition, admitted) in table().items():
        bucket = house.bucket(f"by-{name}")
        house.bucket(bucket, denied(bucket, condition))
        for who in EVERYBODY:
            wire, source = who
            outcome = house.s3_from(wire, "get_object", source=source, Bucket=bucket, Key="file")
            assert outcome == ((200, None) if who in admitted else (403, "AccessDenied")), (name, who, outcome)
        public = house.ask(house.link_to(bucket))
        assert public.status == (200 if "public" in admitted else 403), (name, public.status)
        asked += len(EVERYBODY) + 1
    return f"{asked} requests"


def over_ipv6(house):
    prepared(house)
    bucket = house.bucket("six")
    house.bucket(bucket, denied(bucket, {"NotIpAddress": {"aws:VpcSourceIp": f"{ONE6}/128"}}),
                 denied(bucket, {"StringNotEquals": {"aws:SourceVpc": "vpc-b"}}))
    for wire, source, status in (("a1", ONE6, 403), ("a1", OTHER6, 403), ("b1", ONE6, 200), ("b1", OTHER6, 403)):
        outcome = house.s3_from(wire, "get_object", ENDPOINT6, source, Bucket=bucket, Key="file")
        assert outcome[0] == status, (wire, source, outcome)
    # An address of IPv4 is none of IPv6.
    assert house.s3_from("b1", "get_object", source=ONE, Bucket=bucket, Key="file")[0] == 403


def over_tls(house):
    prepared(house)
    bucket = house.bucket("tls")
    house.bucket(bucket, denied(bucket, {"StringNotEquals": {"aws:SourceVpce": "vpce-a"}}),
                 denied(bucket, {"Bool": {"aws:SecureTransport": "false"}}))
    for wire, address, status in (("a1", ENDPOINT, 200), ("a1", ENDPOINT6, 200), ("b1", ENDPOINT, 403)):
        found = house.s3_from(wire, "get_object", endpoint=f"https://{DOMAIN}", hosts={DOMAIN: address},
                              Bucket=bucket, Key="file")
        assert found[0] == status, (wire, address, found)
    house.guest("a1").ask(ENDPOINT, house.link_to(bucket)).expect(403, "AccessDenied")


def address_lists(house):
    """A list that names an address of one VPC names nobody in the other."""
    prepared(house)
    bucket = house.bucket("listed")
    for entries, admitted in (([f"vpc-a/{ONE}/32"], {A}), ([f"vpc-a/{ONE}/32", f"vpc-b/{OTHER}"], {A, B_OTHER}),
                              (["vpc-b"], {B, B_OTHER}), (["vpce-a"], {A, A_OTHER}), ([f"{ONE}/32"], set()),
                              (["0.0.0.0/0"], {"public"}), (["own"], set(EVERYBODY)), ([], set())):
        house.addresses(bucket, *entries)
        for who in EVERYBODY:
            wire, source = who
            answer = house.guest(wire).ask(ENDPOINT, house.link_to(bucket), source=source)
            assert answer.status == (200 if who in admitted else 403), (entries, who, answer)
            outcome = house.s3_from(wire, "get_object", source=source, Bucket=bucket, Key="file")
            assert outcome[0] == answer.status, (entries, who, outcome)
        public = house.ask(house.link_to(bucket))
        assert public.status == (200 if "public" in admitted else 403), (entries, public.status)


def links(house):
    """Presigned links, bound ones and those that work once: the same, and a refused try uses none up."""
    prepared(house)
    a, b = house.guest("a1"), house.guest("b1")
    bucket = house.bucket("linked")
    house.bucket(bucket, denied(bucket, {"StringNotEquals": {"aws:SourceVpc": "vpc-a"}}))
    plain = house.link_to(bucket)
    assert a.ask(ENDPOINT, plain, source=ONE).expect(200).body == OBJECT
    b.ask(ENDPOINT, plain, source=ONE).expect(403, "AccessDenied")
    house.ask(plain).expect(403, "AccessDenied")
    once = house.link_to(bucket, terms={"x-bh-once": secrets.token_urlsafe(16)})
    for _ in range(3):
        b.ask(ENDPOINT, once, source=ONE).expect(403, "AccessDenied")
        house.ask(once).expect(403, "AccessDenied")
    assert a.ask(ENDPOINT, once, source=ONE).expect(200).body == OBJECT
    a.ask(ENDPOINT, once, source=ONE).expect(403, "AccessDenied")
    free = house.bucket("linked-free")
    for bound, admitted in ((f"vpc-b/{ONE}/32", {B}), (f"vpc-a/{ONE},vpc-b/{OTHER}", {A, B_OTHER}),
                            ("vpce-a", {A, A_OTHER}),
                            ("vpc-b/10.0.0.0/16", {B, B_OTHER}), (f"{ONE}/32", set()), ("127.0.0.0/8", {"public"})):
        for more in ({}, {"x-bh-once": secrets.token_urlsafe(16)}):
            link = house.link_to(free, terms={"x-bh-source": bound, **more})
            for who in EVERYBODY:
                if who in admitted:
                    continue
                house.guest(who[0]).ask(ENDPOINT, link, source=who[1]).expect(403, "AccessDenied")
            if "public" not in admitted:
                house.ask(link).expect(403, "AccessDenied")
            # One of those who may: of a link that works once, the only one.
            for who in sorted(admitted, key=str)[:1 if more else None]:
                answer = house.ask(link) if who == "public" else house.guest(who[0]).ask(ENDPOINT, link, source=who[1])
                assert answer.expect(200).body == OBJECT, (bound, who)
    # The list of addresses binds links that work once, too.
    house.addresses(free, f"vpc-a/{ONE}")
    link = house.link_to(free, terms={"x-bh-once": secrets.token_urlsafe(16)})
    b.ask(ENDPOINT, link, source=ONE).expect(403, "AccessDenied")
    a.ask(ENDPOINT, link, source=ONE).expect(200)


def access_point(house):
    """An access point of a VPC is reached from that VPC, and from nowhere else."""
    prepared(house)
    bucket = house.bucket("pointed")
    words = ["access-point", "create", "of-a", "--bucket", bucket, "--vpc", "vpc-a"]
    done = subprocess.run([house.program, *words], env=house.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = json.loads(subprocess.run([house.program, "access-point", "show", "of-a"], env=house.environment,
                                      capture_output=True, text=True, check=True).stdout)
    for name in (shown["arn"], shown["alias"]):
        for wire, address, source, status in (("a1", ENDPOINT, ONE, 200), ("a1", ENDPOINT6, OTHER6, 200),
                                              ("b1", ENDPOINT, ONE, 403), ("b1", ENDPOINT6, ONE6, 403)):
            found = house.s3_from(wire, "get_object", source=source, endpoint=f"https://{DOMAIN}",
                                  hosts={DOMAIN: address}, Bucket=name, Key="file")
            assert found[0] == status, (name, wire, source, found)
    assert on_public_path(house, shown["arn"]) == 403


def endpoint_policies(house):
    """What an endpoint's policy leaves out may nobody do through it, the bucket's owner included; elsewhere all."""
    prepared(house)
    bucket, shut = house.bucket("bounded"), f"shut-{secrets.token_hex(4)}"
    for key in ("open/file", shut):
        house.s3.put_object(Bucket=bucket, Key=key, Body=OBJECT)
    links = {key: house.link_to(bucket, key) for key in ("open/file", shut)}
    file = house.scratch / "endpoint-policy.json"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/open/*"}
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    put = ("put-endpoint-policy", "vpce-a", "--file", str(file))
    done = house.net(*put)
    assert done.returncode == 0, done.stderr
    try:
        assert json.loads(house.net("get-endpoint-policy", "vpce-a").stdout) == json.loads(file.read_text())
        bounded(house, links, bucket, shut)
        # Of an endpoint that is not there: refused. With its endpoint, it goes.
        other = house.net(*(word.replace("vpce-a", "vpce-zz") for word in put))
        assert other.returncode == 1 and "vpce-zz" in other.stderr, other.stderr
        model = models.standard()
        del model["vpcs"][0]["endpoint"]
        shown = house.net("apply", "-f", house.write(model), "--dry-run")
        assert "- vpc-endpoint-policy/vpce-a" in shown.stdout, (shown.stdout, shown.stderr)
    finally:
        done = house.net("delete-endpoint-policy", "vpce-a")
    assert done.returncode == 0, done.stderr
    none = house.net("get-endpoint-policy", "vpce-a")
    assert none.returncode == 1 and "no policy" in none.stderr, none.stderr
    house.guest("a1").ask(ENDPOINT, links[shut], source=ONE).expect(200)


def bounded(house, links, bucket, shut):
    """While vpce-a has its policy."""
    a, b = house.guest("a1"), house.guest("b1")
    a.ask(ENDPOINT, links["open/file"], source=ONE).expect(200)
    a.ask(ENDPOINT, links[shut], source=ONE).expect(403, "AccessDenied")
    record = house.audited(shut)
    assert record["check"] == "permit:not-allowed-by-endpoint", record
    found = house.s3_from("a1", "get_object", source=ONE, Bucket=bucket, Key=shut)
    assert found == (403, "AccessDenied"), found
    for link in links.values():
        b.ask(ENDPOINT, link, source=ONE).expect(200)
        house.ask(link).expect(200)


def on_public_path(house, arn):
    """The status that an access point answers with there."""
    here.resolve_here()
    own = house.endpoint
    s3 = boto3.client("s3", endpoint_url=f"https://{DOMAIN}:{house.ports[1]}", region_name=own.region,
                      aws_access_key_id=own.access_key, aws_secret_access_key=own.secret_key,
                      verify=house.environment["AWS_CA_BUNDLE"])
    try:
        s3.get_object(Bucket=arn, Key="file")
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return 200


def forged(house):
    """Nothing that a client says changes where it is: no header, and no PROXY protocol."""
    prepared(house)
    bucket = house.bucket("forged")
    house.bucket(bucket, denied(bucket, {"StringNotEquals": {"aws:SourceVpc": "vpc-a"}}),
                 denied(bucket, {"NotIpAddress": {"aws:VpcSourceIp": f"{ONE}/32"}}))
    link = house.link_to(bucket)
    for headers in [{name: value} for name, value in FORGED.items()] + [FORGED]:
        house.guest("a1").ask(ENDPOINT, link, source=ONE, **headers).expect(200)
        for wire, source in (A_OTHER, B, B_OTHER):
            house.guest(wire).ask(ENDPOINT, link, source=source, **headers).expect(403, "AccessDenied")
        house.ask(link, **headers).expect(403, "AccessDenied")
        lost = {name: OTHER for name in headers}
        house.guest("a1").ask(ENDPOINT, link, source=ONE, **lost).expect(200)
    # S3's own headers must be signed; nobody learns more by one than that.
    unsigned = house.guest("a1").ask(ENDPOINT, link, source=ONE, X_Amz_Vpc_Id="vpc-a")
    unsigned.expect(403, "AccessDenied")
    for before in (proxied.header(ONE, ENDPOINT, proxied.vpce("vpce-a")), proxied.header(local=True),
                   f"PROXY TCP4 {ONE} {ENDPOINT} 51000 80\r\n".encode()):
        for wire, source in (A, A_OTHER, B):
            answer = house.guest(wire).ask(ENDPOINT, link, source=source, before=before)
            assert answer.status in (None, 400), (wire, source, answer)


def routed(house):
    """A subnet behind the VPC's router reaches the endpoint of another one, under its own name."""
    prepared(house)
    bucket = house.bucket("routed")
    house.bucket(bucket, denied(bucket, {"NotIpAddress": {"aws:VpcSourceIp": "10.0.3.0/24"}}))
    key = f"from-the-router-{secrets.token_hex(4)}"
    house.s3.put_object(Bucket=bucket, Key=key, Body=OBJECT)
    link = house.link_to(bucket, key)
    house.is_reached("a1", source=ROUTED)
    house.guest("a1").ask(ENDPOINT, link, source=ROUTED).expect(200)
    record = house.audited(key, "s3:GetObject")
    assert (record["vpc"], record["subnet"]) == ("vpc-a", "subnet-a3"), record
    house.guest("a1").ask(ENDPOINT, link, source=ONE).expect(403, "AccessDenied")


def audit(house):
    """Each record says the VPC, the endpoint, the subnet and the address within."""
    prepared(house)
    bucket = house.bucket("audited")
    for wire, address, source in (("a1", ENDPOINT, ONE), ("b1", ENDPOINT, ONE), ("a1", ENDPOINT6, OTHER6),
                                  ("b1", ENDPOINT6, ONE6)):
        key = f"asked-for-{secrets.token_hex(8)}"
        house.guest(wire).ask(address, house.link_to(bucket, key), source=source).expect(404, "NoSuchKey")
        record = house.audited(key)
        letter = wire[0]
        told = [record.get(name) for name in ("vpc", "vpce", "subnet")]
        assert told == [f"vpc-{letter}", f"vpce-{letter}", f"subnet-{letter}1"], record
        assert record["source"].rsplit(":", 1)[0].strip("[]") == source, record
    key = f"asked-for-{secrets.token_hex(8)}"
    house.ask(house.link_to(bucket, key)).expect(404, "NoSuchKey")
    assert not {"vpc", "vpce", "subnet"} & set(house.audited(key)), "a record of the public path names a VPC"


CHECKS = {
    "policies tell the two apart": policies,
    "over IPv6": over_ipv6,
    "over TLS": over_tls,
    "address lists": address_lists,
    "links, bound and once": links,
    "an access point of a VPC": access_point,
    "an endpoint's policy": endpoint_policies,
    "forged headers": forged,
    "a subnet behind the router": routed,
    "the audit": audit,
}

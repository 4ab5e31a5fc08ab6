"""Per-bucket address lists: a valid link from a wrong address is refused, and is not used up by that."""

import secrets
import subprocess
import urllib.parse

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from once import until

BODY = b"within these walls"
OFFICE, PARTNER, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.4"


def signed(house, method, bucket, subresource, data=b"", source=None):
    """A call that no SDK knows, signed by botocore."""
    url = f"{house.endpoint.url}/{bucket}?{subresource}"
    request = AWSRequest(method, url, data=data)
    key = Credentials(house.endpoint.access_key, house.endpoint.secret_key)
    S3SigV4Auth(key, "s3", house.endpoint.region).add_auth(request)
    headers = {name.replace("-", "_"): value for name, value in request.prepare().headers.items()}
    headers.pop("Content_Length", None)
    return house.ask(url, method, data or None, source=source, **headers)


def set_list(house, bucket, *entries):
    xml = "".join(f"<Entry>{entry}</Entry>" for entry in entries)
    document = f"<AddressListConfiguration>{xml}</AddressListConfiguration>".encode()
    signed(house, "PUT", bucket, "bh-addresses", document).expect(200)


def bucket(house, name):
    house.s3.create_bucket(Bucket=name)
    house.s3.put_object(Bucket=name, Key="file", Body=BODY)
    return name


def link(house, name, operation="get_object", terms=None):
    return house.link(operation, "file", terms, Bucket=name)


def strictly_private(house):
    """Seed 000: "even with a valid signed URL, access will be denied if the request does not originate from
    an authorized IP address for that bucket"."""
    name = bucket(house, "private")
    url = link(house, name)
    assert house.ask(url, source=STRANGER).expect(200).body == BODY
    set_list(house, name, OFFICE)
    house.ask(url, source=STRANGER).expect(403, "AccessDenied")
    assert house.ask(url, source=OFFICE).expect(200).body == BODY
    put = link(house, name, "put_object")
    house.ask(put, "PUT", b"x", source=STRANGER).expect(403, "AccessDenied")
    house.ask(put, "PUT", BODY, source=OFFICE).expect(200)
    # The owner himself is no exception, nor is a header a link.
    house.ask(link(house, name), source="127.0.0.1").expect(403, "AccessDenied")
    signed(house, "GET", name, "list-type=2").expect(403, "AccessDenied")
    signed(house, "GET", name, "list-type=2", source=OFFICE).expect(200)


def partly_open(house):
    """Seed 000: "partially accessible buckets, allowing specific external IP addresses"."""
    name = bucket(house, "partly")
    set_list(house, name, f"{OFFICE}/32", f"{PARTNER}/32")
    for source, status in ((OFFICE, 200), (PARTNER, 200), (STRANGER, 403)):
        assert house.ask(link(house, name), source=source).status == status, source
    # A range means every address in it, its first and its last as well.
    set_list(house, name, "127.0.0.2/31")
    for source, status in ((OFFICE, 200), (PARTNER, 200), (STRANGER, 403)):
        assert house.ask(link(house, name), source=source).status == status, source


def one_time(house):
    """Seed 000: "these links always remain subject to the bucket's IP restrictions"; a refused try burns none."""
    name = bucket(house, "once")
    set_list(house, name, OFFICE)
    url = link(house, name, terms={"x-bh-once": secrets.token_urlsafe(16)})
    for _ in range(3):
        house.ask(url, source=STRANGER).expect(403, "AccessDenied")
    assert house.ask(url, source=OFFICE).expect(200).body == BODY
    house.ask(url, source=OFFICE).expect(403, "AccessDenied")


def five_days(house):
    """Seed 000: "configurable validity period (e.g., 5 days by default)"."""
    done = subprocess.run([house.program, "presign", "s3://private/file"], env=house.environment,
                          capture_output=True, text=True)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(done.stdout.strip()).query))
    assert query["X-Amz-Expires"] == "432000", done.stdout


def empty_and_none(house):
    name = bucket(house, "emptied")
    set_list(house, name)
    house.ask(link(house, name)).expect(403, "AccessDenied")
    signed(house, "DELETE", name, "bh-addresses").expect(204)
    house.ask(link(house, name)).expect(200)


def no_hint(house):
    """The client hears the same for a wrong address as for a missing permission."""
    name = bucket(house, "silent")
    plain = f"{house.endpoint.url}/{name}/file?x-id=GetObject"
    unsigned = house.ask(plain).expect(403, "AccessDenied")
    set_list(house, name, OFFICE)
    refused = house.ask(link(house, name)).expect(403, "AccessDenied")
    message = lambda answer: answer.body.split(b"<Message>")[1].split(b"</Message>")[0]
    assert message(unsigned) == message(refused)
    audit = (house.folder / "audit" / "audit.jsonl")
    until(lambda: "permit:address" in audit.read_text())


def by_command(house):
    """`blockhouse address-list`, as the bucket's owner types it."""
    name = bucket(house, "typed")

    def run(*words, stdin=None):
        return subprocess.run([house.program, "address-list", *words], env=house.environment, capture_output=True,
                              text=True, input=stdin)
    none = run("get", name)
    assert none.returncode == 1 and "NoSuchConfiguration" in none.stderr, none
    assert run("set", name, OFFICE, "2001:db8::/32").returncode == 0
    assert run("get", name).stdout.split() == [f"{OFFICE}/32", "2001:db8::/32"]
    for source, status in ((OFFICE, 200), (STRANGER, 403)):
        assert house.ask(link(house, name), source=source).status == status, source
    for bad in (["10.0.0.0/33"], ["here"], []):
        refused = run("set", name, *bad)
        assert refused.returncode == 1 and refused.stderr.startswith("blockhouse: "), refused
    assert run("get", name).stdout.split() == [f"{OFFICE}/32", "2001:db8::/32"]
    # A list from somewhere else, as long as lists may be.
    lines = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255} # number {n}" for n in range(99_999)]
    long = run("set", name, "--file", "-", stdin="# ours\n\n" + "\n".join([*lines, PARTNER]))
    assert long.returncode == 0, long
    assert len(run("get", name).stdout.split()) == 100_000
    for source, status in ((PARTNER, 200), (OFFICE, 403)):
        assert house.ask(link(house, name), source=source).status == status, source
    house.stop()
    house.start()
    for source, status in ((PARTNER, 200), (OFFICE, 403)):
        assert house.ask(link(house, name), source=source).status == status, source
    assert run("set", name, "--nobody").returncode == 0
    house.ask(link(house, name)).expect(403, "AccessDenied")
    assert run("delete", name).returncode == 0
    house.ask(link(house, name)).expect(200)


def over_ipv6(house):
    """The same over IPv6: one address, a range, and an IPv4 range that means none of them."""
    name = bucket(house, "six")
    here, beside, elsewhere = "fd00:b10c::2", "fd00:b10c::3", "fd00:b10c:1::4"
    six, four = [here, beside, elsewhere, "::1"], ["127.0.0.1", OFFICE]
    # ::/0 is every address that there is: those of IPv4 are in it, mapped.
    for entries, admitted in (([here], [here]), (["fd00:b10c::/48"], [here, beside]), (["0.0.0.0/0"], four),
                              (["8000::/1", "::1"], six), (["::/0"], six + four), ([OFFICE, "::1"], [OFFICE, "::1"])):
        set_list(house, name, *entries)
        for source in six + four:
            status = house.ask(link(house, name), source=source).status
            assert status == (200 if source in admitted else 403), (entries, source, status)


def told_when_signed(house):
    """`blockhouse presign` says when a list will refuse the link elsewhere, where the node tells it of one."""
    name = bucket(house, "told")

    def presign(*words, **more):
        done = subprocess.run([house.program, "presign", f"s3://{name}/file", *words],
                              env={**house.environment, **more}, capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.startswith("http"), done
        return done.stderr

    assert presign() == ""
    set_list(house, name, OFFICE, "2001:db8::/32")
    assert f"list alone: {OFFICE}/32, 2001:db8::/32" in presign()
    assert presign("--offline") == ""
    assert presign(AWS_ENDPOINT_URL_S3="http://127.0.0.1:1") == ""
    set_list(house, name)
    assert "from nowhere" in presign()


CHECKS = {
    "over IPv6": over_ipv6,
    "by command": by_command,
    "told when signed": told_when_signed,
    "seed 000, strictly private": strictly_private,
    "seed 000, partly open": partly_open,
    "seed 000, one-time links": one_time,
    "seed 000, five days": five_days,
    "empty and none": empty_and_none,
    "no hint": no_hint,
}

"""Revoking links and ordering them: `blockhouse link`, and the administrator's address by curl and botocore."""

import http.client
import json
import os
import pathlib
import re
import secrets
import subprocess
import time
import urllib.parse

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from house import BUCKET
from once import begin, token, until

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "links.md"
BODY = b"soon gone"
LARGE_BYTES = 64 << 20


def link(house, *words, stdin=None, refused=False):
    """`blockhouse link`, which does what it is told, or is refused."""
    done = house.run_link(*words, stdin=stdin)
    assert (done.returncode != 0) == refused, (words, done.stdout, done.stderr)
    return done.stderr if refused else done.stdout


def listed(house):
    return json.loads(link(house, "list", "--json"))


def by_url(house):
    house.put("revoked", BODY)
    url, other = house.link("get_object", "revoked", token()), house.link("get_object", "revoked", token())
    link(house, "revoke", url)
    house.ask(url).expect(403, "AccessDenied")
    assert house.ask(other).expect(200).body == BODY
    # From standard input, where no list of processes shows it; and for an upload, by a name for the node that it was made by.
    put = house.link("put_object", "revoked", endpoint="http://files.example")
    link(house, "revoke", "-", stdin=put + "\n")
    house.ask(put, "PUT", b"x").expect(403, "AccessDenied")
    assert house.s3.get_object(Bucket=BUCKET, Key="revoked")["Body"].read() == BODY
    # One that is none is told so, and one with a wrong signature revokes nothing.
    assert "InvalidRequest" in link(house, "revoke", "nonsense", refused=True)
    good = house.link("get_object", "revoked")
    wrong = good[:-4] + ("0000" if good[-4:] != "0000" else "1111")
    assert "SignatureDoesNotMatch" in link(house, "revoke", wrong, refused=True)
    house.ask(good).expect(200)


def by_what_they_share(house):
    house.put("shared/a", BODY), house.put("other/a", BODY)
    once = secrets.token_urlsafe(16)
    by_token = house.link("get_object", "shared/a", {"x-bh-once": once})
    link(house, "revoke", "--once", once)
    house.ask(by_token).expect(403, "AccessDenied")
    # By its id, as the list shows it once it was used.
    shown = house.link("get_object", "shared/a", expires=601)
    house.ask(shown).expect(200)
    seen = [each for each in listed(house)["seen"] if each["key"] == "shared/a" and not each["revoked"]]
    assert len(seen) == 1 and seen[0]["uses"] == 1, seen
    link(house, "revoke", "--id", seen[0]["link"])
    house.ask(shown).expect(403, "AccessDenied")
    # By bucket and prefix: those signed until now, and no others.
    before, elsewhere = house.link("get_object", "shared/a", expires=602), house.link("get_object", "other/a")
    link(house, "revoke", "--bucket", BUCKET, "--prefix", "shared/")
    house.ask(before).expect(403, "AccessDenied")
    house.ask(elsewhere).expect(200)
    later = until(lambda: works(house, house.link("get_object", "shared/a", expires=603)))
    yesterday = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86_400))
    # By key, signed until a time that has passed: nothing of now.
    link(house, "revoke", "--key", house.endpoint.access_key, "--signed-until", yesterday)
    house.ask(later).expect(200)
    text = link(house, "list")
    assert "prefix=shared/" in text and f"key_id={house.endpoint.access_key}" in text, text


def works(house, url):
    return url if house.ask(url).status == 200 else None


def running(house):
    """A transfer under way ends with its link; one that may go on does."""
    large = os.urandom(1 << 20) * (LARGE_BYTES >> 20)
    house.put("running", large)
    for keep in (False, True):
        url = house.link("get_object", "running", token())
        client, head = begin(house, url)
        said = link(house, "revoke", url, *(["--keep-running"] if keep else []))
        assert keep or "connections ended: 1" in said, said
        received = 0
        client.settimeout(60)
        try:
            while piece := client.recv(1 << 20):
                received += len(piece)
                if keep and received >= LARGE_BYTES - 65536:
                    break
        except ConnectionResetError:
            pass
        client.close()
        assert (received >= LARGE_BYTES - 65536) == keep, received
        # Its resume token is worth nothing any more.
        tag = house.s3.head_object(Bucket=BUCKET, Key="running")["ETag"]
        house.ask(url, If_Match=tag, X_Bh_Resume=head["x-bh-resume"]).expect(403, "AccessDenied")


def an_upload_under_way(house):
    url = house.link("put_object", "half")
    split = urllib.parse.urlsplit(url)
    connection = house.connect()
    connection.putrequest("PUT", f"{split.path}?{split.query}", skip_host=True)
    connection.putheader("Host", split.netloc)
    connection.putheader("Content-Length", str(1 << 20))
    connection.endheaders()
    connection.send(b"x" * 65536)
    until(lambda: "connections ended: 1" in link(house, "revoke", url))
    try:
        connection.send(b"x" * ((1 << 20) - 65536))
        status = connection.getresponse().status
    except OSError:
        status = None
    except Exception as error:  # http.client has a class of its own for an answer that never came
        status, _ = None, error
    connection.close()
    assert status is None, status
    house.ask(house.link("get_object", "half")).expect(404, "NoSuchKey")


def survives(house):
    """A revocation outlives the node's death."""
    house.put("lasting", BODY)
    url = house.link("get_object", "lasting")
    link(house, "revoke", url)
    house.kill()
    house.start()
    house.ask(url).expect(403, "AccessDenied")
    assert listed(house)["revoked"]


def call(house, method, path, params=None, data=None, sign=True, sent=None):
    """A call of the administrator's address, signed by botocore: its status, and its document."""
    request = AWSRequest(method, house.environment["BLOCKHOUSE_ADMIN"] + path, params=params or {}, data=data)
    if sign:
        key = Credentials(house.endpoint.access_key, house.endpoint.secret_key)
        S3SigV4Auth(key, "s3", house.endpoint.region).add_auth(request)
    prepared = request.prepare()
    split = urllib.parse.urlsplit(prepared.url)
    connection = http.client.HTTPConnection(split.netloc, timeout=60)
    try:
        target = f"{split.path}?{split.query}" if split.query else split.path
        connection.request(method, target, body=sent or data, headers=dict(prepared.headers))
        answer = connection.getresponse()
        assert answer.getheader("Cache-Control") == "no-store"
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def ordered(house):
    """An application without an SDK orders a link, here with curl, as docs/links.md says."""
    house.put("ordered", BODY)
    sample = re.findall(r"```sh\n(curl.*?)```", PAGE.read_text(), re.DOTALL)[0]
    sample = sample.replace("bucket=notes", f"bucket={BUCKET}").replace("first.txt", "ordered")
    curl = subprocess.run(["sh", "-c", sample], env=house.environment, capture_output=True, text=True)
    made = json.loads(curl.stdout)
    assert "url" in made, made
    assert {each["because"] for each in made["may_end_earlier"]} == {"key", "once", "revocation"}, made
    assert house.ask(made["url"]).expect(200).body == BODY
    house.ask(made["url"]).expect(403, "AccessDenied")
    [shown] = [each for each in listed(house)["made"] if each["link"] == made["link"]]
    assert (shown["bucket"], shown["key"], shown["method"]) == (BUCKET, "ordered", "GET") and "url" not in shown

    status, upload = call(house, "POST", "/links", {"bucket": BUCKET, "key": "ordered up", "method": "PUT"})
    assert status == 200, upload
    house.ask(upload["url"], "PUT", b"up").expect(200)
    link(house, "revoke", "--id", upload["link"])
    house.ask(upload["url"], "PUT", b"up").expect(403, "AccessDenied")


def refusals(house):
    for method, path, params, data, sign, status, code in [
        ("POST", "/links", {"bucket": BUCKET}, None, False, 403, "AccessDenied"),
        ("GET", "/links", {}, None, False, 403, "AccessDenied"),
        ("POST", "/links/revocations", {}, b'{"key_id": "AK"}', False, 403, "AccessDenied"),
        ("POST", "/links", {}, None, True, 400, "AuthorizationQueryParametersError"),
        ("POST", "/links", {"bucket": BUCKET, "expires": "0"}, None, True, 400, "AuthorizationQueryParametersError"),
        ("POST", "/links", {"bucket": "B"}, None, True, 400, "InvalidBucketName"),
        ("POST", "/links", {"bucket": BUCKET, "key": "k", "x-bh-nonsense": "1"}, None, True, 400, "InvalidArgument"),
        ("POST", "/links/revocations", {}, b"{}", True, 400, "InvalidRequest"),
        ("POST", "/links/revocations", {}, b"nonsense", True, 400, "InvalidRequest"),
        ("POST", "/links/revocations", {}, b'{"link": "00", "key_id": "AK"}', True, 400, "InvalidRequest"),
        ("POST", "/links/revocations", {}, b'{"link": "00"}', True, 400, "InvalidRequest"),
        ("POST", "/links/revocations", {}, b'{"key_id": "AK", "more": 1}', True, 400, "InvalidRequest"),
        ("POST", "/links/revocations", {}, b'{"bucket": "bkt", "prefix": "' + b"x" * 40000 + b'"}', True, 400, "MaxMessageLengthExceeded"),
        ("DELETE", "/links", {}, None, True, 405, "MethodNotAllowed"),
    ]:
        told, document = call(house, method, path, params, data, sign)
        assert (told, document.get("code")) == (status, code), (method, path, params, data, told, document)
    # A body that is not the one that was signed.
    _, document = call(house, "POST", "/links/revocations", data=b'{"key_id": "AK"}', sent=b'{"key_id": "BK"}')
    assert document["code"] == "XAmzContentSHA256Mismatch", document


CHECKS = {
    "by the link": by_url,
    "by what they share": by_what_they_share,
    "running": running,
    "an upload under way": an_upload_under_way,
    "survives": survives,
    "ordered": ordered,
    "refusals": refusals,
}

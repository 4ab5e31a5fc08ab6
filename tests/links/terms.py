"""What a link may say beyond S3, and what every answer to one carries."""

import time

from house import ALIAS, BUCKET

BODY = b"the quick brown fox"


def basic(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + seconds))


def source(house):
    house.put("source", BODY)
    for sources in ["127.0.0.1", "10.0.0.0/8,127.0.0.0/8", "0.0.0.0/0"]:
        assert house.ask(house.link("get_object", "source", {"x-bh-source": sources})).expect(200).body == BODY
    for sources in ["10.0.0.0/8", "::/0", "vpc-1/127.0.0.0/8", "vpce-1"]:
        house.ask(house.link("get_object", "source", {"x-bh-source": sources})).expect(403, "AccessDenied")
    # What a proxy or a client claims does not count.
    link = house.link("get_object", "source", {"x-bh-source": "10.0.0.0/8"})
    house.ask(link, X_Forwarded_For="10.0.0.1", Forwarded="for=10.0.0.1").expect(403, "AccessDenied")


def not_before(house):
    house.put("later", BODY)
    link = {seconds: house.link("get_object", "later", {"x-bh-not-before": basic(seconds)}) for seconds in (-5, 300)}
    house.ask(link[-5]).expect(200)
    house.ask(link[300]).expect(403, "AccessDenied")


def max_bytes(house):
    link = house.link("put_object", "capped", {"x-bh-max-bytes": 10})
    refused = house.ask(link, "PUT", b"0123456789a").expect(400, "EntityTooLarge")
    assert b"<MaxSizeAllowed>10</MaxSizeAllowed>" in refused.body and b"<ProposedSize>11</" in refused.body
    house.ask(link, "PUT", iter([b"012345", b"6789a"]), Transfer_Encoding="chunked").expect(400, "EntityTooLarge")
    house.ask(house.link("get_object", "capped")).expect(404, "NoSuchKey")
    house.ask(link, "PUT", b"0123456789").expect(200)
    house.ask(house.link("get_object", "capped")).expect(200)


def head(house):
    house.put("head", BODY)
    plain = house.link("get_object", "head")
    assert house.ask(plain, "HEAD").status == 403
    allowed = house.link("get_object", "head", {"x-bh-head": "1"})
    answer = house.ask(allowed, "HEAD").expect(200)
    assert answer.headers["Content-Length"] == str(len(BODY))
    assert house.ask(allowed).expect(200).body == BODY
    house.ask(allowed, "PUT", b"x").expect(403, "SignatureDoesNotMatch")


def strict(house):
    for terms in [{"x-bh-ounce": "1"}, {"X-Bh-Once": "1"}, {"x-bh-once": ""}, {"x-bh-once": "a.b"}, {"x-bh-head": "0"},
                  {"x-bh-confirm": "yes"}, {"x-bh-source": "here"}, {"x-bh-not-before": "now"}, {"x-bh-max-bytes": "1"}]:
        house.ask(house.link("get_object", "key", terms)).expect(400, "InvalidArgument")
    # Signed in a header, by the same SDK.
    s3 = house.client()

    def add(request, **_):
        request.url += "?x-bh-once=1"

    s3.meta.events.register("before-sign.s3.GetObject", add)
    try:
        s3.get_object(Bucket=BUCKET, Key="key")
    except s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidArgument", error.response
    else:
        raise AssertionError("a term on a request that is no link was passed over")


def tampered(house):
    house.put("tampered", BODY)
    link = house.link("get_object", "tampered", {"x-bh-source": "10.0.0.0/8"})
    for bent in [link.replace("x-bh-source=10.0.0.0%2F8&", ""), link.replace("10.0.0.0", "0.0.0.0"),
                 link + "&x-bh-head=1", link.replace("x-bh-source", "x-bh-sourcf")]:
        assert bent != link
        house.ask(bent).expect(403, "SignatureDoesNotMatch")


def names(house):
    """Made inside, used outside, and the other way round."""
    house.put("named", BODY)
    inside = house.link("get_object", "named", {"x-bh-once": "names"})
    outside = house.link("get_object", "named", endpoint=f"http://{ALIAS}")
    assert house.ask(outside).expect(200).body == BODY
    assert house.ask(outside.replace(ALIAS, house.endpoint.host)).expect(200).body == BODY
    house.ask(outside.replace(ALIAS, "other.example")).expect(403, "SignatureDoesNotMatch")
    house.ask(inside.replace(house.endpoint.host, "other.example"),
              X_Forwarded_Host=house.endpoint.host).expect(403, "SignatureDoesNotMatch")
    # One link under all names.
    assert house.ask(inside.replace(house.endpoint.host, ALIAS)).expect(200).body == BODY
    house.ask(inside).expect(403, "AccessDenied")


def guarded(house):
    house.s3.put_object(Bucket=BUCKET, Key="cached", Body=BODY, CacheControl="max-age=60")
    overriding = house.link("get_object", "cached", ResponseCacheControl="public")
    for answer in [house.ask(overriding).expect(200), house.ask(overriding + "0").expect(403, "SignatureDoesNotMatch"),
                   house.ask(house.link("get_object", "none")).expect(404, "NoSuchKey")]:
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


CHECKS = {
    "source": source,
    "not-before": not_before,
    "max-bytes": max_bytes,
    "head": head,
    "read strictly": strict,
    "cannot be bent": tampered,
    "several names": names,
    "guarded answers": guarded,
}

"""Signature Version 4 and 4A once more, in the plainest Python: what a request's string to sign must
be by the request's own claims. The real signers check this file, this file judges mutations."""

import hashlib
import hmac
import re
from urllib.parse import quote, unquote_to_bytes

UNRESERVED = "-_.~"


def encode(data):
    return quote(data, safe=UNRESERVED)


def claims(request):
    """What the request says about its signature: a dict, or None where it says nothing readable."""
    for name, value in request["headers"]:
        if name == "authorization":
            algorithm, _, components = value.strip().replace("\t", " ").partition(" ")
            parts = dict(part.strip().partition("=")[::2] for part in components.split(","))
            if set(parts) != {"Credential", "SignedHeaders", "Signature"} or len(components.split(",")) != 3:
                return None
            credential, signed, signature = parts["Credential"], parts["SignedHeaders"], parts["Signature"]
            headers = {name: value.strip() for name, value in request["headers"]}
            return {"form": "header", "algorithm": algorithm, "credential": credential, "signed": signed,
                    "signature": signature, "date": headers.get("x-amz-date", ""),
                    "payload": headers.get("x-amz-content-sha256")}
    query = {name: value.decode("utf-8", "replace") for name, value in pairs(request["query"])}
    try:
        return {"form": "query", "algorithm": query[b"X-Amz-Algorithm"], "credential": query[b"X-Amz-Credential"],
                "signed": query[b"X-Amz-SignedHeaders"], "signature": query[b"X-Amz-Signature"],
                "date": query[b"X-Amz-Date"],
                "payload": query.get(b"X-Amz-Content-Sha256",
                                     dict(request["headers"]).get("x-amz-content-sha256", "UNSIGNED-PAYLOAD"))}
    except KeyError:
        return None


def pairs(query):
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        yield tuple(unquote_to_bytes(part.replace("+", " ").encode("latin-1")) for part in (name, value))


def canonical(request, claim, keep_port=False):
    path = "/".join(encode(unquote_to_bytes(part.encode("latin-1"))) for part in request["path"].split("/"))
    query = sorted((encode(n), encode(v)) for n, v in pairs(request["query"]) if n != b"X-Amz-Signature")
    lines = [request["method"], path or "/", "&".join(f"{n}={v}" for n, v in query)]
    for name in claim["signed"].split(";"):
        values = [value for n, value in request["headers"] if n == name]
        if name == "host" and not keep_port:
            values = [re.sub(":443$" if request["tls"] else ":80$", "", value.strip()) for value in values]
        lines.append(name + ":" + ",".join(re.sub(r"[ \t]+", " ", value).strip() for value in values))
    return "\n".join(lines + ["", claim["signed"], claim["payload"] or ""])


def string_to_sign(request, claim, keep_port=False):
    scope = claim["credential"].partition("/")[2]
    digest = hashlib.sha256(canonical(request, claim, keep_port).encode("latin-1")).hexdigest()
    return "\n".join([claim["algorithm"], claim["date"], scope, digest])


def mac(key, text):
    return hmac.new(key, text.encode("latin-1"), hashlib.sha256).digest()


def signature(secret, scope, text):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = mac(key, part)
    return mac(key, text).hex()


def unsigned(request, claim):
    """Headers that must be signed and are not."""
    names = {name for name, _ in request["headers"] if name.startswith("x-amz-")} | {"host"}
    return names - set(claim["signed"].split(";"))

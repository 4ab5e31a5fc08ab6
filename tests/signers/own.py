"""A small signer whose every part can be made wrong on purpose."""

import base64
import datetime
import hashlib
import pathlib
from urllib.parse import quote

import reference

ALGORITHM = "AWS4-HMAC-SHA256"


def basic(moment):
    return moment.strftime("%Y%m%dT%H%M%SZ")


def now(seconds=0):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def base64_sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest())


def endpoint(url):
    """Scheme, authority and socket address of `http://host:port`."""
    scheme, _, host = url.rstrip("/").partition("://")
    name, _, port = host.rpartition(":")
    return scheme, host, (name.strip("[]"), int(port))


def read_environment(path):
    """`export NAME=value` or `NAME=value`, values perhaps quoted."""
    lines = (line.removeprefix("export ").partition("=") for line in pathlib.Path(path).read_text().splitlines())
    return {name.strip(): value.strip().strip("'\"") for name, _, value in lines if name and not name.startswith("#")}


class Signer:
    def __init__(self, environment):
        self.id = environment["AWS_ACCESS_KEY_ID"]
        self.secret = environment["AWS_SECRET_ACCESS_KEY"]
        self.region = environment["AWS_REGION"]
        scheme, self.host, self.address = endpoint(environment["AWS_ENDPOINT_URL_S3"])
        if scheme != "http":
            raise SystemExit("these tests speak plain http: AWS_ENDPOINT_URL_S3 must begin with http://")

    def scope(self, moment, region=None, service="s3"):
        return f"{basic(moment)[:8]}/{region or self.region}/{service}/aws4_request"

    def in_header(self, method, path, query="", headers=(), body=b"", moment=None, payload=None, unsigned=(),
                  leave_out=()):
        """The headers of a signed request; `payload` is x-amz-content-sha256, the body's hash if None."""
        moment = moment or now()
        payload = hashlib.sha256(body).hexdigest() if payload is None else payload
        signed = [("host", self.host), ("x-amz-date", basic(moment)), ("x-amz-content-sha256", payload), *headers]
        signed = [pair for pair in signed if pair[0] not in leave_out]
        claim = {"algorithm": ALGORITHM, "credential": f"{self.id}/{self.scope(moment)}", "date": basic(moment),
                 "signed": ";".join(sorted({name for name, _ in signed})), "payload": payload}
        signature = self.signature(method, path, query, signed, claim)
        authorization = (f"{ALGORITHM} Credential={claim['credential']}, SignedHeaders={claim['signed']}, "
                         f"Signature={signature}")
        return [*signed, *unsigned, ("authorization", authorization)]

    def in_query(self, method, path, query="", headers=(), moment=None, expires=60, extra=()):
        """The query of a presigned link; `extra` parameters override the usual ones, None drops one."""
        moment = moment or now()
        names = ";".join(sorted({"host", *(name for name, _ in headers)}))
        parameters = {"X-Amz-Algorithm": ALGORITHM, "X-Amz-Credential": f"{self.id}/{self.scope(moment)}",
                      "X-Amz-Date": basic(moment), "X-Amz-Expires": str(expires), "X-Amz-SignedHeaders": names}
        parameters.update(extra)
        parameters = {name: value for name, value in parameters.items() if value is not None}
        encoded = [f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in parameters.items()]
        query = "&".join(filter(None, [query, *encoded]))
        claim = {"algorithm": ALGORITHM, "credential": parameters.get("X-Amz-Credential", "/"), "signed": names,
                 "date": parameters.get("X-Amz-Date", ""), "payload": "UNSIGNED-PAYLOAD"}
        signature = self.signature(method, path, query, [("host", self.host), *headers], claim)
        return query + "&X-Amz-Signature=" + signature

    def signature(self, method, path, query, headers, claim):
        request = {"method": method, "path": path, "query": query, "headers": headers, "tls": False}
        text = reference.string_to_sign(request, claim)
        return reference.signature(self.secret, claim["credential"].partition("/")[2], text)

"""SigV4 for the load generator: presigned targets and signed heads, with the signing key cached.

Independent of the server's own signer on purpose. `python3 sign.py` holds it against botocore.
"""
import datetime
import hashlib
import hmac
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _query(parameters):
    return "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(parameters.items()))


class Signer:
    """Signs for one key, host and day."""

    def __init__(self, access_key, secret, region, host, now=None):
        now = now or datetime.datetime.now(datetime.timezone.utc)
        self.host, self.date = host, now.strftime("%Y%m%dT%H%M%SZ")
        day = self.date[:8]
        self.scope = f"{day}/{region}/s3/aws4_request"
        key = ("AWS4" + secret).encode()
        for part in (day, region, "s3", "aws4_request"):
            key = _hmac(key, part)
        self.key = hmac.new(key, digestmod=hashlib.sha256)
        self.credential = f"{access_key}/{self.scope}"

    def _signature(self, canonical):
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        mac = self.key.copy()
        mac.update(f"{ALGORITHM}\n{self.date}\n{self.scope}\n{digest}".encode())
        return mac.hexdigest()

    def presign(self, method, path, query=None, expires=86400):
        """The target of a presigned request for `path` (`/bucket/key`, not encoded)."""
        path = quote(path, safe="/-_.~")
        query = _query({
            "X-Amz-Algorithm": ALGORITHM, "X-Amz-Credential": self.credential,
            "X-Amz-Date": self.date, "X-Amz-Expires": str(expires),
            "X-Amz-SignedHeaders": "host", **(query or {})})
        signature = self._signature(
            f"{method}\n{path}\n{query}\nhost:{self.host}\n\nhost\nUNSIGNED-PAYLOAD")
        return f"{path}?{query}&X-Amz-Signature={signature}"

    def head(self, method, path, payload_sha256=EMPTY_SHA256, query=None):
        """Target and header lines of a request signed in its header."""
        path, query = quote(path, safe="/-_.~"), _query(query or {})
        signed = "host;x-amz-content-sha256;x-amz-date"
        signature = self._signature(
            f"{method}\n{path}\n{query}\nhost:{self.host}\nx-amz-content-sha256:{payload_sha256}\n"
            f"x-amz-date:{self.date}\n\n{signed}\n{payload_sha256}")
        authorization = (f"{ALGORITHM} Credential={self.credential}, SignedHeaders={signed}, "
                         f"Signature={signature}")
        return (path + ("?" + query if query else ""),
                [f"x-amz-content-sha256: {payload_sha256}", f"x-amz-date: {self.date}",
                 f"Authorization: {authorization}"])


def check():
    import botocore.session
    client = botocore.session.get_session().create_client(
        "s3", "local-1", endpoint_url="http://127.0.0.1:9000", aws_access_key_id="A",
        aws_secret_access_key="S",
        config=botocore.config.Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "a b/c~d"},
                                        ExpiresIn=86400)
    date = url.split("X-Amz-Date=")[1][:16]
    now = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    mine = Signer("A", "S", "local-1", "127.0.0.1:9000", now).presign("GET", "/b/a b/c~d")
    assert mine.rsplit("=", 1)[1] == url.rsplit("Signature=", 1)[1], (mine, url)
    print("agrees with botocore")


if __name__ == "__main__":
    import botocore.config
    check()

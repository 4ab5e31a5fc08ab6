"""boto3, with awscrt or without it: `boto.py with|without BUCKET FILE`. See ../real.py."""

import sys

if sys.argv[1] == "without":
    # As if it were not installed.
    sys.modules["awscrt"] = None

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import UnknownSignatureVersionError, UnsupportedSignatureVersionError  # noqa: E402

import forms  # noqa: E402

CONTENT = b"signed by boto3"
NO_CRT = (UnknownSignatureVersionError, UnsupportedSignatureVersionError)


def text(value):
    return value.decode() if isinstance(value, bytes) else value


class Boto:
    def __init__(self, bucket, version, door):
        config = Config(signature_version=version, s3={"addressing_style": "path"}, retries={"max_attempts": 0})
        self.bucket, self.word = bucket, ""
        self.algorithm = "AWS4-ECDSA-P256-SHA256" if version == "s3v4a" else "AWS4-HMAC-SHA256"
        self.s3 = boto3.client("s3", endpoint_url=door, config=config)
        self.s3.meta.events.register("before-send.s3.PutObject", self.remember)

    def remember(self, request, **_):
        word = request.headers.get("X-Amz-Content-SHA256", b"")
        self.word = text(word)
        forms.expect(text(request.headers["Authorization"]).startswith(self.algorithm), "it is signed otherwise")

    def header(self):
        self.s3.put_object(Bucket=self.bucket, Key="a key/ü +&", Body=CONTENT)
        got = self.s3.get_object(Bucket=self.bucket, Key="a key/ü +&")["Body"].read()
        forms.expect(got == CONTENT, "another content came back")

    def presigned(self):
        link = lambda call: self.s3.generate_presigned_url(call, Params={"Bucket": self.bucket, "Key": "by link"})
        put, get = link("put_object"), link("get_object")
        forms.expect(f"={self.algorithm}&" in get, f"it is signed otherwise: {get}")
        forms.use_links(put, get, CONTENT)

    def chunked(self, file):
        """A body that is read while it is sent: over TLS boto3 leaves its hash to a trailer."""
        with open(file, "rb") as body:
            self.s3.put_object(Bucket=self.bucket, Key="chunked", Body=body)
        forms.expect(self.word.startswith("STREAMING-"), f"it was sent as {self.word}")
        got = self.s3.get_object(Bucket=self.bucket, Key="chunked")["Body"].read()
        forms.expect(got == open(file, "rb").read(), "another content came back")
        return self.word


def main(bucket, file):
    for prefix, version in (("", "s3v4"), ("v4a ", "s3v4a")):
        client = lambda door: Boto(bucket, version, door)
        calls = {"header": lambda: client(forms.HTTP).header(), "presigned": lambda: client(forms.HTTP).presigned(),
                 "chunked": lambda: client(forms.HTTPS).chunked(file)}
        for form, call in calls.items():
            forms.tell(prefix + form, call, NO_CRT if prefix else ())


main(*sys.argv[2:])

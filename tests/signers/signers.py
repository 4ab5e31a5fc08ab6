"""The real signers: botocore and AWS's C runtime. Each takes a generated request and gives back what
goes over the wire, signed at the moment `now`."""

import datetime
from unittest import mock
from urllib.parse import urlsplit

import awscrt.auth
import awscrt.http
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "local-1"


def wire(request, headers, url):
    parts = urlsplit(url)
    pairs = [[name.lower(), value.encode("utf-8").decode("latin-1")] for name, value in headers]
    return {"method": request["method"], "path": parts.path, "query": parts.query, "headers": pairs,
            "tls": request["tls"]}


def without_default_port(request):
    """The header Host as HTTP libraries send it."""
    return request["host"].removesuffix(":443" if request["tls"] else ":80")


def url_of(request):
    scheme = "https" if request["tls"] else "http"
    query = "?" + request["query"] if request["query"] else ""
    return f"{scheme}://{request['host']}{request['path']}{query}"


def botocore_signed(signer, request, key, now, body=None):
    signed = AWSRequest(request["method"], url_of(request), data=body)
    for name, value in request["headers"]:
        signed.headers.add_header(name, value)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now.replace(tzinfo=None)):
        signer(Credentials(*key)).add_auth(signed)
    host = request["host"] if hash(request["path"]) % 4 == 0 else without_default_port(request)
    return wire(request, [("host", host), *signed.headers.items()], signed.url)


def botocore_header(request, key, now, service, _expires, payload=None):
    def signer(credentials):
        auth = botocore.auth.S3SigV4Auth(credentials, service, REGION)
        if payload:
            auth.payload = lambda _request: payload
        return auth
    return botocore_signed(signer, request, key, now, b"body")


def botocore_query(request, key, now, service, expires):
    signer = lambda credentials: botocore.auth.S3SigV4QueryAuth(credentials, service, REGION, expires)
    return botocore_signed(signer, request, key, now)


def crt_signed(algorithm, place, request, key, now, service, expires, payload):
    in_header = place == awscrt.auth.AwsSignatureType.HTTP_REQUEST_HEADERS
    config = awscrt.auth.AwsSigningConfig(
        algorithm=algorithm,
        signature_type=place,
        credentials_provider=awscrt.auth.AwsCredentialsProvider.new_static(*key),
        region="*" if algorithm == awscrt.auth.AwsSigningAlgorithm.V4_ASYMMETRIC else REGION,
        service=service,
        date=now,
        use_double_uri_encode=False,
        should_normalize_uri_path=False,
        signed_body_value=payload,
        signed_body_header_type=awscrt.auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256 if in_header
        else awscrt.auth.AwsSignedBodyHeaderType.NONE,
        expiration_in_seconds=None if in_header else expires,
    )
    headers = awscrt.http.HttpHeaders([("host", without_default_port(request)), *request["headers"]])
    target = request["path"] + ("?" + request["query"] if request["query"] else "")
    message = awscrt.http.HttpRequest(request["method"], target, headers)
    signed = awscrt.auth.aws_sign_request(message, config).result()
    return wire(request, list(signed.headers), f"http://host{signed.path}")


def crt(algorithm, place):
    def sign(request, key, now, service, expires, payload="UNSIGNED-PAYLOAD"):
        return crt_signed(algorithm, place, request, key, now, service, expires, payload)
    return sign


V4, V4A = awscrt.auth.AwsSigningAlgorithm.V4, awscrt.auth.AwsSigningAlgorithm.V4_ASYMMETRIC
HEADER = awscrt.auth.AwsSignatureType.HTTP_REQUEST_HEADERS
QUERY = awscrt.auth.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS

SIGNERS = {
    "botocore header": botocore_header,
    "botocore query": botocore_query,
    "awscrt v4 header": crt(V4, HEADER),
    "awscrt v4 query": crt(V4, QUERY),
    "awscrt v4a header": crt(V4A, HEADER),
    "awscrt v4a query": crt(V4A, QUERY),
}


def moment(random):
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    return start + datetime.timedelta(seconds=random.randint(0, 400 * 86400))

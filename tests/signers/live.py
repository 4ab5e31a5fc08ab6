#!/usr/bin/env python3
"""Sends what the real signers signed to a running node, over real sockets, http and https: nothing on
the way from the socket to the verifier may change a byte that was signed. Objects need not exist: any
answer will do that does not speak of the signature.

    tests/signers/live.py DIR/env | --launch PROGRAM [--requests 1200] [--seed 1]

Ends with 'N passed, N failed'.
"""

import pathlib
import random as randomness
import ssl
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import run  # noqa: E402
import under_test  # noqa: E402

OF_SIGNATURES = {"SignatureDoesNotMatch", "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError",
                 "AccessDenied", "InvalidAccessKeyId", "RequestTimeTooSkewed", "InvalidToken", "InvalidURI",
                 "XAmzContentSHA256Mismatch"}


def main():
    parser = under_test.parser(__doc__)
    parser.add_argument("--requests", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    count = run.Count()
    with under_test.environment_file(options) as path:
        doors = open_doors(path)
        for n in range(options.requests):
            one_request(randomness.Random(f"{options.seed} {n}"), doors, count, n)
    print(f"{count.passed} passed, {count.failed} failed")
    sys.exit(1 if count.failed or not count.passed else 0)


def open_doors(path):
    """The key, and for http and https where to connect and how."""
    import own

    environment = own.read_environment(path)
    key = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    doors = [(own.endpoint(environment["AWS_ENDPOINT_URL_S3"])[2], None)]
    if "BLOCKHOUSE_ENDPOINT_S3_TLS" in environment:
        trusting = ssl.create_default_context(cafile=environment["AWS_CA_BUNDLE"])
        doors.append((own.endpoint(environment["BLOCKHOUSE_ENDPOINT_S3_TLS"])[2], trusting))
    return key, doors


def one_request(random, doors, count, n):
    import generate
    import own
    import signers
    import wire

    key, doors = doors
    address, tls = random.choice(doors)
    request = dict(generate.request(random), tls=tls is not None)
    name = list(signers.SIGNERS)[n % len(signers.SIGNERS)]
    signed = signers.SIGNERS[name](request, key, own.now().replace(microsecond=0), "s3", 60)
    body = b"body" if name == "botocore header" else b""
    target = signed["path"] + ("?" + signed["query"] if signed["query"] else "")
    headers = [*signed["headers"], ["content-length", str(len(body))], ["connection", "close"]]
    data = wire.head(signed["method"], target, headers) + body
    answer, _ = wire.exchange(address, data, signed["method"] == "HEAD", tls=tls)
    code = answer.error().get("Code")
    # An answer without a request id is the HTTP library's, and no verifier was asked.
    asked = "x-amz-request-id" in answer.headers and answer.status not in (403, 503)
    judged = asked and code not in OF_SIGNATURES
    count.check(judged, f"{name}: {answer.status} {code}", signed, answer.body.decode("utf-8", "replace")[:900])


if __name__ == "__main__":
    run.in_own_environment()
    main()

"""Makes signatures.json: requests with the canonical request, string to sign and signature that
they must have, and the links that botocore presigns.

The first part uses hashlib and hmac alone and spells each canonical request out by hand, so that it
shares no code and no idea with the crate it tests. The second part is botocore's own output.

    python3 -m venv venv && venv/bin/pip install botocore==1.44.5
    venv/bin/python tests/vectors/signatures.py > tests/vectors/signatures.json
"""

import datetime
import hashlib
import hmac
import json
import sys
from unittest import mock

ID, SECRET = "BHAKEXAMPLE0000001", "vector/secret+with=odd.characters/0123456789"
DATE = "20261121T233000Z"
EMPTY = hashlib.sha256(b"").hexdigest()

# name, method, path, query, headers, tls, normalize, service, canonical path, canonical query,
# canonical header lines, signed names, payload hash
REQUESTS = [
    ("plain get", "GET", "/bucket/key", "",
     [["host", "s3.example:9000"], ["x-amz-content-sha256", EMPTY], ["x-amz-date", DATE]], False, False, "s3",
     "/bucket/key", "", ["host:s3.example:9000", f"x-amz-content-sha256:{EMPTY}", f"x-amz-date:{DATE}"], EMPTY),
    ("nothing is normalized", "GET", "/bucket//a/../b/./c//", "",
     [["host", "s3.example"]], False, False, "s3",
     "/bucket//a/../b/./c//", "", ["host:s3.example"], "UNSIGNED-PAYLOAD"),
    ("one spelling of a path", "PUT", "/b/a%7e%2fx+y*z%25/%e1%88%b4 '()", "",
     [["host", "s3.example"]], False, False, "s3",
     "/b/a~%2Fx%2By%2Az%25/%E1%88%B4%20%27%28%29", "", ["host:s3.example"], "UNSIGNED-PAYLOAD"),
    ("query sorted, encoded, nothing lost", "GET", "/b",
     "prefix=a/b&list-type=2&delimiter=%2f&a-b=1&a=3&a=2&uploads&x=1=2;y&X-Amz-Signature=00&space=p+q",
     [["host", "s3.example"]], False, False, "s3",
     "/b", "a=2&a=3&a-b=1&delimiter=%2F&list-type=2&prefix=a%2Fb&space=p%20q&uploads=&x=1%3D2%3By",
     ["host:s3.example"], "UNSIGNED-PAYLOAD"),
    ("upper case sorts first", "GET", "/b", "b=1&B=2&_=3&~=4&a1=5&a=6",
     [["host", "s3.example"]], False, False, "s3",
     "/b", "B=2&_=3&a=6&a1=5&b=1&~=4", ["host:s3.example"], "UNSIGNED-PAYLOAD"),
    ("headers folded and joined", "PUT", "/b/k", "",
     [["x-amz-meta-b", "  two   words\t here "], ["host", "s3.example"], ["x-amz-meta-a", "1"],
      ["content-type", "text/plain;  charset=utf-8"], ["x-amz-meta-a", "0"], ["x-amz-meta-c", ""],
      ["user-agent", "not signed"]], False, False, "s3",
     "/b/k", "", ["content-type:text/plain; charset=utf-8", "host:s3.example", "x-amz-meta-a:1,0",
                  "x-amz-meta-b:two words here", "x-amz-meta-c:"], "UNSIGNED-PAYLOAD"),
    ("default port of http", "GET", "/b/k", "", [["host", "s3.example:80"]], False, False, "s3",
     "/b/k", "", ["host:s3.example"], "UNSIGNED-PAYLOAD"),
    ("default port of https", "GET", "/b/k", "", [["host", "[::1]:443"]], True, False, "s3",
     "/b/k", "", ["host:[::1]"], "UNSIGNED-PAYLOAD"),
    ("any other port", "GET", "/b/k", "", [["host", "[::1]:80"]], True, False, "s3",
     "/b/k", "", ["host:[::1]:80"], "UNSIGNED-PAYLOAD"),
    ("streaming", "PUT", "/b/k", "",
     [["host", "ap-000000000042.op-1.s3.example"],
      ["x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"], ["x-amz-date", DATE]], True, False, "s3-outposts",
     "/b/k", "", ["host:ap-000000000042.op-1.s3.example",
                  "x-amz-content-sha256:STREAMING-UNSIGNED-PAYLOAD-TRAILER", f"x-amz-date:{DATE}"],
     "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    ("other services normalize and encode twice", "GET", "/a%20b//c/../d%2Fe/", "",
     [["host", "iam.example"]], True, True, "iam",
     "/a%2520b/d%252Fe/", "", ["host:iam.example"], EMPTY),
]

# method, endpoint, bucket, key, query, headers, service, expires, token
LINKS = [
    ("GET", "http://127.0.0.1:9000", "bucket", "key", [], [], "s3", 3600, None),
    ("GET", "https://s3.example", "bucket", "a b+c/d~e*f%25'()/\u1234\U0001f600", [], [], "s3", 1, None),
    ("PUT", "https://s3.example:443", "bucket", "k", [],
     [["Content-Type", "text/plain"], ["x-amz-meta-A", "some  words"]], "s3", 604800, None),
    ("GET", "http://[::1]:9000", "bucket", "a//b/../c/./", [["versionId", "null"],
     ["response-content-disposition", "attachment; filename=\"a b&c=d+e.txt\""]], [], "s3", 432000, None),
    ("HEAD", "https://ap-000000000042.op-1.s3.example:8443", "", "key/with/slashes", [], [], "s3-outposts", 60, None),
    ("DELETE", "http://localhost:80", "bucket", "", [["lifecycle", ""]], [], "s3", 60, None),
    ("GET", "https://s3.example", "bucket", "key", [], [], "s3", 60, "token/with+odd=characters"),
]


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(service, text):
    key = ("AWS4" + SECRET).encode()
    for part in (DATE[:8], "local-1", service, "aws4_request"):
        key = mac(key, part)
    return mac(key, text).hex()


def vector(name, method, path, query, headers, tls, normalize, service, c_path, c_query, c_headers, payload):
    names = ";".join(line.split(":", 1)[0] for line in c_headers)
    canonical = "\n".join([method, c_path, c_query, *c_headers, "", names, payload])
    scope = f"{DATE[:8]}/local-1/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", DATE, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return {"name": name, "method": method, "path": path, "query": query, "headers": headers, "tls": tls,
            "normalize": normalize, "service": service, "signed_headers": names, "payload_hash": payload,
            "canonical_request": canonical, "string_to_sign": text, "signature": sign(service, text)}


def link(method, endpoint, bucket, key, query, headers, service, expires, token):
    from urllib.parse import quote

    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    path = "".join("/" + quote(part, safe="/~") for part in (bucket, key) if part)
    request = AWSRequest(method, endpoint + path, headers=dict(headers), params=dict(query))
    now = datetime.datetime.strptime(DATE, "%Y%m%dT%H%M%SZ")
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        S3SigV4QueryAuth(Credentials(ID, SECRET, token), service, "local-1", expires).add_auth(request)
    return {"method": method, "endpoint": endpoint, "bucket": bucket, "key": key, "query": query, "headers": headers,
            "service": service, "expires": expires, "token": token, "url": request.url}


json.dump({"access_key_id": ID, "secret": SECRET, "region": "local-1", "date": DATE,
           "requests": [vector(*r) for r in REQUESTS], "links": [link(*l) for l in LINKS]},
          sys.stdout, indent=1, ensure_ascii=False)
print()

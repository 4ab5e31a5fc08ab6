"""Random requests as clients make them: odd keys, odd parameters, repeated headers, Unicode, every
shape of host. Everything is encoded as SDKs encode it; what a request looks like on the wire is
`{"method", "path", "query", "headers", "tls"}`, header values as Latin-1 text."""

from urllib.parse import quote

HOSTS = ["s3.blockhouse.test", "127.0.0.1:9000", "localhost:9443", "[::1]:9000", "[fe80::1]", "bucket.s3.test:80",
         "ap-000000000042.op-01ac5d28a6a232904.s3.test", "s3.test:443", "xn--bcher-kva.test:8080"]
PIECES = ["a", "Z", "0", "-", "_", ".", "~", " ", "+", "%", "*", "'", "(", ")", "!", "$", "&", "=", ":", ";", ",", "@",
          "?", "#", "[", "]", "\"", "\\", "|", "^", "`", "<", ">", "{", "}", "\t", "\x01", "\x7f", "\xe9", "\u1234",
          "\U0001f600", "%2F", "..", "//", "./", "/../", "/"]
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]
PARAMETERS = ["prefix", "delimiter", "list-type", "marker", "uploads", "uploadId", "partNumber", "versionId", "x-id",
              "response-content-disposition", "response-content-type", "X-Amz-Meta", "a-b", "a", "A", "x-vendor"]
HEADERS = ["content-type", "range", "content-md5", "x-amz-acl", "x-amz-meta-one", "x-amz-meta-two", "x-amz-tagging",
           "x-amz-checksum-crc32", "if-match", "cache-control"]
VALUES = ["text/plain; charset=utf-8", "bytes=0-99", "  two  spaces ", "a,b", "\"quoted  value\"", "", "0", "a=1&b=2",
          "\xfcml\xe4ut \u1234", "plain"]


def text(random, most):
    return "".join(random.choice(PIECES) for _ in range(random.randint(0, most)))


def request(random):
    path = "/bucket" + ("/" + text(random, 8) if random.random() < 0.9 else "")
    parameters = [(random.choice(PARAMETERS), text(random, 3)) for _ in range(random.choice([0, 0, 1, 2, 4]))]
    headers = [(random.choice(HEADERS), random.choice(VALUES)) for _ in range(random.choice([0, 1, 2, 5]))]
    return {
        "method": random.choice(METHODS),
        "path": quote(path, safe="/~"),
        "query": "&".join(quote(n, safe="-_.~") + "=" + quote(v, safe="-_.~") for n, v in parameters),
        "headers": headers,
        "host": random.choice(HOSTS),
        "tls": random.random() < 0.5,
    }

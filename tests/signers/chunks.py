"""Bodies framed as aws-chunked, right or broken on purpose."""

import hashlib

import own
import reference

EMPTY = hashlib.sha256(b"").hexdigest()


def unsigned_put(node, path, data, announced, trailers):
    """One unsigned chunk and a trailer."""
    word = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    headers = node.sign.in_header("PUT", path, payload=word, headers=[
        ("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", str(len(data))),
        ("x-amz-trailer", announced)])
    lines = "".join(f"{name}:{value}\r\n" for name, value in trailers).encode()
    body = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(data), data, lines)
    return node.send("PUT", path, headers, body)


def signed_put(node, path, pieces, trailer=False, broken=None, decoded_len=-1):
    """Signed chunks; link number `broken` has a wrong signature. A decoded length of -1 is the right
    one, None leaves it out."""
    moment = own.now()
    word = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    extra = [("content-encoding", "aws-chunked")]
    if decoded_len is not None:
        right = sum(map(len, pieces))
        extra.append(("x-amz-decoded-content-length", str(right if decoded_len < 0 else decoded_len)))
    if trailer:
        extra.append(("x-amz-trailer", "x-amz-checksum-sha256"))
    headers = node.sign.in_header("PUT", path, payload=word, headers=extra, moment=moment)
    chain = Chain(node.sign, moment, dict(headers)["authorization"].rpartition("=")[2], broken)
    body = b""
    for data in [*pieces, b""]:
        signature = chain.sign("PAYLOAD", [EMPTY, hashlib.sha256(data).hexdigest()])
        end = b"" if trailer and not data else b"\r\n"
        body += b"%x;chunk-signature=%s\r\n%s%s" % (len(data), signature, data, end)
    if trailer:
        line = b"x-amz-checksum-sha256:" + own.base64_sha256(b"".join(pieces))
        signature = chain.sign("TRAILER", [hashlib.sha256(line + b"\n").hexdigest()])
        body += line + b"\r\nx-amz-trailer-signature:" + signature + b"\r\n\r\n"
    return node.send("PUT", path, headers, body)


class Chain:
    """Signs link after link; the one numbered `broken` wrongly."""

    def __init__(self, signer, moment, seed, broken):
        self.signer, self.moment, self.previous, self.broken = signer, moment, seed, broken
        self.links = 0

    def sign(self, kind, digests):
        scope = self.signer.scope(self.moment)
        lines = [f"{own.ALGORITHM}-{kind}", own.basic(self.moment), scope, self.previous, *digests]
        self.previous = reference.signature(self.signer.secret, scope, "\n".join(lines))
        wrong = self.links == self.broken
        self.links += 1
        return (self.previous[::-1] if wrong else self.previous).encode()

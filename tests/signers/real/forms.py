"""What the Python signers share: where the node is, links used without an SDK, and a line for each form."""

import os
import ssl
import urllib.error
import urllib.request

HTTP, HTTPS = os.environ["AWS_ENDPOINT_URL_S3"], os.environ["BLOCKHOUSE_ENDPOINT_S3_TLS"]


class Absent(Exception):
    """The signer does not have this form; the text says why."""


def tell(form, call, cannot=()):
    """Prints what became of a form; an exception of `cannot` means that the signer does not have it."""
    try:
        said = call()
    except cannot as error:
        print(f"{form}: n/a {error}", flush=True)
    except Exception as error:  # whatever went wrong is one line
        print(f"{form}: {type(error).__name__} {error}".replace("\n", " "), flush=True)
    else:
        print(f"{form}: ok {said or ''}".rstrip(), flush=True)


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def fetch(url, method="GET", body=None):
    """Status and body, by a library that knows no S3."""
    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": ""} if body else {})
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def use_links(put, get, content):
    """Both links work, and the second is for no other name."""
    if put:
        expect(fetch(put, "PUT", content)[0] == 200, "PUT by a link")
    expect(fetch(get) == (200, content), f"GET by a link: {fetch(get)}")
    status, body = fetch(get.replace("by%20link", "by%20another"))
    expect((status, b"SignatureDoesNotMatch" in body) == (403, True), f"a changed link: {status} {body}")

"""Chromium without a window: scripts of a page from elsewhere, which the browser lets speak to the
node only as far as the bucket's CORS rules say."""

import base64
import contextlib
import http.server
import json
import ssl
import subprocess
import threading
import time
from urllib.parse import quote

from client import CHECKS, expect
from clients.boto import Boto3

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
         "--disable-dev-shm-usage", "--no-proxy-server"]

BROWSER_SECONDS = 60

PAGE = """<!doctype html><meta charset="utf-8"><title>cross-origin</title>
<script>
  const task = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  // A form as a person fills it in and sends it; the answer is followed to where it leads.
  function submit({ url, fields, filename, content }) {
    const frame = Object.assign(document.createElement("iframe"), { name: "answer" });
    const form = Object.assign(document.createElement("form"),
                               { action: url, method: "post", enctype: "multipart/form-data", target: frame.name });
    document.body.append(frame, form);
    for (const [name, value] of Object.entries(fields)) {
      Object.assign(form.appendChild(document.createElement("input")), { type: "hidden", name, value });
    }
    const input = Object.assign(form.appendChild(document.createElement("input")), { type: "file", name: "file" });
    const chosen = new DataTransfer();
    chosen.items.add(new File([content], filename));
    input.files = chosen.files;
    return new Promise((resolve) => {
      frame.onload = () => {
        try {
          const { pathname, search } = frame.contentWindow.location;
          if (pathname !== "blank") resolve({ pathname, query: [...new URLSearchParams(search)] });
        } catch (error) {
          resolve({ refused: error.name });
        }
      };
      form.submit();
    });
  }
  async function attempt({ form, url, method, body, headers }) {
    if (form) return submit(form);
    if (body?.fields) {
      const data = new FormData();
      for (const [name, value] of Object.entries(body.fields)) data.append(name, value);
      data.append("file", new File([body.content], body.filename));
      body = data;
    }
    try {
      const answer = await fetch(url, { method, body, headers });
      return { status: answer.status, etag: answer.headers.get("ETag"), text: await answer.text() };
    } catch (error) {
      return { refused: error.name };
    }
  }
  addEventListener("load", async () => {
    const outcomes = [];
    for (const each of task) outcomes.push(await attempt(each));
    await fetch("/outcomes", { method: "POST", body: JSON.stringify(outcomes) });
  });
</script>
"""


class Page(http.server.BaseHTTPRequestHandler):
    """The page's own server, which also takes back what the page saw."""

    def do_GET(self):
        pages = {"/": PAGE.encode(), "/done": b"<!doctype html><title>done</title>"}
        page = pages.get(self.path.partition("?")[0])
        self.answer(404 if page is None else 200, page or b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(204, b"")
        self.server.outcomes = json.loads(body)
        self.server.told.set()

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """The report has the outcome; the access log is of no interest."""


class Browser(Boto3):
    """Its buckets and links are made by boto3; what counts is what Chromium lets the page do."""

    name = "chromium"
    absent = dict.fromkeys([check for check in CHECKS if check not in ("create-bucket", "presigned-put")],
                           "a browser is given links; see cors and presigned-put")
    extra_checks = ["post-form", "cors"]

    def create_bucket(self):
        self.s3.create_bucket(Bucket=self.bucket)

    def presigned_put(self):
        """A page PUTs to a link, after the bucket's owner allowed its origin."""
        with self.page() as (origin, visit):
            self.allow(origin)
            put = self.attempt_put("from the page")
            get = {"url": self.link("get_object", "key ü"), "method": "GET"}
            stored, read = visit([put, get])
            etag = self.s3.head_object(Bucket=self.bucket, Key="key ü")["ETag"]
            expect(stored, {"status": 200, "etag": etag, "text": ""})
            expect((read["status"], read["text"]), (200, "from the page"))

    def post_form(self):
        """A person chooses a file and sends a form; then a script does, which may read the answer only
        as far as the bucket's rules say."""
        with self.page() as (origin, visit):
            self.s3.delete_bucket_cors(Bucket=self.bucket)
            file = {"filename": "a \"ü\".txt", "content": "chosen by hand \r\n"}
            redirect = {"success_action_redirect": f"{origin}/done"}
            [told] = visit([{"form": {**self.form("by hand/${filename}", redirect), **file}}])
            # Browsers send a quote as %22, and nobody can tell it from a name that has that.
            key = "by hand/a %22ü%22.txt"
            etag = self.s3.head_object(Bucket=self.bucket, Key=key)["ETag"]
            expect(told, {"pathname": "/done", "query": [["bucket", self.bucket], ["key", key], ["etag", etag]]})
            expect(self.read(key), file["content"].encode())

            form = self.form("by script", {"success_action_status": "201"})
            attempt = {"url": form["url"], "method": "POST", "body": {"fields": form["fields"], **file}}
            expect(visit([attempt]), [{"refused": "TypeError"}])
            self.allow(origin, methods=["POST"])
            [told] = visit([attempt])
            etag = self.s3.head_object(Bucket=self.bucket, Key="by script")["ETag"]
            expect((told["status"], told["etag"], "<Key>by script</Key>" in told["text"]), (201, etag, True))
            form["fields"]["key"] = "elsewhere"
            [told] = visit([attempt])
            expect((told["status"], "Policy Condition failed" in told["text"]), (403, True))
            for each in (key, "by script"):
                self.s3.delete_object(Bucket=self.bucket, Key=each)

    def form(self, key, fields):
        return self.s3.generate_presigned_post(self.bucket, key, Fields=dict(fields), Conditions=[fields])

    def cors(self):
        """Without rules, or with rules for others, the browser keeps the page from it."""
        with self.page() as (origin, visit):
            self.s3.put_object(Bucket=self.bucket, Key="key ü", Body=b"before")
            self.s3.delete_bucket_cors(Bucket=self.bucket)
            expect(visit([self.attempt_put("without rules")]), [{"refused": "TypeError"}])
            self.allow("https://elsewhere.test")
            expect(visit([self.attempt_put("another origin")]), [{"refused": "TypeError"}])
            self.allow(origin, methods=["GET"])
            expect(visit([self.attempt_put("another method")]), [{"refused": "TypeError"}])
            expect(self.read("key ü"), b"before")
            self.allow(origin)
            wrong = dict(self.attempt_put("bad link"))
            wrong["url"] = wrong["url"].replace("X-Amz-Expires=3600", "X-Amz-Expires=3601")
            [outcome] = visit([wrong])
            # An error carries the CORS headers too: the page may read what went wrong.
            expect((outcome.get("status"), "SignatureDoesNotMatch" in outcome.get("text", "")), (403, True))
        self.s3.delete_object(Bucket=self.bucket, Key="key ü")
        self.s3.delete_bucket(Bucket=self.bucket)

    def allow(self, origin, methods=("GET", "PUT")):
        rule = {"AllowedOrigins": [origin], "AllowedMethods": list(methods), "AllowedHeaders": ["content-type"],
                "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 0}
        self.s3.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": [rule]})

    def link(self, operation, key, **more):
        return self.s3.generate_presigned_url(operation, Params={"Bucket": self.bucket, "Key": key, **more},
                                              ExpiresIn=3600)

    def attempt_put(self, body):
        link = self.link("put_object", "key ü", ContentType="text/plain")
        return {"url": link, "method": "PUT", "body": body, "headers": {"Content-Type": "text/plain"}}

    @contextlib.contextmanager
    def page(self):
        """Serves the page; gives its origin and what visits it."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        server.told = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_port}"
        try:
            yield origin, lambda attempts: self.visit(server, origin, attempts)
        finally:
            server.shutdown()
            server.server_close()

    def visit(self, server, origin, attempts):
        """Has the browser open the page, which makes these attempts; gives what came of them."""
        server.told.clear()
        profile = self.folder / f"profile-{time.monotonic_ns()}"
        url = f"{origin}/#{quote(json.dumps(attempts))}"
        command = ["chromium", *FLAGS, *self.trust(), f"--user-data-dir={profile}", url]
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
                     "TMPDIR": str(self.folder)}
        log = self.folder / "chromium.log"
        with log.open("wb") as output:
            browser = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=variables,
                                       start_new_session=True)
        try:
            told = server.told.wait(BROWSER_SECONDS)
        finally:
            browser.terminate()
            browser.wait(timeout=30)
        if not told:
            raise AssertionError(f"the page told nothing: {log.read_text(errors='replace')[-400:]}")
        return server.outcomes

    def trust(self):
        """Names the node's certificate by the hash of its key, once it is found to be of the node's
        CA: a fresh profile has no other way to trust it."""
        if not self.endpoint.tls:
            return []
        host, port = self.endpoint.host.rsplit(":", 1)
        certificate = ssl.get_server_certificate((host, int(port)), ca_certs=self.endpoint.ca)
        public = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=certificate.encode(), check=True,
                                capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public, check=True,
                             capture_output=True).stdout
        digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"], input=der, check=True,
                                capture_output=True).stdout
        return [f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}"]

"""s3cmd, which signs with code of its own."""

from client import Client, expect, expect_listed
from samples import LISTED_BUCKET, METADATA, ODD_KEYS_FEW

OLD_LINKS = "its links are signed by version 2, which is no longer accepted anywhere new"


class S3cmd(Client):
    name = "s3cmd"
    absent = {
        "tags": "this version has no command for object tags",
        "conditions": "it has no option for conditional requests",
        "checksums": "it sends Content-MD5 and the payload's SHA-256 alone",
        "presigned-get": OLD_LINKS,
        "presigned-put": OLD_LINKS,
    }

    def s3cmd(self, *command, **options):
        host = self.endpoint.host
        before = ["--config", "/dev/null", "--access_key", self.endpoint.access_key, "--secret_key",
                  self.endpoint.secret_key, "--host", host, "--host-bucket", host, "--region", self.endpoint.region,
                  "--no-progress"]
        before += ["--ssl", "--ca-certs", self.endpoint.ca] if self.endpoint.tls else ["--no-ssl"]
        return self.tool("s3cmd", *before, *command, **options)

    def url(self, key=""):
        return f"s3://{self.bucket}/{key}"

    def read(self, key):
        return self.s3cmd("get", self.url(key), "-")

    def create_bucket(self):
        self.s3cmd("mb", f"s3://{self.bucket}")

    def put(self):
        self.s3cmd("put", self.samples.small_file(), self.url("small.txt"))

    def get(self):
        expect(self.read("small.txt"), self.samples.small)

    def range(self):
        back = self.folder / "continued"
        back.write_bytes(self.samples.small[:1000])
        self.s3cmd("get", "--continue", self.url("small.txt"), back)
        expect(back.read_bytes(), self.samples.small)

    def multipart(self):
        back = self.folder / "large"
        self.s3cmd("put", "--multipart-chunk-size-mb", "10", self.samples.large_file(), self.url("large"))
        self.s3cmd("get", self.url("large"), back)
        self.expect_large(back)
        self.s3cmd("del", self.url("large"))

    def list(self):
        everything = self.s3cmd("ls", "--recursive", f"s3://{LISTED_BUCKET}").decode().splitlines()
        expect_listed(line.split(f"s3://{LISTED_BUCKET}/")[1] for line in everything)
        folders = self.s3cmd("ls", f"s3://{LISTED_BUCKET}/3/").decode().splitlines()
        expect([line.rsplit("/", 2)[1] for line in folders], [f"{n:02}" for n in range(10)])

    def odd_keys(self):
        keys = [key for key in ODD_KEYS_FEW if "\x01" not in key and not key.endswith("/")]
        self.cannot([key for key in ODD_KEYS_FEW if key not in keys], "not a file's name to it")
        for key in keys:
            self.s3cmd("put", "-", self.url(key), stdin=key.encode())
        for key in keys:
            expect(self.read(key), key.encode())

    def copy(self):
        # Otherwise it copies the ACL too, which a store without ACLs refuses.
        self.s3cmd("cp", "--acl-private", self.url("small.txt"), self.url("copy of +ü"))
        expect(self.read("copy of +ü"), self.samples.small)

    def metadata(self):
        header = f"x-amz-meta-umlaut:{METADATA['umlaut']}"
        self.s3cmd("put", "--add-header", header, self.samples.small_file(), self.url("metadata"))
        printed = self.s3cmd("info", self.url("metadata")).decode()
        expect("x-amz-meta-umlaut" in printed, True)

    def delete(self):
        self.s3cmd("del", self.url("small.txt"))
        expect(b"small.txt" in self.s3cmd("ls", self.url()).split(b"/"), False)

    def delete_objects(self):
        self.s3cmd("del", "--recursive", "--force", self.url())
        self.s3cmd("rb", f"s3://{self.bucket}")

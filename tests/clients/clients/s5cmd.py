"""s5cmd: the AWS SDK for Go, many requests at once."""

from client import Client, expect, expect_listed
from samples import LISTED_BUCKET, METADATA, ODD_KEYS

NO_OPTION = "it has no command for it"


class S5cmd(Client):
    name = "s5cmd"
    absent = {
        "range": NO_OPTION,
        "tags": NO_OPTION,
        "conditions": NO_OPTION,
        "checksums": "it sends Content-MD5 and the payload's SHA-256 alone",
        "presigned-put": "`s5cmd presign` makes links for GET alone",
    }

    def s5cmd(self, *command, **options):
        before = ["--endpoint-url", self.endpoint.url, "--retry-count", "0"]
        return self.tool("s5cmd", *before, *command, **options)

    def url(self, key):
        return f"s3://{self.bucket}/{key}"

    def read(self, key):
        return self.s5cmd("cat", "--raw", self.url(key))

    def create_bucket(self):
        self.s5cmd("mb", f"s3://{self.bucket}")

    def put(self):
        self.s5cmd("cp", self.samples.small_file(), self.url("small.txt"))

    def get(self):
        expect(self.read("small.txt"), self.samples.small)

    def multipart(self):
        back = self.folder / "large"
        self.s5cmd("cp", "--part-size", "10", self.samples.large_file(), self.url("large"))
        self.s5cmd("cp", "--part-size", "10", self.url("large"), back)
        self.expect_large(back)
        self.s5cmd("rm", self.url("large"))

    def list(self):
        everything = self.s5cmd("ls", f"s3://{LISTED_BUCKET}/*").decode().splitlines()
        expect_listed(line.split()[-1] for line in everything)
        folders = self.s5cmd("ls", f"s3://{LISTED_BUCKET}/3/").decode().splitlines()
        expect([line.split()[-1] for line in folders], [f"{n:02}/" for n in range(10)])

    def odd_keys(self):
        # "//" and dots are not kept by its URLs, and a key at whose end a slash stands is a folder.
        keys = [key for key in ODD_KEYS if not {"", ".", ".."} & set(key.split("/")) and "\n" not in key]
        self.cannot([key for key in ODD_KEYS if key not in keys], "not a path of its kind")
        for key in keys:
            self.s5cmd("pipe", "--raw", self.url(key), stdin=key.encode())
        for key in keys:
            expect(self.read(key), key.encode())

    def copy(self):
        self.s5cmd("cp", self.url("small.txt"), self.url("copy of +ü"))
        expect(self.read("copy of +ü"), self.samples.small)

    def metadata(self):
        self.cannot("Unicode", "Go's HTTP library sends it as UTF-8, which its SDK's signer does not sign alike")
        path = self.samples.small_file()
        self.s5cmd("cp", "--metadata", f"plain={METADATA['plain']}", path, self.url("metadata"))
        printed = self.s5cmd("head", self.url("metadata")).decode()
        expect(METADATA["plain"] in printed, True)

    def presigned_get(self):
        url = self.s5cmd("presign", "--expire", "1h", self.url("small.txt")).decode().strip()
        self.expect_presigned_get(url, self.samples.small)

    def delete(self):
        self.s5cmd("rm", self.url("small.txt"))
        expect(self.s5cmd("cat", self.url("small.txt"), may_fail=True).returncode != 0, True)

    def delete_objects(self):
        self.s5cmd("rm", f"s3://{self.bucket}/*")
        self.s5cmd("rb", f"s3://{self.bucket}")

"""rclone, as people use it to mirror folders."""

import json

from client import Client, expect, expect_listed
from samples import LISTED_BUCKET, METADATA, ODD_KEYS


class Rclone(Client):
    name = "rclone"
    absent = {
        "tags": "it has no option for object tags",
        "conditions": "it has no option for conditional requests",
        "presigned-put": "`rclone link` makes links for GET alone",
    }

    def rclone(self, *command, **options):
        settings = {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_NODE_TYPE": "s3",
            "RCLONE_CONFIG_NODE_PROVIDER": "Other",
            "RCLONE_CONFIG_NODE_ENV_AUTH": "true",
            "RCLONE_CONFIG_NODE_REGION": self.endpoint.region,
            "RCLONE_CONFIG_NODE_ENDPOINT": self.endpoint.url,
            "RCLONE_CONFIG_NODE_FORCE_PATH_STYLE": "true",
            "RCLONE_CONFIG_NODE_ENCODING": "None",
            "RCLONE_CONFIG_NODE_LIST_VERSION": "2",
            "RCLONE_CONFIG_NODE_LIST_URL_ENCODE": "true",
            "RCLONE_CONFIG_NODE_UPLOAD_CUTOFF": "16M",
            "RCLONE_CONFIG_NODE_CHUNK_SIZE": "16M",
            "RCLONE_RETRIES": "1",
            "RCLONE_LOW_LEVEL_RETRIES": "1",
        }
        if self.endpoint.ca:
            # Its SDK would read AWS_CA_BUNDLE too, and fails over it.
            settings |= {"RCLONE_CA_CERT": self.endpoint.ca, "AWS_CA_BUNDLE": None}
        return self.tool("rclone", *command, environment=settings, **options)

    def url(self, key=""):
        return f"node:{self.bucket}/{key}"

    def create_bucket(self):
        self.rclone("mkdir", self.url())

    def put(self):
        self.rclone("copyto", self.samples.small_file(), self.url("small.txt"))

    def get(self):
        expect(self.rclone("cat", self.url("small.txt")), self.samples.small)

    def range(self):
        expect(self.rclone("cat", "--offset", "10", "--count", "10", self.url("small.txt")), self.samples.small[10:20])

    def multipart(self):
        back = self.folder / "large"
        self.rclone("copyto", self.samples.large_file(), self.url("large"))
        self.rclone("copyto", self.url("large"), back)
        self.expect_large(back)
        self.rclone("deletefile", self.url("large"))

    def list(self):
        everything = self.rclone("lsf", "-R", "--files-only", "--fast-list", f"node:{LISTED_BUCKET}")
        expect_listed(sorted(everything.decode().splitlines()))
        folders = self.rclone("lsf", f"node:{LISTED_BUCKET}/3").decode().splitlines()
        expect(sorted(folders), [f"{n:02}/" for n in range(10)])

    def odd_keys(self):
        paths = [key for key in ODD_KEYS if not {"", ".", ".."} & set(key.split("/"))]
        self.cannot([key for key in ODD_KEYS if key not in paths], "not a path")
        keys = [key for key in paths if "\x01" not in key]
        self.cannot([key for key in paths if key not in keys], "it lists control characters as pictures of them")
        for key in keys:
            self.rclone("rcat", self.url(key), stdin=key.encode())
        for key in keys:
            expect(self.rclone("cat", self.url(key)), key.encode())

    def copy(self):
        self.rclone("copyto", self.url("small.txt"), self.url("copy of +ü"))
        expect(self.rclone("cat", self.url("copy of +ü")), self.samples.small)

    def metadata(self):
        self.cannot("Unicode", "its SDK signs such a header otherwise than it sends it")
        self.rclone("copyto", "--metadata", "--metadata-set", f"plain={METADATA['plain']}",
                    self.samples.small_file(), self.url("metadata"))
        about = json.loads(self.rclone("lsjson", "--metadata", "--stat", self.url("metadata")))
        expect(about["Metadata"]["plain"], METADATA["plain"])

    def checksums(self):
        self.cannot("x-amz-checksum", "it knows MD5 alone")
        sums = self.rclone("check", "--one-way", "--download=false", self.samples.small_file(), self.url(), may_fail=True)
        expect((sums.returncode, b"0 differences found" in sums.stderr), (0, True))

    def presigned_get(self):
        url = self.rclone("link", "--expire", "1h", self.url("small.txt")).decode().strip()
        self.expect_presigned_get(url, self.samples.small)

    def delete(self):
        self.rclone("deletefile", self.url("small.txt"))
        expect(b"small.txt" in self.rclone("lsf", self.url()).split(), False)

    def delete_objects(self):
        self.cannot("DeleteObjects", "it deletes one by one")
        self.rclone("purge", self.url())

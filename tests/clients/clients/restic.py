"""restic: a backup is made, checked, restored and thinned out."""

import json

from client import Client, expect
from samples import digest_of

INSIDE = "a backup program: its packs and names are its own"


class Restic(Client):
    name = "restic"
    absent = dict.fromkeys(["odd-keys", "copy", "tags", "metadata", "conditions", "checksums", "presigned-get",
                            "presigned-put", "delete-objects"], INSIDE)

    def restic(self, *command, **options):
        before = ["--repo", f"s3:{self.endpoint.url}/{self.bucket}", "--no-cache", "--quiet"]
        if self.endpoint.ca:
            before += ["--cacert", self.endpoint.ca]
        return self.tool("restic", *before, *command, environment={"RESTIC_PASSWORD": "test"}, **options)

    def create_bucket(self):
        self.restic("init")

    def put(self):
        self.restic("backup", self.samples.small_file())

    def get(self):
        expect(self.restic("dump", "latest", self.samples.small_file()), self.samples.small)

    def range(self):
        """Its index names ranges within packs: restoring one file of many reads ranges."""
        self.restic("restore", "latest", "--target", self.folder / "restored", "--include", "small.txt")
        restored = self.folder / "restored" / self.samples.small_file().relative_to("/")
        expect(restored.read_bytes(), self.samples.small)

    def multipart(self):
        self.cannot("parts", "its packs of 16 MiB are single PUTs")
        large = self.samples.large_file()
        self.restic("backup", large)
        self.restic("check", "--read-data")
        self.restic("restore", "latest", "--target", self.folder / "large")
        restored = self.folder / "large" / large.relative_to("/")
        expect(digest_of(restored), self.samples.large_digest)
        restored.unlink()

    def list(self):
        self.cannot("2,500 keys", INSIDE)
        expect(len(json.loads(self.restic("snapshots", "--json"))), 2)

    def delete(self):
        self.restic("forget", "--prune", "--keep-last", "1", "--group-by", "host")
        self.restic("check")

"""The AWS command line, version 1: a new process for each command."""

import json

from client import Client, expect, expect_listed
from samples import LISTED_BUCKET, METADATA, ODD_KEYS_FEW


class AwsCli(Client):
    name = "awscli"
    absent = {"presigned-put": "`aws s3 presign` makes links for GET alone"}

    def aws(self, *command, **options):
        before = ["--endpoint-url", self.endpoint.url]
        done = self.tool("aws", *command, *before, environment={"AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": ""}, **options)
        return done

    def api(self, operation, *options, **more):
        """An operation of `s3api`; gives its answer."""
        printed = self.aws("s3api", operation, "--output", "json", *options, **more)
        return json.loads(printed or b"{}")

    def on(self, key):
        return ["--bucket", self.bucket, "--key", key]

    def put_bytes(self, key, content, *options):
        path = self.folder / "body"
        path.write_bytes(content)
        return self.api("put-object", *self.on(key), "--body", path, *options)

    def read(self, key, *options):
        path = self.folder / "back"
        self.api("get-object", *self.on(key), *options, path)
        return path.read_bytes()

    def create_bucket(self):
        self.api("create-bucket", "--bucket", self.bucket)
        expect(self.bucket in [each["Name"] for each in self.api("list-buckets")["Buckets"]], True)

    def put(self):
        self.aws("s3", "cp", self.samples.small_file(), f"s3://{self.bucket}/small.txt")

    def get(self):
        expect(self.aws("s3", "cp", f"s3://{self.bucket}/small.txt", "-"), self.samples.small)

    def range(self):
        expect(self.read("small.txt", "--range", "bytes=10-19"), self.samples.small[10:20])

    def multipart(self):
        back = self.folder / "large"
        self.aws("s3", "cp", "--quiet", self.samples.large_file(), f"s3://{self.bucket}/large")
        self.aws("s3", "cp", "--quiet", f"s3://{self.bucket}/large", back)
        self.expect_large(back)
        self.aws("s3", "rm", "--quiet", f"s3://{self.bucket}/large")

    def list(self):
        listed = self.api("list-objects-v2", "--bucket", LISTED_BUCKET)
        expect_listed(each["Key"] for each in listed["Contents"])
        listed = self.api("list-objects-v2", "--bucket", LISTED_BUCKET, "--prefix", "3/", "--delimiter", "/",
                          "--page-size", "3")
        expect([each["Prefix"] for each in listed["CommonPrefixes"]], [f"3/{n:02}/" for n in range(10)])
        printed = self.aws("s3", "ls", f"s3://{LISTED_BUCKET}/3/07/").decode().splitlines()
        expect(len(printed), 50)

    def odd_keys(self):
        for key in ODD_KEYS_FEW:
            self.put_bytes(key, key.encode())
        for key in ODD_KEYS_FEW[:2]:
            expect(self.read(key), key.encode())
        listed = self.api("list-objects-v2", "--bucket", self.bucket)
        expect(set(ODD_KEYS_FEW) <= {each["Key"] for each in listed["Contents"]}, True)

    def copy(self):
        self.aws("s3", "cp", f"s3://{self.bucket}/small.txt", f"s3://{self.bucket}/copy of +ü")
        expect(self.read("copy of +ü"), self.samples.small)

    def tags(self):
        tags = {"TagSet": [{"Key": "colour", "Value": "dark red"}]}
        self.api("put-object-tagging", *self.on("small.txt"), "--tagging", json.dumps(tags))
        expect(self.api("get-object-tagging", *self.on("small.txt"))["TagSet"], tags["TagSet"])

    def metadata(self):
        self.cannot("Unicode", "botocore refuses metadata that is not ASCII")
        self.put_bytes("metadata", b"1", "--metadata", json.dumps({"plain": METADATA["plain"]}))
        expect(self.api("head-object", *self.on("metadata"))["Metadata"], {"plain": METADATA["plain"]})

    def conditions(self):
        etag = self.put_bytes("condition", b"old", "--if-none-match", "*")["ETag"]
        body = ["--body", self.folder / "body"]
        lost = self.aws("s3api", "put-object", *self.on("condition"), *body, "--if-none-match", "*", may_fail=True)
        expect(b"PreconditionFailed" in lost.stderr, True)
        self.put_bytes("condition", b"new", "--if-match", etag)
        expect(self.read("condition"), b"new")

    def checksums(self):
        for algorithm in ("CRC32C", "CRC64NVME", "SHA256"):
            field = f"Checksum{algorithm}"
            value = self.put_bytes("checksum", self.samples.small, "--checksum-algorithm", algorithm)[field]
            head = self.api("head-object", *self.on("checksum"), "--checksum-mode", "ENABLED")
            expect(head[field], value)

    def presigned_get(self):
        url = self.aws("s3", "presign", f"s3://{self.bucket}/small.txt").decode().strip()
        self.expect_presigned_get(url, self.samples.small)

    def delete(self):
        self.aws("s3", "rm", f"s3://{self.bucket}/small.txt")
        gone = self.aws("s3api", "head-object", *self.on("small.txt"), may_fail=True)
        expect(b"404" in gone.stderr, True)

    def delete_objects(self):
        listed = self.api("list-objects-v2", "--bucket", self.bucket)["Contents"]
        # Quiet: XML has no way to name a key with control characters, so no answer could be read.
        objects = {"Objects": [{"Key": each["Key"]} for each in listed], "Quiet": True}
        self.api("delete-objects", "--bucket", self.bucket, "--delete", json.dumps(objects))
        self.api("delete-bucket", "--bucket", self.bucket)

"""minio-py, the SDK of another maker."""

import datetime
import io

import urllib3
from minio import Minio as Sdk
from minio.commonconfig import CopySource, Tags
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from client import Client, expect, expect_listed
from samples import LISTED_BUCKET, METADATA, ODD_KEYS

AN_HOUR = datetime.timedelta(hours=1)


class Minio(Client):
    name = "minio-py"
    absent = {"checksums": "it sends Content-MD5 and the payload's SHA-256 alone, which every other check here does"}

    def __init__(self, endpoint, samples, report):
        super().__init__(endpoint, samples, report)
        pool = urllib3.PoolManager(ca_certs=endpoint.ca, retries=False, maxsize=8)
        self.sdk = Sdk(endpoint.host, access_key=endpoint.access_key, secret_key=endpoint.secret_key,
                       secure=endpoint.tls, region=endpoint.region, http_client=pool)

    def put_bytes(self, key, content, **options):
        return self.sdk.put_object(self.bucket, key, io.BytesIO(content), len(content), **options)

    def read(self, key, **options):
        answer = self.sdk.get_object(self.bucket, key, **options)
        try:
            return answer.read()
        finally:
            answer.release_conn()

    def create_bucket(self):
        self.sdk.make_bucket(self.bucket)
        expect((self.sdk.bucket_exists(self.bucket), self.sdk.bucket_exists("not-there")), (True, False))

    def put(self):
        self.put_bytes("small.txt", self.samples.small)

    def get(self):
        expect(self.read("small.txt"), self.samples.small)

    def range(self):
        expect(self.read("small.txt", offset=10, length=10), self.samples.small[10:20])
        expect(self.read("small.txt", offset=4000), self.samples.small[4000:])

    def multipart(self):
        back = self.folder / "large"
        self.sdk.fput_object(self.bucket, "large", str(self.samples.large_file()), part_size=16 << 20)
        expect(self.sdk.stat_object(self.bucket, "large").etag.split("-")[1], "7")
        self.sdk.fget_object(self.bucket, "large", str(back))
        self.expect_large(back)
        self.sdk.remove_object(self.bucket, "large")

    def list(self):
        def names(**options):
            return [each.object_name for each in self.sdk.list_objects(LISTED_BUCKET, **options)]

        expect_listed(names(recursive=True))
        expect_listed(names(recursive=True, use_api_v1=True))
        expect(names(), ["0/", "1/", "2/", "3/", "4/"])
        expect(len(names(prefix="3/07/")), 50)

    def odd_keys(self):
        # It refuses keys with a part of "." or "..", which urllib3 would resolve.
        dots = [key for key in ODD_KEYS if {".", ".."} & set(key.split("/"))]
        self.cannot(dots, "its HTTP library resolves dots in paths")
        keys = [key for key in ODD_KEYS if key not in dots]
        for key in keys:
            self.put_bytes(key, key.encode())
        for key in keys:
            expect(self.read(key), key.encode())
        listed = {each.object_name for each in self.sdk.list_objects(self.bucket, recursive=True)}
        expect(set(keys) - listed, set())

    def copy(self):
        self.sdk.copy_object(self.bucket, "copy of +ü", CopySource(self.bucket, "small.txt"))
        expect(self.read("copy of +ü"), self.samples.small)

    def tags(self):
        tags = Tags.new_object_tags()
        tags.update({"colour": "dark red", "größe": "日本"})
        self.sdk.set_object_tags(self.bucket, "small.txt", tags)
        expect(dict(self.sdk.get_object_tags(self.bucket, "small.txt")), dict(tags))
        self.sdk.delete_object_tags(self.bucket, "small.txt")
        expect(self.sdk.get_object_tags(self.bucket, "small.txt"), None)

    def metadata(self):
        self.cannot("Unicode", "it refuses metadata that is not US-ASCII")
        self.put_bytes("metadata", b"1", metadata={"plain": METADATA["plain"]}, content_type="text/x-one")
        stat = self.sdk.stat_object(self.bucket, "metadata")
        expect((stat.metadata["x-amz-meta-plain"], stat.content_type), (METADATA["plain"], "text/x-one"))

    def conditions(self):
        self.cannot("writes", "it has no options for conditional writes")
        etag = self.sdk.stat_object(self.bucket, "small.txt").etag
        match = CopySource(self.bucket, "small.txt", match_etag=etag)
        self.sdk.copy_object(self.bucket, "if-match", match)
        other = CopySource(self.bucket, "small.txt", not_match_etag=etag)
        expect(code_of(self.sdk.copy_object, self.bucket, "if-none-match", other), "PreconditionFailed")
        headers = {"If-Match": '"0123"'}
        expect(code_of(self.read, "small.txt", request_headers=headers), "PreconditionFailed")

    def presigned_get(self):
        url = self.sdk.presigned_get_object(self.bucket, "small.txt", AN_HOUR)
        self.expect_presigned_get(url, self.samples.small)

    def presigned_put(self):
        url = self.sdk.presigned_put_object(self.bucket, "by link +ü", AN_HOUR)
        self.expect_presigned_put(url, lambda: self.read("by link +ü"))

    def delete(self):
        self.sdk.remove_object(self.bucket, "small.txt")
        expect(code_of(self.sdk.stat_object, self.bucket, "small.txt"), "NoSuchKey")

    def delete_objects(self):
        names = [each.object_name for each in self.sdk.list_objects(self.bucket, recursive=True)]
        expect(list(self.sdk.remove_objects(self.bucket, map(DeleteObject, names))), [])
        self.sdk.remove_bucket(self.bucket)


def code_of(call, *args, **options):
    try:
        call(*args, **options)
    except S3Error as error:
        return error.code
    return None

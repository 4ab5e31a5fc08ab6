"""boto3, with awscrt for the checksums that Python's library lacks. The most thorough of them."""

import base64
import concurrent.futures
import socket

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError, FlexibleChecksumError

from client import Client, expect, expect_listed
from samples import LISTED_BUCKET, METADATA, ODD_KEYS

PART_BYTES = 5 << 20
FULL_OBJECT = ["CRC32", "CRC32C", "CRC64NVME"]
COMPOSITE = ["CRC32", "CRC32C", "SHA1", "SHA256"]


def resolve_test_names():
    """Names under blockhouse.test are this machine, for this process alone."""
    if getattr(socket.getaddrinfo, "for_tests", False):
        return
    resolve = socket.getaddrinfo

    def getaddrinfo(host, *rest, **options):
        ours = isinstance(host, str) and host.endswith(".blockhouse.test")
        return resolve("127.0.0.1" if ours else host, *rest, **options)

    getaddrinfo.for_tests = True
    socket.getaddrinfo = getaddrinfo


def code_of(call, *args, **options):
    """The error code and the status that a call ends with."""
    try:
        call(*args, **options)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None, 200


class Boto3(Client):
    name = "boto3"
    extra_checks = ["virtual-hosted", "versions"]

    def __init__(self, endpoint, samples, report):
        super().__init__(endpoint, samples, report)
        self.s3 = self.client(endpoint.url, "path")

    def client(self, url, style):
        config = Config(s3={"addressing_style": style}, retries={"max_attempts": 0}, max_pool_connections=32)
        return boto3.session.Session().client(
            "s3", endpoint_url=url, verify=self.endpoint.ca or True, region_name=self.endpoint.region,
            aws_access_key_id=self.endpoint.access_key, aws_secret_access_key=self.endpoint.secret_key, config=config)

    def read(self, key, **options):
        return self.s3.get_object(Bucket=self.bucket, Key=key, **options)["Body"].read()

    def put_key(self, key, body, **options):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **options)

    def create_bucket(self):
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.head_bucket(Bucket=self.bucket)
        expect(self.bucket in [each["Name"] for each in self.s3.list_buckets()["Buckets"]], True)
        expect(code_of(self.s3.head_bucket, Bucket=f"{self.bucket}-none")[1], 404)

    def put(self):
        self.put_key("small.txt", self.samples.small, ContentType="text/plain")
        self.put_key("empty", b"")

    def get(self):
        answer = self.s3.get_object(Bucket=self.bucket, Key="small.txt")
        expect(answer["ContentType"], "text/plain")
        expect(answer["Body"].read(), self.samples.small)
        expect(self.read("empty"), b"")
        expect(code_of(self.s3.get_object, Bucket=self.bucket, Key="none"), ("NoSuchKey", 404))

    def range(self):
        small = self.samples.small
        expect(self.read("small.txt", Range="bytes=10-19"), small[10:20])
        expect(self.read("small.txt", Range="bytes=-7"), small[-7:])
        expect(self.read("small.txt", Range="bytes=4000-"), small[4000:])
        outside = code_of(self.s3.get_object, Bucket=self.bucket, Key="small.txt", Range="bytes=99999-")
        expect(outside, ("InvalidRange", 416))

    def multipart(self):
        how = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20, max_concurrency=4)
        self.s3.upload_file(str(self.samples.large_file()), self.bucket, "large", Config=how)
        etag = self.s3.head_object(Bucket=self.bucket, Key="large")["ETag"]
        expect(etag.strip('"').split("-")[1], "13")
        back = self.folder / "large"
        self.s3.download_file(self.bucket, "large", str(back), Config=how)
        self.expect_large(back)
        self.s3.delete_object(Bucket=self.bucket, Key="large")
        self.parts_are_listed_and_aborted()

    def parts_are_listed_and_aborted(self):
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="given up")["UploadId"]
        name = {"Bucket": self.bucket, "Key": "given up", "UploadId": upload}
        self.s3.upload_part(**name, PartNumber=3, Body=b"third")
        expect([part["PartNumber"] for part in self.s3.list_parts(**name)["Parts"]], [3])
        uploads = self.s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"]
        expect([(each["Key"], each["UploadId"]) for each in uploads], [("given up", upload)])
        self.s3.abort_multipart_upload(**name)
        expect(code_of(self.s3.list_parts, **name), ("NoSuchUpload", 404))

    def list(self):
        for operation in ("list_objects_v2", "list_objects"):
            pages = self.s3.get_paginator(operation)

            def keys(**options):
                for page in pages.paginate(Bucket=LISTED_BUCKET, **options):
                    yield from (each["Key"] for each in page.get("Contents", []))

            def prefixes(**options):
                for page in pages.paginate(Bucket=LISTED_BUCKET, Delimiter="/", **options):
                    yield from (each["Prefix"] for each in page.get("CommonPrefixes", []))

            expect_listed(keys())
            expect(len(list(keys(Prefix="3/", PaginationConfig={"PageSize": 77}))), 500)
            expect(list(prefixes()), ["0/", "1/", "2/", "3/", "4/"])
            in_three = [f"3/{n:02}/" for n in range(10)]
            expect(list(prefixes(Prefix="3/", PaginationConfig={"PageSize": 3})), in_three)
            expect(list(keys(Prefix="3/07/", Delimiter="/"))[0], "3/07/0038.txt")
        after = self.s3.list_objects_v2(Bucket=LISTED_BUCKET, StartAfter="4/09/2400", MaxKeys=1)
        expect((after["KeyCount"], after["IsTruncated"]), (1, True))

    def odd_keys(self):
        for key in ODD_KEYS:
            self.put_key(key, key.encode())
        for key in ODD_KEYS:
            expect(self.read(key), key.encode())
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, PaginationConfig={"PageSize": 4})
        listed = [each["Key"] for page in pages for each in page["Contents"]]
        expect([key for key in listed if key in ODD_KEYS], sorted(ODD_KEYS, key=str.encode))
        # Quiet: XML has no way to name a key with control characters, so no answer could be read.
        objects = {"Objects": [{"Key": key} for key in ODD_KEYS], "Quiet": True}
        self.s3.delete_objects(Bucket=self.bucket, Delete=objects)
        expect(code_of(self.s3.get_object, Bucket=self.bucket, Key=".."), ("NoSuchKey", 404))

    def copy(self):
        source = {"Bucket": self.bucket, "Key": "small.txt"}
        self.s3.copy_object(Bucket=self.bucket, Key="copy of ü +", CopySource=source)
        expect(self.read("copy of ü +"), self.samples.small)
        source["Key"] = "copy of ü +"
        self.s3.copy_object(Bucket=self.bucket, Key="again", CopySource=source, MetadataDirective="REPLACE",
                            Metadata={"new": "1"}, ContentType="text/html")
        head = self.s3.head_object(Bucket=self.bucket, Key="again")
        expect((head["Metadata"], head["ContentType"]), ({"new": "1"}, "text/html"))
        self.copied_by_parts()

    def copied_by_parts(self):
        self.put_key("parts", b"a" * PART_BYTES + b"b" * 1000)
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="of parts")["UploadId"]
        name = {"Bucket": self.bucket, "Key": "of parts", "UploadId": upload}
        source = {"Bucket": self.bucket, "Key": "parts"}
        ranges = [f"bytes=0-{PART_BYTES - 1}", f"bytes={PART_BYTES}-{PART_BYTES + 999}"]
        parts = []
        for number, part_range in enumerate(ranges, 1):
            part = self.s3.upload_part_copy(**name, PartNumber=number, CopySource=source, CopySourceRange=part_range)
            parts.append({"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]})
        self.s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})
        expect(self.read("of parts", Range=f"bytes={PART_BYTES - 2}-{PART_BYTES + 1}"), b"aabb")
        expect(self.read("of parts", PartNumber=2), b"b" * 1000)

    def tags(self):
        name = {"Bucket": self.bucket, "Key": "tagged"}
        self.put_key("tagged", b"1", Tagging="colour=dark+red&empty=")
        wanted = [{"Key": "colour", "Value": "dark red"}, {"Key": "empty", "Value": ""}]
        expect(self.s3.get_object_tagging(**name)["TagSet"], wanted)
        expect(self.s3.get_object(**name)["TagCount"], 2)
        new = [{"Key": "größe", "Value": "日本"}]
        self.s3.put_object_tagging(**name, Tagging={"TagSet": new})
        expect(self.s3.get_object_tagging(**name)["TagSet"], new)
        self.s3.delete_object_tagging(**name)
        expect(self.s3.get_object_tagging(**name)["TagSet"], [])
        self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": new})
        expect(self.s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"], new)

    def metadata(self):
        self.put_key("metadata", b"1", Metadata={"plain": "value", "spaces": "a  b"}, CacheControl="no-cache",
                     ContentDisposition="attachment; filename=\"a.txt\"", ContentEncoding="x-none",
                     ContentLanguage="de", Expires="Fri, 01 Jan 2100 00:00:00 GMT")
        head = self.s3.head_object(Bucket=self.bucket, Key="metadata")
        expect(head["Metadata"]["plain"], "value")
        kept = [head[name] for name in ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage")]
        expect(kept, ["no-cache", "attachment; filename=\"a.txt\"", "x-none", "de"])
        self.cannot("Unicode", "botocore refuses metadata that is not ASCII; encoded words pass as they are")
        word = "=?UTF-8?B?" + base64.b64encode(METADATA["umlaut"].encode()).decode() + "?="
        self.put_key("metadata", b"1", Metadata={"umlaut": word})
        got = self.s3.head_object(Bucket=self.bucket, Key="metadata")["Metadata"]["umlaut"]
        expect(got, word)
        answer = self.s3.get_object(Bucket=self.bucket, Key="metadata", ResponseContentType="text/x-other")
        expect(answer["ContentType"], "text/x-other")

    def conditions(self):
        def put_if_none(n):
            return code_of(self.put_key, "race", b"%d" % n, IfNoneMatch="*")[1]

        for _ in range(3):
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                statuses = list(pool.map(put_if_none, range(16)))
            # 409 is what S3 may answer to a loser while the winner is still at it.
            expect((statuses.count(200), set(statuses) <= {200, 409, 412}), (1, True))
            self.s3.delete_object(Bucket=self.bucket, Key="race")
        etag = self.put_key("race", b"old")["ETag"]
        expect(code_of(self.put_key, "race", b"new", IfMatch='"0123"'), ("PreconditionFailed", 412))
        self.put_key("race", b"new", IfMatch=etag)
        expect(code_of(self.put_key, "none", b"new", IfMatch=etag), ("NoSuchKey", 404))
        expect(code_of(self.read, "race", IfMatch=etag), ("PreconditionFailed", 412))
        etag = self.s3.head_object(Bucket=self.bucket, Key="race")["ETag"]
        expect(code_of(self.read, "race", IfNoneMatch=etag)[1], 304)
        expect(self.read("race", IfMatch=etag), b"new")

    def checksums(self):
        algorithms = self.s3.meta.service_model.shape_for("ChecksumAlgorithm").enum
        for algorithm in algorithms:
            if algorithm == "MD5":
                self.cannot(algorithm, "botocore computes no x-amz-checksum-md5")
                continue
            self.one_checksum(algorithm)
        for algorithm in FULL_OBJECT:
            self.checksum_over_parts(algorithm, "FULL_OBJECT")
        for algorithm in COMPOSITE:
            self.checksum_over_parts(algorithm, "COMPOSITE")

    def one_checksum(self, algorithm):
        """By what the SDK chooses (a trailer over https, a header over http), then by a header."""
        field = f"Checksum{algorithm}"
        name = {"Bucket": self.bucket, "Key": f"sum-{algorithm}"}
        value = self.put_key(name["Key"], self.samples.small, ChecksumAlgorithm=algorithm)[field]
        head = self.s3.head_object(**name, ChecksumMode="ENABLED")
        expect((head[field], head["ChecksumType"]), (value, "FULL_OBJECT"))
        answer = self.s3.get_object(**name, ChecksumMode="ENABLED")
        expect(answer["Body"].read(), self.samples.small)  # botocore compares at the end
        self.put_key(name["Key"], self.samples.small, **{field: value})
        wrong = code_of(self.put_key, name["Key"], b"something else", **{field: value})
        expect(wrong, ("BadDigest", 400))
        expect(self.read(name["Key"]), self.samples.small)

    def checksum_over_parts(self, algorithm, kind):
        field = f"Checksum{algorithm}"
        name = {"Bucket": self.bucket, "Key": f"parts-{algorithm}-{kind}"}
        upload = self.s3.create_multipart_upload(**name, ChecksumAlgorithm=algorithm, ChecksumType=kind)["UploadId"]
        bodies = [b"1" * PART_BYTES, b"2" * 1000]
        parts = []
        for number, body in enumerate(bodies, 1):
            part = self.s3.upload_part(**name, UploadId=upload, PartNumber=number, Body=body,
                                       ChecksumAlgorithm=algorithm)
            parts.append({"PartNumber": number, "ETag": part["ETag"], field: part[field]})
        done = self.s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})
        head = self.s3.head_object(**name, ChecksumMode="ENABLED")
        expect((head["ChecksumType"], head[field]), (kind, done[field]))
        if kind == "COMPOSITE":
            expect(done[field].endswith("-2"), True)
        else:
            whole = self.put_key("whole", b"".join(bodies), ChecksumAlgorithm=algorithm)[field]
            expect(done[field], whole)
        try:
            self.s3.get_object(**name, ChecksumMode="ENABLED")["Body"].read()
        except FlexibleChecksumError as error:
            raise AssertionError(f"{algorithm} {kind}: {error}") from error
        about = self.s3.get_object_attributes(**name, ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize"])
        expect((about["ObjectSize"], about["ObjectParts"]["TotalPartsCount"]), (PART_BYTES + 1000, 2))
        self.s3.delete_object(**name)

    def presigned_get(self):
        name = {"Bucket": self.bucket, "Key": "small.txt"}
        url = self.s3.generate_presigned_url("get_object", Params=name, ExpiresIn=432_000)
        self.expect_presigned_get(url, self.samples.small)

    def presigned_put(self):
        name = {"Bucket": self.bucket, "Key": "by link/ü +"}
        url = self.s3.generate_presigned_url("put_object", Params=name, ExpiresIn=432_000)
        self.expect_presigned_put(url, lambda: self.read(name["Key"]))

    def delete(self):
        self.s3.delete_object(Bucket=self.bucket, Key="small.txt")
        expect(code_of(self.read, "small.txt"), ("NoSuchKey", 404))
        self.s3.delete_object(Bucket=self.bucket, Key="small.txt")
        expect(code_of(self.s3.delete_bucket, Bucket=self.bucket), ("BucketNotEmpty", 409))

    def delete_objects(self):
        keys = [each["Key"] for each in self.s3.list_objects_v2(Bucket=self.bucket)["Contents"]]
        objects = [{"Key": key} for key in [*keys, "never there"]]
        done = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects})
        expect((len(done["Deleted"]), done.get("Errors")), (len(objects), None))
        self.s3.delete_bucket(Bucket=self.bucket)
        expect(code_of(self.s3.head_bucket, Bucket=self.bucket)[1], 404)

    def virtual_hosted(self):
        resolve_test_names()
        port = self.endpoint.host.rsplit(":", 1)[1]
        s3 = self.client(f"{self.endpoint.transport}://s3.blockhouse.test:{port}", "virtual")
        bucket = f"virtual-{self.endpoint.transport}"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a key/ü", Body=b"by name")
        expect(s3.get_object(Bucket=bucket, Key="a key/ü")["Body"].read(), b"by name")
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a key/ü"})
        expect(url.split("://")[1].startswith(f"{bucket}.s3.blockhouse.test:"), True)
        expect(self.over_http(url), (200, b"by name"))
        s3.delete_object(Bucket=bucket, Key="a key/ü")
        s3.delete_bucket(Bucket=bucket)

    def versions(self):
        bucket = f"versions-{self.endpoint.transport}"
        self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        name = {"Bucket": bucket, "Key": "key"}
        ids = [self.s3.put_object(**name, Body=body)["VersionId"] for body in (b"1", b"2")]
        marker = self.s3.delete_object(**name)
        expect((marker["DeleteMarker"], code_of(self.s3.get_object, **name)[1]), (True, 404))
        expect(self.s3.get_object(**name, VersionId=ids[0])["Body"].read(), b"1")
        listed = self.s3.list_object_versions(Bucket=bucket)
        expect([each["VersionId"] for each in listed["Versions"]], ids[::-1])
        self.s3.delete_object(**name, VersionId=marker["VersionId"])
        expect(self.s3.get_object(**name)["Body"].read(), b"2")
        for version in ids:
            self.s3.delete_object(**name, VersionId=version)
        self.s3.delete_bucket(Bucket=bucket)

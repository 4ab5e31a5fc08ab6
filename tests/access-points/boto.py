"""boto3 at an access point, with awscrt or as if it were not installed: `boto.py with|without CHECK < TASK`.

Each check is one way to name the access point and to send: see ../access-points/sdks.py, which says what is
in the task. Ends with 0 when everything came true.
"""

import io
import json
import re
import ssl
import sys
import urllib.error
import urllib.request

HAS_CRT = sys.argv[1] == "with"
if not HAS_CRT:
    # As if it were not installed.
    sys.modules["awscrt"] = None

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402

import here  # noqa: E402

# Source: Amazon S3 on Outposts user guide, "API operations for Amazon S3 on Outposts".
OPERATIONS = {
    "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject",
    "DeleteObjects", "DeleteObjectTagging", "GetObject", "GetObjectTagging", "HeadBucket", "HeadObject",
    "ListMultipartUploads", "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListParts", "PutObject",
    "PutObjectTagging", "UploadPart", "UploadPartCopy",
}
ALGORITHM = "AWS4-ECDSA-P256-SHA256" if HAS_CRT else "AWS4-HMAC-SHA256"
KEY = "a folder//ü +&.txt"
BODY = b"the quick brown fox"
PART = bytes(range(256)) * (5 << 12)
TAGS = [{"Key": "colour", "Value": "dark red"}]


class Reader(io.RawIOBase):
    """A body whose length nobody knows before its end."""

    def __init__(self, content):
        self.content = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.content.readinto(buffer)

    def seekable(self):
        return True

    def seek(self, *where):
        return self.content.seek(*where)

    def tell(self):
        return self.content.tell()


class Through:
    """One client of one access point; it notes what it sends."""

    def __init__(self, task, name):
        self.task, self.name, self.arn, self.sent = task, name, task["arn"], set()
        self.s3 = boto3.client("s3", endpoint_url=task["endpoint"], region_name=task["region"], verify=task["ca"],
                               aws_access_key_id=task["access_key"], aws_secret_access_key=task["secret_key"],
                               config=Config(retries={"max_attempts": 0}))
        self.s3.meta.events.register("before-call.s3", self.note)
        self.s3.meta.events.register("before-send.s3", self.judge)

    def note(self, model, **_):
        self.sent.add(model.name)

    def judge(self, request, **_):
        authorization = request.headers["Authorization"]
        authorization = authorization.decode() if isinstance(authorization, bytes) else authorization
        assert authorization.startswith(ALGORITHM), authorization
        assert "/s3-outposts/aws4_request" in authorization, authorization
        assert re.match(r"https://[^/.]+\.op-[0-9a-f]{17}\.", request.url), request.url

    def __getattr__(self, operation):
        call = getattr(self.s3, operation)
        return lambda **arguments: call(Bucket=self.name, **arguments)

    def source(self, key):
        return {"Bucket": self.arn, "Key": key}

    def read(self, key, **more):
        return self.get_object(Key=key, **more)["Body"].read()

    def objects(self):
        self.head_bucket()
        put = self.put_object(Key=KEY, Body=BODY, Metadata={"a": "b"}, ContentType="text/plain")
        assert self.read(KEY) == BODY and self.read(KEY, Range="bytes=4-8") == b"quick"
        head = self.head_object(Key=KEY)
        assert (head["ETag"], head["Metadata"], head["ContentType"]) == (put["ETag"], {"a": "b"}, "text/plain"), head
        self.put_object(Key="streamed", Body=Reader(PART))
        assert self.read("streamed") == PART
        self.put_object_tagging(Key=KEY, Tagging={"TagSet": TAGS})
        assert self.get_object_tagging(Key=KEY)["TagSet"] == TAGS
        self.copy_object(Key="copy", CopySource=self.source(KEY))
        assert self.read("copy") == BODY and self.get_object_tagging(Key="copy")["TagSet"] == TAGS
        self.delete_object_tagging(Key=KEY)
        assert self.get_object_tagging(Key=KEY)["TagSet"] == []
        self.delete_object(Key="streamed")

    def lists(self):
        for listed in (self.list_objects(EncodingType="url"), self.list_objects_v2(Prefix="copy")):
            assert "copy" in [each["Key"] for each in listed["Contents"]], listed
        folders = self.list_objects_v2(Delimiter="/")["CommonPrefixes"]
        assert [each["Prefix"] for each in folders] == ["a folder/"], folders
        versions = self.list_object_versions(Prefix="copy")["Versions"]
        assert [each["Key"] for each in versions] == ["copy"], versions

    def parts(self):
        upload = {"Key": "large", "UploadId": self.create_multipart_upload(Key="large")["UploadId"]}
        assert [each["Key"] for each in self.list_multipart_uploads()["Uploads"]] == ["large"]
        first = self.upload_part(PartNumber=1, Body=PART, **upload)["ETag"]
        second = self.upload_part_copy(PartNumber=2, CopySource=self.source(KEY), **upload)["CopyPartResult"]["ETag"]
        sizes = [part["Size"] for part in self.list_parts(**upload)["Parts"]]
        assert sizes == [len(PART), len(BODY)], sizes
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in ((1, first), (2, second))]
        self.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
        assert self.read("large") == PART + BODY
        given_up = self.create_multipart_upload(Key="given up")["UploadId"]
        self.abort_multipart_upload(Key="given up", UploadId=given_up)
        assert "Uploads" not in self.list_multipart_uploads()

    def deletions(self):
        self.delete_object(Key=KEY)
        keys = [{"Key": each["Key"]} for each in self.list_objects_v2()["Contents"]]
        deleted = self.delete_objects(Delete={"Objects": keys})
        assert len(deleted["Deleted"]) == len(keys) and "Errors" not in deleted, deleted
        assert self.list_objects_v2()["KeyCount"] == 0

    def link(self, operation, **arguments):
        # The node's region is none of those for which boto3 still makes links of version 2.
        arguments = {"Bucket": self.name, "Key": "by link ü", **arguments}
        url = self.s3.generate_presigned_url(operation, Params=arguments, ExpiresIn=300)
        assert f"={ALGORITHM}&" in url and "%2Fs3-outposts%2Faws4_request" in url, url
        return url

    def presigned(self):
        put, get, head = (self.link(operation) for operation in ("put_object", "get_object", "head_object"))
        assert fetch(self.task, put, "PUT", BODY)[0] == 200
        assert fetch(self.task, get) == (200, BODY)
        assert fetch(self.task, head, "HEAD")[0] == 200
        status, body = fetch(self.task, get.replace("by%20link", "by%20another"))
        assert status == 403 and b"SignatureDoesNotMatch" in body, (status, body)
        # Of another access point the same link is worth nothing.
        status, body = fetch(self.task, get.replace(self.task["host"], self.task["other_host"]).replace(
            self.task["alias"], self.task["other_alias"]))
        assert status == 403 and b"SignatureDoesNotMatch" in body, (status, body)
        assert fetch(self.task, self.link("delete_object"), "DELETE")[0] == 204


def fetch(task, url, method="GET", body=None):
    """Status and body, by a library that knows no S3."""
    context = ssl.create_default_context(cafile=task["ca"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": ""} if body else {})
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def all_operations(point):
    point.objects()
    point.lists()
    point.parts()
    point.deletions()
    assert point.sent == OPERATIONS, point.sent ^ OPERATIONS


CHECKS = {
    "all operations by ARN": lambda task: all_operations(Through(task, task["arn"])),
    "all operations by alias": lambda task: all_operations(Through(task, task["alias"])),
    "links by ARN": lambda task: Through(task, task["arn"]).presigned(),
    "links by alias": lambda task: Through(task, task["alias"]).presigned(),
}

if __name__ == "__main__":
    here.resolve_here()
    CHECKS[sys.argv[2]](json.load(sys.stdin))

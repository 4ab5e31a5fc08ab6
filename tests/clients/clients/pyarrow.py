"""pyarrow's file system: the AWS SDK for C++ under it."""

import shutil

import pyarrow.fs as fs

from client import Client, expect, expect_listed
from samples import LISTED_BUCKET, ODD_KEYS

NO_SUCH = "a file system: it has no such operation"


class PyArrow(Client):
    name = "pyarrow"
    absent = {"tags": NO_SUCH, "conditions": NO_SUCH, "presigned-get": NO_SUCH, "presigned-put": NO_SUCH}

    def __init__(self, endpoint, samples, report):
        super().__init__(endpoint, samples, report)
        self.fs = fs.S3FileSystem(
            access_key=endpoint.access_key, secret_key=endpoint.secret_key, region=endpoint.region,
            scheme=endpoint.transport, endpoint_override=endpoint.host, tls_ca_file_path=endpoint.ca,
            allow_bucket_creation=True, allow_bucket_deletion=True,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1))

    def path(self, key):
        return f"{self.bucket}/{key}"

    def put_bytes(self, key, content, **options):
        with self.fs.open_output_stream(self.path(key), **options) as stream:
            stream.write(content)

    def read(self, key):
        with self.fs.open_input_stream(self.path(key)) as stream:
            return stream.read()

    def create_bucket(self):
        self.fs.create_dir(self.bucket)
        expect(self.fs.get_file_info(self.bucket).type, fs.FileType.Directory)

    def put(self):
        self.put_bytes("small.txt", self.samples.small)

    def get(self):
        expect(self.read("small.txt"), self.samples.small)

    def range(self):
        with self.fs.open_input_file(self.path("small.txt")) as file:
            expect(file.read_at(10, 10), self.samples.small[10:20])

    def multipart(self):
        back = self.folder / "large"
        with self.samples.large_file().open("rb") as source, self.fs.open_output_stream(self.path("large")) as stream:
            shutil.copyfileobj(source, stream, 16 << 20)
        with self.fs.open_input_stream(self.path("large")) as stream, back.open("wb") as target:
            shutil.copyfileobj(stream, target, 16 << 20)
        self.expect_large(back)
        self.fs.delete_file(self.path("large"))

    def list(self):
        everything = self.fs.get_file_info(fs.FileSelector(LISTED_BUCKET, recursive=True))
        files = sorted(each.path.partition("/")[2] for each in everything if each.type == fs.FileType.File)
        expect_listed(files)
        folder = self.fs.get_file_info(fs.FileSelector(f"{LISTED_BUCKET}/3"))
        expect(sorted(each.base_name for each in folder), [f"{n:02}" for n in range(10)])
        expect({each.type for each in folder}, {fs.FileType.Directory})

    def odd_keys(self):
        # A path: no empty parts, and the SDK under it resolves dots.
        paths = [key for key in ODD_KEYS if not {"", ".", ".."} & set(key.split("/"))]
        self.cannot([key for key in ODD_KEYS if key not in paths], "not a path")
        for key in paths:
            self.put_bytes(key, key.encode())
        for key in paths:
            expect(self.read(key), key.encode())

    def copy(self):
        self.fs.copy_file(self.path("small.txt"), self.path("copy of +ü"))
        expect(self.read("copy of +ü"), self.samples.small)

    def metadata(self):
        self.cannot("own names", "it takes the standard headers alone")
        self.put_bytes("metadata", b"1", metadata={"Content-Type": "text/x-one", "Cache-Control": "no-cache"})
        with self.fs.open_input_stream(self.path("metadata")) as stream:
            kept = stream.metadata()
        expect((kept["Content-Type"], kept["Cache-Control"]), (b"text/x-one", b"no-cache"))

    def checksums(self):
        self.cannot("the algorithm", "its SDK chooses; the upload fails if the node computes another value")
        self.put_bytes("checksum", self.samples.small)
        expect(self.read("checksum"), self.samples.small)

    def delete(self):
        self.fs.delete_file(self.path("small.txt"))
        expect(self.fs.get_file_info(self.path("small.txt")).type, fs.FileType.NotFound)

    def delete_objects(self):
        for n in range(20):
            self.put_bytes(f"folder/{n}", b"1")
        self.fs.delete_dir(self.path("folder"))
        expect(self.fs.get_file_info(self.path("folder/7")).type, fs.FileType.NotFound)
        self.fs.delete_dir(self.bucket)

"""minio-py: `minio_py.py BUCKET FILE`. See ../real.py."""

import datetime
import io
import os
import sys

import urllib3
from minio import Minio

import forms

CONTENT = b"signed by minio-py"
LIFE = datetime.timedelta(minutes=5)


def main(bucket, _file):
    sdk = Minio(forms.HTTP.split("://")[1].rstrip("/"), access_key=os.environ["AWS_ACCESS_KEY_ID"],
                secret_key=os.environ["AWS_SECRET_ACCESS_KEY"], secure=False, region=os.environ["AWS_REGION"],
                http_client=urllib3.PoolManager(retries=False))

    def header():
        sdk.put_object(bucket, "a key/ü +&", io.BytesIO(CONTENT), len(CONTENT))
        answer = sdk.get_object(bucket, "a key/ü +&")
        forms.expect(answer.read() == CONTENT, "another content came back")

    def presigned():
        put, get = (call(bucket, "by link", LIFE) for call in (sdk.presigned_put_object, sdk.presigned_get_object))
        forms.use_links(put, get, CONTENT)

    forms.tell("header", header)
    forms.tell("presigned", presigned)
    print("chunked: n/a it reads each part whole and signs its hash")
    for form in ("v4a header", "v4a presigned", "v4a chunked"):
        print(f"{form}: n/a it has no SigV4A")


main(*sys.argv[1:])

"""Two accounts: what one grants the other, and how a link dies with the grant."""

import boto3
import json
from botocore.config import Config
from botocore.exceptions import ClientError

import node
from links import BODY, bucket, policy


def other(house):
    """The second account: its client, and its number."""
    variables = node.read_env(house.folder / "env.alt")
    s3 = boto3.client("s3", endpoint_url=house.endpoint.url, region_name=house.endpoint.region,
                      aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
                      aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
                      config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"))
    return s3, variables["BLOCKHOUSE_ACCOUNT"]


def refused(call, code, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in (code, "403"), error
    else:
        raise AssertionError(f"{arguments} was let through")


def a_link_dies_with_the_permission(house):
    name = bucket(house, "granted")
    theirs, number = other(house)
    url = theirs.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "file"}, ExpiresIn=3600)
    house.ask(url).expect(403, "AccessDenied")
    policy(house, name, {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{number}:root"},
                         "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"})
    assert house.ask(url).expect(200).body == BODY
    house.s3.delete_bucket_policy(Bucket=name)
    house.ask(url).expect(403, "AccessDenied")


def what_was_granted_and_no_more(house):
    name = bucket(house, "shared")
    theirs, number = other(house)
    policy(house, name,
           {"Effect": "Allow", "Principal": {"AWS": number}, "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"arn:aws:s3:::{name}/drop/*"},
           {"Effect": "Allow", "Principal": {"AWS": number}, "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{name}", "Condition": {"StringLike": {"s3:prefix": "drop/*"}}})
    theirs.put_object(Bucket=name, Key="drop/one", Body=b"theirs")
    assert [each["Key"] for each in theirs.list_objects_v2(Bucket=name, Prefix="drop/")["Contents"]] == ["drop/one"]
    refused(theirs.get_object, "AccessDenied", Bucket=name, Key="file")
    refused(theirs.list_objects_v2, "AccessDenied", Bucket=name)
    refused(theirs.delete_object, "AccessDenied", Bucket=name, Key="drop/one")
    refused(theirs.put_bucket_policy, "AccessDenied", Bucket=name, Policy="{}")
    deleted = theirs.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "drop/one"}]})
    assert [each["Code"] for each in deleted["Errors"]] == ["AccessDenied"], deleted
    # What another account wrote is the bucket owner's.
    assert house.s3.get_object(Bucket=name, Key="drop/one")["Body"].read() == b"theirs"


def everybody(house):
    """A plain bucket honours an Allow for everybody, as S3 in a Region does, and says that it is public."""
    name = bucket(house, "open")
    refused(house.s3.get_bucket_policy_status, "NoSuchBucketPolicy", Bucket=name)
    policy(house, name, {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                         "Resource": f"arn:aws:s3:::{name}/*"})
    plain = f"{house.endpoint.url}/{name}/file?x-id=GetObject"
    assert house.ask(plain).expect(200).body == BODY
    house.ask(plain, "PUT", b"x").expect(403, "AccessDenied")
    assert house.s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is True
    assert json.loads(house.s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][0]["Action"] == "s3:GetObject"
    refused(house.s3.put_bucket_policy, "MalformedPolicy", Bucket=name, Policy=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                 "Resource": "arn:aws:s3:::another/*"}]}))


CHECKS = {
    "a link dies with the permission": a_link_dies_with_the_permission,
    "what was granted and no more": what_was_granted_and_no_more,
    "everybody": everybody,
}

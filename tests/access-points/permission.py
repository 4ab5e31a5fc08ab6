"""Who may do what through an access point: its own policy and the bucket's, and how it ends."""

import json

import points
from points import BODY, expect, outcome


def account(house, other=True):
    return points.variables(house, other)["BLOCKHOUSE_ACCOUNT"]


def allow(principal, actions, resources, **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


def put_bucket_policy(house, point, *statements):
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    points.plain(house).put_bucket_policy(Bucket=point.bucket, Policy=text)


def fine(finished):
    assert finished.returncode == 0, finished.stderr
    return finished


def theirs(house):
    return {"AWS": f"arn:aws:iam::{account(house)}:root"}


def reads(house, point, principal=None, **condition):
    """What an access point's policy says to let somebody read."""
    return allow(principal or theirs(house), "s3-outposts:GetObject", f"{point.arn}/object/*", **condition)


def delegates(point):
    """The bucket's policy that leaves everything to the access points of its own account."""
    return allow("*", "*", [point.outpost_bucket, f"{point.outpost_bucket}/object/*"],
                 StringEquals={"s3-outposts:DataAccessPointAccount": point.account})


def both_policies_are_needed(house):
    point = points.make(house)
    points.plain(house).put_object(Bucket=point.bucket, Key="file", Body=BODY)
    read = {"Bucket": point.arn, "Key": "file"}
    get = points.through(house, other=True).get_object
    expect(outcome(get, **read), 403, "AccessDenied")
    fine(points.put_policy(house, point, reads(house, point)))
    expect(outcome(get, **read), 403, "AccessDenied")
    put_bucket_policy(house, point, delegates(point))
    assert get(**read)["Body"].read() == BODY
    points.done(house, "delete-policy", point.name)
    expect(outcome(get, **read), 403, "AccessDenied")


def what_was_granted_and_no_more(house):
    point = points.make(house)
    points.plain(house).put_object(Bucket=point.bucket, Key="file", Body=BODY)
    put_bucket_policy(house, point, delegates(point))
    fine(points.put_policy(house, point, reads(house, point)))
    s3 = points.through(house, other=True)
    expect(outcome(s3.get_object, Bucket=point.arn, Key="file"), 200)
    expect(outcome(s3.put_object, Bucket=point.arn, Key="file", Body=b"theirs"), 403, "AccessDenied")
    expect(outcome(s3.list_objects_v2, Bucket=point.arn), 403, "AccessDenied")
    expect(outcome(s3.delete_object, Bucket=point.arn, Key="file"), 403, "AccessDenied")
    # Who may not list does not learn what is not there.
    expect(outcome(s3.get_object, Bucket=point.arn, Key="nothing"), 403, "AccessDenied")
    # By the bucket's own name nothing was granted.
    expect(outcome(points.plain(house, other=True).get_object, Bucket=point.bucket, Key="file"), 403, "AccessDenied")
    # Nor through another access point of the same bucket.
    beside = points.make(house, bucket=point.bucket)
    expect(outcome(s3.get_object, Bucket=beside.arn, Key="file"), 403, "AccessDenied")


def a_bucket_policy_names_the_access_point(house):
    point = points.make(house)
    beside = points.make(house, bucket=point.bucket)
    points.plain(house).put_object(Bucket=point.bucket, Key="file", Body=BODY)
    put_bucket_policy(house, point, allow(theirs(house), "s3-outposts:GetObject", f"{point.outpost_bucket}/object/*",
                                          ArnEquals={"s3-outposts:DataAccessPointArn": point.arn}))
    for each in (point, beside):
        fine(points.put_policy(house, each, reads(house, each)))
    s3 = points.through(house, other=True)
    expect(outcome(s3.get_object, Bucket=point.arn, Key="file"), 200)
    expect(outcome(s3.get_object, Bucket=beside.arn, Key="file"), 403, "AccessDenied")


def a_deny_in_either_denies_the_owner_too(house):
    point = points.make(house)
    s3, plain = points.through(house), points.plain(house)
    plain.put_object(Bucket=point.bucket, Key="file", Body=BODY)
    no = {**reads(house, point, "*"), "Effect": "Deny"}
    fine(points.put_policy(house, point, no))
    expect(outcome(s3.get_object, Bucket=point.arn, Key="file"), 403, "AccessDenied")
    expect(outcome(plain.get_object, Bucket=point.bucket, Key="file"), 200)
    points.done(house, "delete-policy", point.name)
    expect(outcome(s3.get_object, Bucket=point.arn, Key="file"), 200)
    put_bucket_policy(house, point, {"Effect": "Deny", "Principal": "*", "Action": "s3-outposts:*",
                                     "Resource": f"{point.outpost_bucket}/object/*"})
    expect(outcome(s3.get_object, Bucket=point.arn, Key="file"), 403, "AccessDenied")
    # It speaks of Outposts' actions, and a request by the bucket's own name is none.
    expect(outcome(plain.get_object, Bucket=point.bucket, Key="file"), 200)


def everybody_only_from_somewhere(house):
    point = points.make(house)
    points.plain(house).put_object(Bucket=point.bucket, Key="file", Body=BODY)
    put_bucket_policy(house, point, delegates(point))
    for open_to_all in (reads(house, point, "*"), reads(house, point, {"AWS": "*"})):
        refused = points.put_policy(house, point, open_to_all)
        assert refused.returncode != 0 and "BlockPublicPolicy" in refused.stderr, refused
    far = reads(house, point, "*", IpAddress={"aws:SourceIp": "192.0.2.0/24"})
    near = reads(house, point, "*", IpAddress={"aws:SourceIp": "127.0.0.0/8"})
    s3 = points.through(house, other=True)
    fine(points.put_policy(house, point, far))
    expect(outcome(s3.get_object, Bucket=point.arn, Key="file"), 403, "AccessDenied")
    fine(points.put_policy(house, point, near))
    expect(outcome(s3.get_object, Bucket=point.arn, Key="file"), 200)
    # Everybody is everybody who signs.
    nobody = points.through(house, anonymous=True)
    expect(outcome(nobody.get_object, Bucket=point.arn, Key="file"), 403, "AccessDenied")


def a_policy_speaks_of_its_own_access_point(house):
    point, other = points.make(house), points.make(house)
    for resource in (f"{other.arn}/object/*", f"arn:aws:s3:::{point.bucket}/*", "arn:aws:s3-outposts:::x"):
        refused = points.put_policy(house, point, allow(theirs(house), "s3-outposts:GetObject", resource))
        assert refused.returncode != 0 and "invalid resource" in refused.stderr, (resource, refused)
    text = points.done(house, "show", point.name)
    assert json.loads(text)["policy"] is None, text


def copies_are_judged_on_both_sides(house):
    source, target = points.make(house), points.make(house)
    points.plain(house).put_object(Bucket=source.bucket, Key="file", Body=BODY)
    put_bucket_policy(house, source, delegates(source))
    put_bucket_policy(house, target, delegates(target))
    copy = points.through(house, other=True).copy_object
    asked = {"Bucket": target.arn, "Key": "copy", "CopySource": {"Bucket": source.arn, "Key": "file"}}
    writes = allow(theirs(house), "s3-outposts:PutObject", f"{target.arn}/object/*")
    fine(points.put_policy(house, target, writes))
    expect(outcome(copy, **asked), 403, "AccessDenied")
    fine(points.put_policy(house, source, reads(house, source)))
    expect(outcome(copy, **asked), 200)
    points.done(house, "delete-policy", target.name)
    expect(outcome(copy, **asked), 403, "AccessDenied")


def the_buckets_address_list_holds(house):
    point = points.make(house)
    points.plain(house).put_object(Bucket=point.bucket, Key="file", Body=BODY)
    s3 = points.through(house)
    expect(outcome(s3.get_object, Bucket=point.arn, Key="file"), 200)
    for entry, status, code in (("192.0.2.0/24", 403, "AccessDenied"), ("127.0.0.1", 200, None)):
        fine(points.program(house, "address-list", "set", point.bucket, entry))
        expect(outcome(s3.get_object, Bucket=point.arn, Key="file"), status, code)


def a_link_dies_with_its_access_point(house):
    point = points.make(house)
    points.plain(house).put_object(Bucket=point.bucket, Key="file", Body=BODY)
    name = {"Bucket": point.arn, "Key": "file"}
    link = points.through(house).generate_presigned_url("get_object", Params=name, ExpiresIn=3600)
    assert points.fetch(house, link) == (200, BODY)
    points.done(house, "delete", point.name)
    status, body = points.fetch(house, link)
    assert status == 404 and b"<Code>NoSuchAccessPoint</Code>" in body, (status, body)
    # Made again under the same name it is reached by that again, and by another alias.
    points.done(house, "create", point.name, "--bucket", point.bucket)
    assert points.fetch(house, link) == (200, BODY)
    assert json.loads(points.done(house, "show", point.name))["alias"] != point.alias


def a_revoked_bucket_takes_the_links_along(house):
    point = points.make(house)
    points.plain(house).put_object(Bucket=point.bucket, Key="file", Body=BODY)
    name = {"Bucket": point.arn, "Key": "file"}
    link = points.through(house).generate_presigned_url("get_object", Params=name, ExpiresIn=3600)
    assert points.fetch(house, link) == (200, BODY)
    fine(points.program(house, "link", "revoke", "--bucket", point.bucket))
    assert points.fetch(house, link)[0] == 403


def a_bucket_with_access_points_stays(house):
    point = points.make(house)
    delete = points.plain(house).delete_bucket
    status, code = outcome(delete, Bucket=point.bucket)
    assert (status, code) == (400, "BucketHasAccessPointsAttached"), (status, code)
    points.done(house, "delete", point.name)
    # The answer to a deletion has no content.
    expect(outcome(delete, Bucket=point.bucket), 200)


def it_outlives_the_node(house):
    point = points.make(house)
    points.plain(house).put_object(Bucket=point.bucket, Key="file", Body=BODY)
    fine(points.put_policy(house, point, reads(house, point)))
    before = points.done(house, "show", point.name)
    house.stop()
    house.start()
    assert points.done(house, "show", point.name) == before
    assert points.through(house).get_object(Bucket=point.alias, Key="file")["Body"].read() == BODY


def ten_of_one_bucket(house):
    point = points.make(house)
    for _ in range(9):
        points.make(house, bucket=point.bucket)
    refused = points.command(house, "create", "one-too-many", "--bucket", point.bucket)
    assert refused.returncode != 0, refused
    assert "one-too-many" not in points.done(house, "list")


def anothers_is_not_ones_own(house):
    point = points.make(house)
    for words in (("show", point.name), ("delete", point.name), ("create", "stolen", "--bucket", point.bucket)):
        refused = points.command(house, *words, other=True)
        assert refused.returncode != 0, (words, refused)
    assert point.name in points.done(house, "list") and point.name not in points.done(house, "list", other=True)


CHECKS = {check.__name__.replace("_", " "): check for check in (
    both_policies_are_needed, what_was_granted_and_no_more, a_bucket_policy_names_the_access_point,
    a_deny_in_either_denies_the_owner_too, everybody_only_from_somewhere, a_policy_speaks_of_its_own_access_point,
    copies_are_judged_on_both_sides, the_buckets_address_list_holds, a_link_dies_with_its_access_point,
    a_revoked_bucket_takes_the_links_along, a_bucket_with_access_points_stays, it_outlives_the_node,
    ten_of_one_bucket, anothers_is_not_ones_own)}

"""The S3 service as boto3 sees it, over a real socket."""

import hashlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.tests.objects.conftest import client_of, refused

pytestmark = pytest.mark.wire

MEGABYTE = 1 << 20


class TestObjects:
    def test_comes_back_as_it_was_put(self, s3: Any, bucket: str, s3_root: Path) -> None:
        """Data, content type, metadata and headers are those of the put, and the file lies in the folder."""
        put = s3.put_object(
            Bucket=bucket,
            Key="models/qa.json",
            Body=b'{"a": 1}',
            ContentType="application/json",
            CacheControl="max-age=5",
            Metadata={"made-by": "me"},
        )
        got = s3.get_object(Bucket=bucket, Key="models/qa.json")

        assert got["Body"].read() == b'{"a": 1}'
        assert got["ContentType"] == "application/json"
        assert got["CacheControl"] == "max-age=5"
        assert got["Metadata"] == {"made-by": "me"}
        assert got["ETag"] == put["ETag"] == '"{}"'.format(hashlib.md5(b'{"a": 1}').hexdigest())
        assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
        assert (s3_root / bucket / "models" / "qa.json").read_bytes() == b'{"a": 1}'

    def test_a_file_copied_in_by_hand_is_an_object(self, s3: Any, bucket: str, s3_root: Path) -> None:
        """It is listed and read; its content type is guessed from its name."""
        (s3_root / bucket / "in").mkdir()
        (s3_root / bucket / "in" / "questions.json").write_text("[]")

        assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["in/questions.json"]
        got = s3.get_object(Bucket=bucket, Key="in/questions.json")
        assert (got["Body"].read(), got["ContentType"]) == (b"[]", "application/json")

    @pytest.mark.parametrize(
        ("span", "expected"),
        [
            ("2-4", b"234"),
            ("7-", b"789"),
            ("-2", b"89"),
            ("8-99", b"89"),
            ("-99", b"0123456789"),
        ],
    )
    def test_ranges(self, s3: Any, bucket: str, span: str, expected: bytes) -> None:
        """A range is answered with 206 and its place in the whole."""
        s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")

        got = s3.get_object(Bucket=bucket, Key="digits", Range=f"bytes={span}")

        assert got["Body"].read() == expected
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["ContentRange"].endswith("/10")

    def test_a_range_behind_the_end_is_refused(self, s3: Any, bucket: str) -> None:
        """416 InvalidRange, also for an empty object."""
        s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
        s3.put_object(Bucket=bucket, Key="empty", Body=b"")

        assert refused(s3.get_object, Bucket=bucket, Key="digits", Range="bytes=10-") == ("InvalidRange", 416)
        assert refused(s3.get_object, Bucket=bucket, Key="empty", Range="bytes=0-") == ("InvalidRange", 416)

    def test_conditions(self, s3: Any, bucket: str) -> None:
        """304 for what the caller has, 412 for what is not what it expects, and puts that must not overwrite."""
        etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
        modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]

        assert refused(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == ("304", 304)
        assert refused(s3.head_object, Bucket=bucket, Key="k", IfModifiedSince=modified) == ("304", 304)
        assert refused(s3.get_object, Bucket=bucket, Key="k", IfMatch='"x"') == ("PreconditionFailed", 412)
        assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
        assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"1"
        s3.put_object(Bucket=bucket, Key="new", Body=b"2", IfNoneMatch="*")

    def test_copies(self, s3: Any, bucket: str) -> None:
        """With the source's metadata, or with new ones; never onto itself for nothing."""
        s3.put_object(Bucket=bucket, Key="ä b+c", Body=b"data", Metadata={"a": "1"})
        source = {"Bucket": bucket, "Key": "ä b+c"}

        s3.copy_object(Bucket=bucket, Key="same", CopySource=source)
        s3.copy_object(Bucket=bucket, Key="new", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})

        assert s3.head_object(Bucket=bucket, Key="same")["Metadata"] == {"a": "1"}
        assert s3.head_object(Bucket=bucket, Key="new")["Metadata"] == {"b": "2"}
        assert s3.get_object(Bucket=bucket, Key="new")["Body"].read() == b"data"
        assert refused(s3.copy_object, Bucket=bucket, Key="ä b+c", CopySource=source) == ("InvalidRequest", 400)
        missing = {"Bucket": bucket, "Key": "no"}
        assert refused(s3.copy_object, Bucket=bucket, Key="x", CopySource=missing) == ("NoSuchKey", 404)

    def test_deletes(self, s3: Any, bucket: str) -> None:
        """One or many; deleting what is not there succeeds."""
        for key in ("a", "a/b", "c"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")

        s3.delete_object(Bucket=bucket, Key="never")
        s3.delete_object(Bucket=bucket, Key="a")
        gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/b"}, {"Key": "no & <no>"}]})

        assert [one["Key"] for one in gone["Deleted"]] == ["a/b", "no & <no>"]
        assert [one["Key"] for one in s3.list_objects(Bucket=bucket)["Contents"]] == ["c"]
        assert refused(s3.get_object, Bucket=bucket, Key="a") == ("NoSuchKey", 404)
        assert refused(s3.head_object, Bucket=bucket, Key="a") == ("404", 404)

    def test_attributes(self, s3: Any, bucket: str) -> None:
        """Those that are asked for."""
        put = s3.put_object(Bucket=bucket, Key="k", Body=b"123")

        found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize"])

        assert (found["ETag"], found["ObjectSize"]) == (put["ETag"].strip('"'), 3)
        assert found["Checksum"]["ChecksumCRC32"] == put["ChecksumCRC32"]
        assert "StorageClass" not in found

    def test_a_damaged_body_is_refused(self, s3: Any, bucket: str) -> None:
        """A checksum that does not fit is BadDigest, and nothing is stored."""
        wrong = {"ChecksumCRC32": "AAAAAA=="}
        assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"1", **wrong) == ("BadDigest", 400)
        assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"1", ContentMD5="x") == ("InvalidDigest", 400)
        assert "Contents" not in s3.list_objects_v2(Bucket=bucket)

    def test_signed_addresses_work(self, s3: Any, bucket: str) -> None:
        """A presigned PUT and a presigned GET need no SDK."""
        target = {"Bucket": bucket, "Key": "dir/ü.txt"}
        put = urllib.request.Request(s3.generate_presigned_url("put_object", target), data=b"by hand", method="PUT")
        with urllib.request.urlopen(put) as answer:
            assert answer.status == 200

        get = s3.generate_presigned_url("get_object", {**target, "ResponseContentType": "text/x-own"})
        with urllib.request.urlopen(get) as answer:
            assert (answer.read(), answer.headers["Content-Type"]) == (b"by hand", "text/x-own")

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
            lambda k: len(k.encode()) < 1000
        )
    )
    def test_any_key_makes_the_round(self, s3: Any, bucket: str, s3_root: Path, key: str) -> None:
        """Put, list, get and delete agree on every key, and no file appears outside the bucket's folder."""
        around = sorted(s3_root.parent.iterdir())
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())

        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
        s3.delete_object(Bucket=bucket, Key=key)
        assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
        assert sorted(s3_root.parent.iterdir()) == around


class TestBuckets:
    def test_are_made_found_and_removed(self, s3: Any, bucket: str) -> None:
        """With the region they were made in; waiters see them come and go."""
        s3.get_waiter("bucket_exists").wait(Bucket=bucket, WaiterConfig={"Delay": 1, "MaxAttempts": 1})
        names = [one["Name"] for one in s3.list_buckets()["Buckets"]]

        assert bucket in names
        assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "eu-west-1"
        assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"
        s3.get_waiter("bucket_not_exists").wait(Bucket="no-such", WaiterConfig={"Delay": 1, "MaxAttempts": 1})

    def test_of_us_east_1(self, s3_url: str) -> None:
        """It has no constraint, and making one's own bucket again succeeds there."""
        s3 = client_of(s3_url, "us-east-1")
        s3.create_bucket(Bucket="east")
        s3.create_bucket(Bucket="east")

        assert s3.get_bucket_location(Bucket="east")["LocationConstraint"] is None
        s3.delete_bucket(Bucket="east")

    def test_refusals(self, s3: Any, bucket: str) -> None:
        """S3's own codes and statuses."""
        here = {"LocationConstraint": "eu-west-1"}
        create: Any = s3.create_bucket
        s3.put_object(Bucket=bucket, Key="k", Body=b"")

        again = refused(create, Bucket=bucket, CreateBucketConfiguration=here)
        assert again == ("BucketAlreadyOwnedByYou", 409)
        assert refused(create, Bucket="Not_a_name", CreateBucketConfiguration=here) == ("InvalidBucketName", 400)
        assert refused(create, Bucket="other") == ("IllegalLocationConstraintException", 400)
        assert refused(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
        assert refused(s3.list_objects_v2, Bucket="no-such") == ("NoSuchBucket", 404)
        assert refused(s3.put_object, Bucket="no-such", Key="k", Body=b"x" * MEGABYTE) == ("NoSuchBucket", 404)
        assert refused(s3.head_bucket, Bucket="no-such") == ("404", 404)
        assert refused(s3.get_object, Bucket=bucket, Key="k" * 1025) == ("KeyTooLongError", 400)
        other = refused(s3.head_bucket, Bucket=bucket, ExpectedBucketOwner="999999999999")
        assert other == ("403", 403)

    def test_settings_that_nobody_made(self, s3: Any, bucket: str) -> None:
        """Read, they are the real one's defaults; written, they are refused in words."""
        assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
        assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
        assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert refused(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)
        assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
        assert refused(s3.get_public_access_block, Bucket=bucket) == ("NoSuchPublicAccessBlockConfiguration", 404)
        with pytest.raises(ClientError, match=r"does not implement PUT \?policy for a bucket"):
            s3.put_bucket_policy(Bucket=bucket, Policy="{}")


class TestListing:
    def test_pages_folders_and_markers(self, s3: Any, bucket: str) -> None:
        """Paginators of both versions walk all keys and common prefixes once, in order."""
        keys = sorted([f"a/{n:02}" for n in range(7)] + [f"b{n}" for n in range(4)] + ["c/", "c/d/e", "ü & <x>"])
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key, Body=key.encode())

        for version in ("list_objects", "list_objects_v2"):
            pages = s3.get_paginator(version).paginate(Bucket=bucket, PaginationConfig={"PageSize": 3})
            assert [one["Key"] for page in pages for one in page["Contents"]] == keys
            pages = s3.get_paginator(version).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2})
            seen = [
                name
                for page in pages
                for name in [one["Key"] for one in page.get("Contents", [])]
                + [one["Prefix"] for one in page.get("CommonPrefixes", [])]
            ]
            assert sorted(seen) == ["a/", "b0", "b1", "b2", "b3", "c/", "ü & <x>"]

        inside = s3.list_objects_v2(Bucket=bucket, Prefix="c/", Delimiter="/")
        assert [one["Key"] for one in inside["Contents"]] == ["c/"]
        assert [one["Prefix"] for one in inside["CommonPrefixes"]] == ["c/d/"]
        assert inside["KeyCount"] == 2
        after = s3.list_objects_v2(Bucket=bucket, StartAfter="b2")
        assert [one["Key"] for one in after["Contents"]] == ["b3", "c/", "c/d/e", "ü & <x>"]
        assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0

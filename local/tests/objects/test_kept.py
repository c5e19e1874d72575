"""What is stored with an object and given back, though nothing is done about it; and what cannot be stored."""

from typing import Any

import pytest

from local.tests.objects.conftest import refused

pytestmark = pytest.mark.wire

KEPT: dict[str, Any] = {
    "StorageClass": "STANDARD_IA",
    "WebsiteRedirectLocation": "/other",
    "ServerSideEncryption": "aws:kms",
    "SSEKMSKeyId": "arn:aws:kms:eu-west-1:123456789012:key/1",
    "BucketKeyEnabled": True,
}
TAGS = [{"Key": "a", "Value": "1"}, {"Key": "b c", "Value": "ü&="}]
HEADER = "a=1&b+c=%C3%BC%26%3D"


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    """Those of an answer."""
    return {name: answer.get(name) for name in KEPT}


def in_parts(s3: Any, bucket: str, **arguments: Any) -> dict[str, Any]:
    """An object of one part, by a multipart upload: what completing it answers."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", **arguments)
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    etag = s3.upload_part(**where, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    answer: dict[str, Any] = s3.complete_multipart_upload(**where, MultipartUpload=parts)
    return answer


@pytest.mark.parametrize("how", ["put", "copy", "parts"])
def test_head_and_get_give_back_what_was_stored(s3: Any, bucket: str, how: str) -> None:
    """However the object came there."""
    if how == "put":
        put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging=HEADER, **KEPT)
    elif how == "copy":
        s3.put_object(Bucket=bucket, Key="source", Body=b"x")
        source, directive = {"Bucket": bucket, "Key": "source"}, {"TaggingDirective": "REPLACE"}
        put = s3.copy_object(Bucket=bucket, Key="k", CopySource=source, Tagging=HEADER, **directive, **KEPT)
    else:
        put = in_parts(s3, bucket, Tagging=HEADER, **KEPT)

    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", KEPT["SSEKMSKeyId"])
    for answer in (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")):
        assert shown(answer) == KEPT
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == TAGS
    for listing in (s3.list_objects, s3.list_objects_v2):
        assert [one["StorageClass"] for one in listing(Bucket=bucket)["Contents"] if one["Key"] == "k"] == [
            "STANDARD_IA"
        ]
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["StorageClass"])
    assert attributes["StorageClass"] == "STANDARD_IA"


def test_without_any_of_it(s3: Any, bucket: str) -> None:
    """S3 encrypts each object itself; STANDARD is not mentioned."""
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD")["ServerSideEncryption"] == "AES256"
    head = s3.head_object(Bucket=bucket, Key="k")
    assert shown(head) == {**dict.fromkeys(KEPT), "ServerSideEncryption": "AES256"}
    assert "TagCount" not in s3.get_object(Bucket=bucket, Key="k")


def test_a_copy_has_its_own_class_and_the_sources_tags(s3: Any, bucket: str) -> None:
    """As S3's: metadata and tags are copied, storage class, encryption and redirect are not."""
    s3.put_object(
        Bucket=bucket, Key="k", Body=b"x", Tagging=HEADER, Metadata={"a": "1"}, CacheControl="no-store", **KEPT
    )
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})

    head = s3.head_object(Bucket=bucket, Key="copy")
    assert shown(head) == {**dict.fromkeys(KEPT), "ServerSideEncryption": "AES256"}
    assert (head["Metadata"], head["CacheControl"]) == ({"a": "1"}, "no-store")
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == TAGS
    s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k"}, StorageClass="GLACIER_IR")
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "GLACIER_IR"


def test_an_archived_object_is_not_given_out(s3: Any, bucket: str) -> None:
    """As before a restore, which the local S3 does not do. It is listed, and looked at."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InvalidObjectState", 403)
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "GLACIER"
    source = {"Bucket": bucket, "Key": "k"}
    assert refused(s3.copy_object, Bucket=bucket, Key="c", CopySource=source) == ("ObjectNotInActiveTierError", 403)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"StorageClass": "SNOWY"}, "InvalidStorageClass"),
        ({"ServerSideEncryption": "rot13"}, "InvalidArgument"),
        ({"SSEKMSKeyId": "key"}, "InvalidArgument"),
        ({"WebsiteRedirectLocation": "elsewhere"}, "InvalidRedirectLocation"),
        ({"Tagging": "a=1&a=2"}, "InvalidArgument"),
        ({"Tagging": "aws:a=1"}, "InvalidTag"),
        ({"Tagging": "&".join(f"k{n}=v" for n in range(11))}, "BadRequest"),
        ({"Tagging": f"{'k' * 129}=1"}, "InvalidTag"),
        ({"Tagging": f"a={'v' * 257}"}, "InvalidTag"),
        ({"ACL": "public-read"}, "AccessControlListNotSupported"),
        ({"GrantRead": "id=1"}, "AccessControlListNotSupported"),
        ({"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2030-01-01"}, "InvalidRequest"),
        ({"ObjectLockLegalHoldStatus": "ON"}, "InvalidRequest"),
        ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}, "InvalidRequest"),
        ({"WriteOffsetBytes": 0}, "NotImplemented"),
        ({"ChecksumAlgorithm": "XXHASH64", "ChecksumXXHASH64": "AAAAAAAAAAA="}, "NotImplemented"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_what_cannot_be_stored_is_refused(s3: Any, bucket: str, arguments: dict[str, Any], code: str) -> None:
    """And the object that is there stays as it is."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"mine")
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"other", **arguments)[0] == code
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"mine"


def test_a_harmless_acl(s3: Any, bucket: str) -> None:
    """The one that buckets take whose access lists are off."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")


def test_tags_of_objects_come_and_go(s3: Any, bucket: str) -> None:
    """Data, metadata and ETag stay as they are."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"a": "1"})["ETag"]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": TAGS})
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId="null")["TagSet"] == TAGS
    same = {"TagSet": [TAGS[0], TAGS[0]]}
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=same) == ("InvalidTag", 400)
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ETag"], head["Metadata"]) == (etag, {"a": "1"})
    for call in (s3.get_object_tagging, s3.delete_object_tagging):
        assert refused(call, Bucket=bucket, Key="gone") == ("NoSuchKey", 404)


def test_tags_of_buckets_come_and_go(s3: Any, s3_url: str) -> None:
    """Also those that a bucket is created with."""
    place = {"LocationConstraint": "eu-west-1", "Tags": TAGS}
    s3.create_bucket(Bucket="tagged", CreateBucketConfiguration=place)
    assert s3.get_bucket_tagging(Bucket="tagged")["TagSet"] == TAGS
    s3.put_bucket_tagging(Bucket="tagged", Tagging={"TagSet": TAGS[:1]})
    assert s3.get_bucket_tagging(Bucket="tagged")["TagSet"] == TAGS[:1]
    reserved = {"TagSet": [{"Key": "AWS:x", "Value": ""}]}
    assert refused(s3.put_bucket_tagging, Bucket="tagged", Tagging=reserved) == ("InvalidTag", 400)
    s3.delete_bucket_tagging(Bucket="tagged")
    assert refused(s3.get_bucket_tagging, Bucket="tagged") == ("NoSuchTagSet", 404)
    s3.delete_bucket(Bucket="tagged")

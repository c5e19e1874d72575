"""Conditions of writes and copies, parts of objects, presigned URLs, checksums and regions."""

import hashlib
import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local.tests.objects.conftest import client_of, refused

pytestmark = pytest.mark.wire

MEGABYTE = 1 << 20


def sha256(data: bytes) -> str:
    """As S3 writes it."""
    return b64encode(hashlib.sha256(data).digest()).decode()


def upload(s3: Any, bucket: str, parts: list[bytes], **arguments: Any) -> dict[str, Any]:
    """What a request to complete it needs."""
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", **arguments)
    where = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    algorithm = {name: value for name, value in arguments.items() if name == "ChecksumAlgorithm"}
    sent = [s3.upload_part(**where, PartNumber=n, Body=body, **algorithm) for n, body in enumerate(parts, 1)]
    listed = [{"PartNumber": n, "ETag": one["ETag"]} for n, one in enumerate(sent, 1)]
    return {**where, "MultipartUpload": {"Parts": listed}}


def failed(request: urllib.request.Request) -> tuple[int, bytes]:
    """Status and body of a refusal."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        return answer.code, answer.read()


class TestWrites:
    def test_only_over_the_one_that_is_known(self, s3: Any, bucket: str) -> None:
        """If-Match: 412 for a changed object, 404 for none. If-None-Match takes `*` and nothing else."""
        etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
        put = {"Bucket": bucket, "Key": "k", "Body": b"2"}
        assert refused(s3.put_object, **put, IfMatch='"other"') == ("PreconditionFailed", 412)
        assert refused(s3.put_object, **{**put, "Key": "gone"}, IfMatch=etag) == ("NoSuchKey", 404)
        assert refused(s3.put_object, **put, IfNoneMatch=etag) == ("NotImplemented", 501)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
        s3.put_object(**put, IfMatch=etag)

    def test_copies(self, s3: Any, bucket: str) -> None:
        """Conditions on the source and on the target."""
        etag = s3.put_object(Bucket=bucket, Key="source", Body=b"1")["ETag"]
        modified = s3.head_object(Bucket=bucket, Key="source")["LastModified"]
        s3.put_object(Bucket=bucket, Key="k", Body=b"2")
        copy = {"Bucket": bucket, "Key": "k", "CopySource": {"Bucket": bucket, "Key": "source"}}
        for condition in (
            {"CopySourceIfMatch": '"other"'},
            {"CopySourceIfNoneMatch": etag},
            {"CopySourceIfModifiedSince": modified},
            {"IfMatch": '"other"'},
            {"IfNoneMatch": "*"},
        ):
            assert refused(s3.copy_object, **copy, **condition) == ("PreconditionFailed", 412)
        assert refused(s3.copy_object, **copy, MetadataDirective="MERGE") == ("InvalidArgument", 400)
        assert refused(s3.copy_object, **copy, TaggingDirective="MERGE") == ("InvalidArgument", 400)
        assert refused(s3.copy_object, **copy, ExpectedSourceBucketOwner="9" * 12) == ("AccessDenied", 403)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
        s3.copy_object(**copy, CopySourceIfMatch=etag, CopySourceIfUnmodifiedSince=modified)

    def test_a_copys_checksum_is_that_of_its_data(self, s3: Any, bucket: str) -> None:
        """Also where the source's is one of its parts; or another one, if the caller wants that."""
        data = [b"a" * 5 * MEGABYTE, b"b"]
        s3.complete_multipart_upload(**upload(s3, bucket, data, ChecksumAlgorithm="SHA256"))
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "k"}}

        found = s3.copy_object(**copy)["CopyObjectResult"]
        assert (found["ChecksumSHA256"], found["ChecksumType"]) == (sha256(b"".join(data)), "FULL_OBJECT")
        assert found["ETag"] == f'"{hashlib.md5(b"".join(data)).hexdigest()}"'
        head = s3.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
        assert head["ChecksumSHA256"] == found["ChecksumSHA256"]
        other = s3.copy_object(**copy, ChecksumAlgorithm="CRC64NVME")["CopyObjectResult"]
        assert "ChecksumSHA256" not in other
        assert len(other["ChecksumCRC64NVME"]) == 12


class TestParts:
    def test_are_read_one_by_one(self, s3: Any, bucket: str) -> None:
        """With their number, their place, and their own checksums."""
        data = [b"a" * 5 * MEGABYTE, b"tail"]
        s3.complete_multipart_upload(**upload(s3, bucket, data, ChecksumAlgorithm="SHA256"))

        got = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, ChecksumMode="ENABLED")
        assert got["Body"].read() == b"tail"
        assert (got["PartsCount"], got["ResponseMetadata"]["HTTPStatusCode"]) == (2, 206)
        assert got["ContentRange"] == f"bytes {5 * MEGABYTE}-{5 * MEGABYTE + 3}/{5 * MEGABYTE + 4}"
        assert got["ChecksumSHA256"] == sha256(b"tail")
        assert s3.head_object(Bucket=bucket, Key="k", PartNumber=1)["ContentLength"] == 5 * MEGABYTE
        assert "PartsCount" not in s3.head_object(Bucket=bucket, Key="k")
        where = {"Bucket": bucket, "Key": "k"}
        assert refused(s3.get_object, **where, PartNumber=3) == ("InvalidPartNumber", 416)
        assert refused(s3.get_object, **where, PartNumber=0) == ("InvalidArgument", 400)
        assert refused(s3.get_object, **where, PartNumber=1, Range="bytes=0-1") == ("InvalidRequest", 400)

        parts = s3.get_object_attributes(**where, ObjectAttributes=["ObjectParts"], MaxParts=1)["ObjectParts"]
        assert (parts["TotalPartsCount"], parts["IsTruncated"], parts["NextPartNumberMarker"]) == (2, True, 1)
        more = s3.get_object_attributes(**where, ObjectAttributes=["ObjectParts"], PartNumberMarker=1)["ObjectParts"]
        assert more["Parts"] == [{"PartNumber": 2, "Size": 4, "ChecksumSHA256": sha256(b"tail")}]

    def test_an_object_in_one_piece_is_its_own_first_part(self, s3: Any, bucket: str) -> None:
        """And has no other."""
        s3.put_object(Bucket=bucket, Key="k", Body=b"whole")
        got = s3.get_object(Bucket=bucket, Key="k", PartNumber=1)
        assert (got["Body"].read(), got["ResponseMetadata"]["HTTPStatusCode"]) == (b"whole", 206)
        assert refused(s3.get_object, Bucket=bucket, Key="k", PartNumber=2) == ("InvalidPartNumber", 416)

    def test_completing_again_is_no_error(self, s3: Any, bucket: str, s3_root: Any) -> None:
        """With the same parts, whatever conditions come along, and the object is not made anew; others are unknown."""
        order = upload(s3, bucket, [b"x"])
        first = s3.complete_multipart_upload(**order)
        s3.put_object(Bucket=bucket, Key="k", Body=b"newer")
        again = s3.complete_multipart_upload(**order, IfNoneMatch="*")
        assert again["ETag"] == first["ETag"]
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"newer"
        assert len(list((s3_root / bucket / ".mooring" / "completed").iterdir())) == 1
        other = {**order, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"other"'}]}}
        assert refused(s3.complete_multipart_upload, **other) == ("NoSuchUpload", 404)
        assert refused(s3.complete_multipart_upload, **{**order, "Key": "j"}) == ("NoSuchUpload", 404)

    def test_the_whole_has_to_be_what_the_caller_says(self, s3: Any, bucket: str) -> None:
        """Its size, its checksum, its kind of checksum, and each part's; then it can be completed still."""
        order = upload(s3, bucket, [b"x"], ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
        complete = s3.complete_multipart_upload
        assert refused(complete, **order, MpuObjectSize=2) == ("InvalidRequest", 400)
        assert refused(complete, **order, ChecksumCRC32="AAAAAA==") == ("BadDigest", 400)
        assert refused(complete, **order, ChecksumType="COMPOSITE") == ("InvalidRequest", 400)
        assert refused(complete, **order, ChecksumSHA1="AAAA") == ("InvalidRequest", 400)
        assert refused(complete, **order, IfMatch='"other"') == ("NoSuchKey", 404)
        wrong = [{**order["MultipartUpload"]["Parts"][0], "ChecksumCRC32": "AAAAAA=="}]
        assert refused(complete, **{**order, "MultipartUpload": {"Parts": wrong}}) == ("InvalidPart", 400)
        done = complete(**order, MpuObjectSize=1, ChecksumType="FULL_OBJECT")
        assert (done["ChecksumCRC32"], done["ChecksumType"]) == ("jNwWgw==", "FULL_OBJECT")

    def test_a_part_with_another_checksum_than_the_uploads(self, s3: Any, bucket: str) -> None:
        """Is refused: the whole could not have one."""
        begun = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")
        part = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"], "PartNumber": 1, "Body": b"x"}
        assert refused(s3.upload_part, **part, ChecksumAlgorithm="CRC32") == ("InvalidRequest", 400)
        create = {"Bucket": bucket, "Key": "k", "ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}
        assert refused(s3.create_multipart_upload, **create) == ("InvalidRequest", 400)

    def test_uploads_are_listed_as_folders(self, s3: Any, bucket: str) -> None:
        """By a delimiter, page by page."""
        for key in ("a/1", "a/2", "b", "c/1"):
            s3.create_multipart_upload(Bucket=bucket, Key=key, StorageClass="GLACIER")
        whole = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
        assert [one["Key"] for one in whole["Uploads"]] == ["b"]
        assert whole["Uploads"][0]["StorageClass"] == "GLACIER"
        assert [one["Prefix"] for one in whole["CommonPrefixes"]] == ["a/", "c/"]
        pages = s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}
        )
        seen = [
            [one.get("Key") or one["Prefix"] for one in [*page.get("Uploads", []), *page.get("CommonPrefixes", [])]]
            for page in pages
        ]
        assert seen == [["a/"], ["b"], ["c/"]]


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5"])
def test_a_damaged_body_is_refused_by_any_checksum(s3_url: str, s3: Any, bucket: str, algorithm: str) -> None:
    """And a right one is kept. The client computes none of them: it is told."""
    sizes = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "MD5": 16, "SHA1": 20, "SHA256": 32, "SHA512": 64}
    wrong = {f"Checksum{algorithm}": b64encode(bytes(sizes[algorithm])).decode()}
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"123456789", **wrong) == ("BadDigest", 400)
    right = {
        "CRC32": "y/Q5Jg==",
        "CRC32C": "4waSgw==",
        "CRC64NVME": "rosUhgp5mIg=",
        "MD5": b64encode(hashlib.md5(b"123456789").digest()).decode(),
        **{n: b64encode(hashlib.new(n, b"123456789").digest()).decode() for n in ("SHA1", "SHA256", "SHA512")},
    }[algorithm]
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"123456789", **{f"Checksum{algorithm}": right})
    assert put[f"Checksum{algorithm}"] == right
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[f"Checksum{algorithm}"] == right


class TestPresigned:
    @pytest.mark.parametrize("version", ["s3v4", "s3"])
    def test_urls_carry_headers(self, s3_url: str, s3: Any, bucket: str, version: str) -> None:
        """Version 2 puts them into the query, version 4 signs them for the caller to send."""
        signer = boto3.Session("AKIATEST", "secret", region_name="eu-west-1").client(
            "s3", endpoint_url=s3_url, config=Config(signature_version=version)
        )
        given = {"Metadata": {"made-by": "me"}, "StorageClass": "STANDARD_IA", "ContentType": "text/x-own"}
        url = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k", **given})
        sent = {"x-amz-meta-made-by": "me", "x-amz-storage-class": "STANDARD_IA", "content-type": "text/x-own"}
        if version == "s3v4":
            assert "x-amz-meta-made-by" in url  # among the signed headers
        request = urllib.request.Request(url, b"x", sent if version == "s3v4" else {}, method="PUT")
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        head = s3.head_object(Bucket=bucket, Key="k")
        assert (head["Metadata"], head["StorageClass"]) == ({"made-by": "me"}, "STANDARD_IA")

    def test_headers_in_the_query_of_version_4(self, s3: Any, bucket: str) -> None:
        """As the SDKs of other languages sign them."""
        url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
        url += "&x-amz-meta-a=1&X-Amz-Tagging=b%3D2"
        with urllib.request.urlopen(urllib.request.Request(url, b"x", method="PUT")) as answer:
            assert answer.status == 200
        assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1"}
        assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "b", "Value": "2"}]

    def test_a_condition_in_the_query_is_one(self, s3: Any, bucket: str) -> None:
        """An argument that is refused as a header is refused there, too, and nothing is stored."""
        url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"}) + "&x-amz-write-offset-bytes=1"
        assert failed(urllib.request.Request(url, b"x", method="PUT"))[0] == 501
        assert refused(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)

    @pytest.mark.parametrize("version", ["s3v4", "s3"])
    def test_one_that_has_expired(self, s3_url: str, bucket: str, version: str) -> None:
        """403, as S3 says it."""
        signer = boto3.Session("AKIATEST", "secret", region_name="eu-west-1").client(
            "s3", endpoint_url=s3_url, config=Config(signature_version=version)
        )
        url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=-10)
        status, body = failed(urllib.request.Request(url))
        assert status == 403
        assert b"<Message>Request has expired</Message>" in body


class TestRegions:
    @pytest.mark.parametrize(
        ("region", "constraint", "code"),
        [
            ("us-east-1", "us-east-1", "InvalidLocationConstraint"),
            ("us-east-1", "nowhere", "InvalidLocationConstraint"),
            ("us-east-1", "", "MalformedXML"),
            ("eu-west-1", "us-east-1", "IllegalLocationConstraintException"),
            ("eu-west-1", "eu-central-1", "IllegalLocationConstraintException"),
            ("eu-west-1", None, "IllegalLocationConstraintException"),
        ],
    )
    def test_constraints_that_do_not_fit(self, s3_url: str, region: str, constraint: str | None, code: str) -> None:
        """us-east-1 has none, and is the only region from where buckets of others can be made."""
        given = {} if constraint is None else {"CreateBucketConfiguration": {"LocationConstraint": constraint}}
        assert refused(client_of(s3_url, region).create_bucket, Bucket="nowhere", **given) == (code, 400)

    @pytest.mark.parametrize(
        ("region", "constraint", "there"),
        [
            ("us-east-1", "eu-west-3", "eu-west-3"),
            ("us-east-1", "EU", "eu-west-1"),
            ("eu-west-1", "EU", "eu-west-1"),
            ("cn-north-1", "cn-north-1", "cn-north-1"),
            ("us-gov-west-1", "us-gov-west-1", "us-gov-west-1"),
        ],
    )
    def test_constraints_that_do(self, s3_url: str, region: str, constraint: str, there: str) -> None:
        """The bucket is in that region, and is listed by it."""
        s3 = client_of(s3_url, region)
        s3.create_bucket(Bucket="somewhere", CreateBucketConfiguration={"LocationConstraint": constraint})
        assert s3.head_bucket(Bucket="somewhere")["BucketRegion"] == there
        assert "somewhere" in [one["Name"] for one in s3.list_buckets(BucketRegion=there)["Buckets"]]
        assert "somewhere" not in [one["Name"] for one in s3.list_buckets(BucketRegion="ap-south-1")["Buckets"]]
        s3.delete_bucket(Bucket="somewhere")

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ({"ACL": "public-read"}, "InvalidBucketAclWithObjectOwnership"),
            ({"ObjectLockEnabledForBucket": True}, "NotImplemented"),
            ({"ObjectOwnership": "ObjectWriter"}, "NotImplemented"),
            ({"BucketNamespace": "account-regional"}, "NotImplemented"),
            ({"CreateBucketConfiguration": {"Bucket": {"Type": "Directory"}}}, "NotImplemented"),
        ],
    )
    def test_buckets_of_other_kinds(self, s3_url: str, arguments: dict[str, Any], code: str) -> None:
        """Are refused, and not made."""
        s3 = client_of(s3_url, "us-east-1")
        assert refused(s3.create_bucket, Bucket="another-kind", **arguments)[0] == code
        assert refused(s3.head_bucket, Bucket="another-kind") == ("404", 404)


def test_versions_that_nobody_has(s3: Any, bucket: str) -> None:
    """A reader is told so, and an error says which argument it was."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    version = "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH"
    for call in (s3.get_object, s3.get_object_tagging, s3.get_object_acl):
        assert refused(call, Bucket=bucket, Key="k", VersionId=version) == ("NoSuchVersion", 404)
        assert refused(call, Bucket=bucket, Key="k", VersionId="abc") == ("InvalidArgument", 400)
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"x"
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="k", VersionId="abc")
    assert caught.value.response["Error"]["ArgumentName"] == "versionId"
    assert caught.value.response["Error"]["ArgumentValue"] == "abc"


def test_a_range_of_an_object_that_has_changed(s3_url: str, s3: Any, bucket: str) -> None:
    """If-Range: the part if it is the same object, else all of the new one."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["ETag"]
    for condition, expected in ((etag, b"23"), ('"other"', b"0123456789")):
        request = urllib.request.Request(f"{s3_url}/{bucket}/k", headers={"Range": "bytes=2-3", "If-Range": condition})
        with urllib.request.urlopen(request) as answer:
            assert answer.read() == expected

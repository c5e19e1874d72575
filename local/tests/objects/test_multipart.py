"""Large objects in parts, as boto3 sends and fetches them, over a real socket."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from local.tests.objects.conftest import refused

pytestmark = pytest.mark.wire

MEGABYTE = 1 << 20


class TestMultipart:
    def test_a_large_file_goes_up_and_down(self, s3: Any, bucket: str, tmp_path: Path) -> None:
        """20 MB in parts, by boto3's transfer manager, and back by several ranges at once."""
        data = os.urandom(20 * MEGABYTE)
        (tmp_path / "up").write_bytes(data)
        back = io.BytesIO()

        s3.upload_file(str(tmp_path / "up"), bucket, "large", ExtraArgs={"Metadata": {"a": "b"}})
        s3.download_fileobj(bucket, "large", back)

        assert back.getvalue() == data
        head = s3.head_object(Bucket=bucket, Key="large")
        assert head["ETag"].endswith('-3"')
        assert head["Metadata"] == {"a": "b"}
        assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == data
        assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads") is None

    def test_a_large_copy(self, s3: Any, bucket: str) -> None:
        """boto3 copies what is large in parts too."""
        data = os.urandom(9 * MEGABYTE)
        s3.put_object(Bucket=bucket, Key="large", Body=data)

        s3.copy(
            {"Bucket": bucket, "Key": "large"}, bucket, "again", Config=TransferConfig(multipart_threshold=MEGABYTE)
        )

        assert s3.get_object(Bucket=bucket, Key="again")["Body"].read() == data

    def test_by_hand(self, s3: Any, bucket: str) -> None:
        """Parts in any order, one sent twice, listed page by page, put together."""
        target = {"Bucket": bucket, "Key": "k"}
        begun = s3.create_multipart_upload(**target)
        target["UploadId"] = begun["UploadId"]
        first = b"1" * (5 * MEGABYTE)
        s3.upload_part(**target, PartNumber=7, Body=b"old")
        etags = {
            7: s3.upload_part(**target, PartNumber=7, Body=b"last")["ETag"],
            2: s3.upload_part(**target, PartNumber=2, Body=first)["ETag"],
        }

        pages = s3.get_paginator("list_parts").paginate(**target, PaginationConfig={"PageSize": 1})
        assert [(p["PartNumber"], p["Size"]) for page in pages for p in page["Parts"]] == [(2, len(first)), (7, 4)]
        assert [one["Key"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["k"]
        parts = [{"PartNumber": n, "ETag": etags[n]} for n in (2, 7)]
        s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == first + b"last"

    def test_refusals(self, s3: Any, bucket: str) -> None:
        """Small, unordered and unknown parts, and uploads that have ended."""
        target = {"Bucket": bucket, "Key": "k"}
        target["UploadId"] = s3.create_multipart_upload(**target)["UploadId"]
        etags = [s3.upload_part(**target, PartNumber=n, Body=b"x")["ETag"] for n in (1, 2)]

        def complete(*parts: tuple[int, str]) -> tuple[str, int]:
            listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
            return refused(s3.complete_multipart_upload, **target, MultipartUpload={"Parts": listed})

        assert complete((1, etags[0]), (2, etags[1])) == ("EntityTooSmall", 400)
        assert complete((2, etags[1]), (1, etags[0])) == ("InvalidPartOrder", 400)
        assert complete((3, etags[1])) == ("InvalidPart", 400)
        assert complete((1, '"other"')) == ("InvalidPart", 400)
        assert refused(s3.upload_part, **target, PartNumber=10_001, Body=b"x") == ("InvalidArgument", 400)
        s3.abort_multipart_upload(**target)
        assert refused(s3.upload_part, **target, PartNumber=1, Body=b"x") == ("NoSuchUpload", 404)
        assert refused(s3.list_parts, **target) == ("NoSuchUpload", 404)
        assert refused(s3.abort_multipart_upload, **{**target, "UploadId": "../../x"}) == ("NoSuchUpload", 404)

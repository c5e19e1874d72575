"""What a delete must not delete: another version, an object that has changed, anything whose arguments are unknown."""

from collections.abc import Callable
from typing import Any

import pytest

from local.tests.objects.conftest import refused

pytestmark = pytest.mark.wire

VERSION = "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH"
"""As S3 writes them."""


@pytest.fixture
def there(s3: Any, bucket: str) -> Callable[[], bool]:
    """Whether the object `k` is still there, as it was put."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"mine")

    def look() -> bool:
        return any(one["Key"] == "k" for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []))

    return look


def test_the_version_null_is_the_object(s3: Any, bucket: str, there: Callable[[], bool]) -> None:
    """An unversioned bucket's objects have that one version, and the answer names it."""
    assert s3.delete_object(Bucket=bucket, Key="k", VersionId="null")["VersionId"] == "null"
    assert not there()


def test_another_version_is_not_the_object(s3: Any, bucket: str, there: Callable[[], bool]) -> None:
    """One that could be is gone already, as S3 sees it; one that could not be is an error."""
    assert s3.delete_object(Bucket=bucket, Key="k", VersionId=VERSION)["VersionId"] == VERSION
    assert refused(s3.delete_object, Bucket=bucket, Key="k", VersionId="abc") == ("InvalidArgument", 400)
    assert there()


def test_a_condition_that_does_not_hold(s3: Any, bucket: str, there: Callable[[], bool]) -> None:
    """412 for a changed object, 404 for one that is gone, and a `*` for any."""
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    assert refused(s3.delete_object, Bucket=bucket, Key="k", IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refused(s3.delete_object, Bucket=bucket, Key="gone", IfMatch=etag) == ("NoSuchKey", 404)
    assert refused(s3.delete_object, Bucket=bucket, Key="gone", IfMatch="*") == ("NoSuchKey", 404)
    assert there()
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    assert not there()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"IfMatchSize": 1}, "NotImplemented"),
        ({"IfMatchLastModifiedTime": "2026-01-01T00:00:00Z"}, "NotImplemented"),
        ({"MFA": "serial 123456"}, "NotImplemented"),
        ({"BypassGovernanceRetention": True}, "InvalidArgument"),
        ({"ExpectedBucketOwner": "999999999999"}, "AccessDenied"),
    ],
)
def test_an_argument_that_is_not_implemented(
    s3: Any, bucket: str, there: Callable[[], bool], arguments: dict[str, Any], code: str
) -> None:
    """Is refused, and nothing is deleted."""
    assert refused(s3.delete_object, Bucket=bucket, Key="k", **arguments)[0] == code
    assert there()


def test_each_of_many_has_its_own(s3: Any, bucket: str, there: Callable[[], bool]) -> None:
    """Versions and ETags are those of one object; the others are deleted all the same, also quietly."""
    for key in ("a", "b", "c", "d"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"mine")
    etag = s3.head_object(Bucket=bucket, Key="a")["ETag"]
    objects = [
        {"Key": "k", "VersionId": VERSION},
        {"Key": "a", "ETag": etag},
        {"Key": "b", "ETag": '"other"'},
        {"Key": "c", "VersionId": "null"},
        {"Key": "gone", "ETag": "*"},
        {"Key": "never"},
    ]
    for quiet in (True, False):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": quiet})
        errors = {one["Key"]: one["Code"] for one in answer["Errors"]}
        assert errors.items() >= {"k": "NoSuchVersion", "b": "PreconditionFailed", "gone": "NoSuchKey"}.items()
    assert answer["Errors"][0]["VersionId"] == VERSION
    assert {"Key": "c", "VersionId": "null"} in answer["Deleted"]
    assert there()
    assert sorted(one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]) == ["b", "d", "k"]


@pytest.mark.parametrize(
    "more",
    [{"Size": 4}, {"LastModifiedTime": "2026-01-01T00:00:00Z"}],
)
def test_conditions_of_directory_buckets(s3: Any, bucket: str, there: Callable[[], bool], more: dict[str, Any]) -> None:
    """Are refused by the element's name; S3 has them for directory buckets only."""
    call = {"Bucket": bucket, "Delete": {"Objects": [{"Key": "k", **more}]}}
    assert refused(s3.delete_objects, **call) == ("NotImplemented", 501)
    assert there()

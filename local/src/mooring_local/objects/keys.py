"""Check names of buckets and keys, and map keys to file paths. Pure."""

import ipaddress
import re
from pathlib import Path

from mooring_local.wire.faults import Fault

OWN_FOLDER = ".mooring"
"""Folder for internal data in every bucket's folder. No key is stored below it as a plain file."""
MAX_KEY_BYTES = 1024
_MAX_NAME_BYTES = 255
"""Limit of a file name on Linux."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def check_bucket_name(name: str) -> None:
    """Raises InvalidBucketName unless S3 would accept the name, which also makes it a safe file name."""
    fine = _BUCKET.fullmatch(name) is not None and ".." not in name and not name.startswith("xn--")
    if not fine or _is_address(name):
        raise Fault("InvalidBucketName", "The specified bucket is not valid.", 400, {"BucketName": name})


def check_key(key: str) -> None:
    """Raises KeyTooLongError or InvalidArgument for a key that S3 refuses."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise Fault("InvalidArgument", "The key is not UTF-8.", 400) from None
    if not size:
        raise Fault("InvalidArgument", "A key must be specified.", 400)
    if size > MAX_KEY_BYTES:
        members = {"Size": str(size), "MaxSizeAllowed": str(MAX_KEY_BYTES)}
        raise Fault("KeyTooLongError", "Your key is too long", 400, members)


def plain_path(bucket_folder: Path, key: str) -> Path | None:
    """The file of a key if each segment is a valid file name; None for `a//b`, `../a`, `a/`, …"""
    segments = key.split("/")
    # Some file systems ignore case.
    if segments[0].casefold() == OWN_FOLDER or not all(map(_is_file_name, segments)):
        return None
    return bucket_folder.joinpath(*segments)


def locate(uri: str) -> tuple[str, str]:
    """`s3://bucket/key` → (bucket, key); the key may be empty. Raises ValidationException for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise Fault("ValidationException", f"Expected an S3 URI such as s3://bucket/key, not {uri!r}.")
    return bucket, key


def _is_file_name(segment: str) -> bool:
    if segment in ("", ".", "..") or "\0" in segment:
        return False
    try:
        return len(segment.encode()) <= _MAX_NAME_BYTES
    except UnicodeEncodeError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True

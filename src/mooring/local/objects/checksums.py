"""The checksums that S3 keeps with objects. Used by `bodies.py` and `multipart.py`."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable
from typing import Protocol

HEADER = "x-amz-checksum-"
ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
"""Those a client may send. crc32c and crc64nvme are kept and given back but not computed: Python has none."""


class Sum(Protocol):
    """A running checksum."""

    def update(self, data: bytes, /) -> None:
        """More data."""

    def digest(self) -> bytes:
        """Of all of it."""


class Crc32:
    """As `hashlib` would have it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """More data."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """Big-endian, as S3 sends it."""
        return self._value.to_bytes(4, "big")


def begin(algorithm: str) -> Sum | None:
    """None: not one that we can compute."""
    if algorithm == "crc32":
        return Crc32()
    if algorithm in ("md5", "sha1", "sha256"):
        return hashlib.new(algorithm, usedforsecurity=False)
    return None


def composite(algorithm: str, parts: Iterable[str]) -> str | None:
    """The checksum of the parts' checksums, `-N` behind it. None if it cannot be computed."""
    total = begin(algorithm)
    count = 0
    for count, part in enumerate(parts, 1):  # noqa: B007
        try:
            raw = base64.b64decode(part, validate=True)
        except binascii.Error:
            return None
        if total is not None:
            total.update(raw)
    return f"{encoded(total)}-{count}" if total is not None else None


def encoded(total: Sum) -> str:
    """As headers have it."""
    return base64.b64encode(total.digest()).decode()

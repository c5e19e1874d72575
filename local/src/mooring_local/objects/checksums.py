"""The checksums that S3 stores with objects."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from mooring_local.wire.faults import Fault

HEADER = "x-amz-checksum-"
ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "md5", "sha1", "sha256", "sha512")
"""In lower case. S3's three XXHash algorithms are refused."""
_PIECE = 1 << 20


class Sum(Protocol):
    """A running checksum."""

    def update(self, data: bytes, /) -> None:
        """Add data."""

    def digest(self) -> bytes:
        """The checksum of all data."""


class Crc32:
    """CRC-32 with the interface of `hashlib`."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Add data."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """The checksum in big-endian order, as in S3's headers."""
        return self._value.to_bytes(4, "big")


def begin(algorithm: str) -> Sum:
    """A running checksum of one of `ALGORITHMS`."""
    if algorithm == "crc32":
        return Crc32()
    if algorithm.startswith("crc"):
        # Imported late: NumPy takes 0.1 s, and most clients send CRC-32.
        from mooring_local.objects.crc import CRCS

        return CRCS[algorithm]()
    return hashlib.new(algorithm, usedforsecurity=False)


def of_file(algorithm: str, path: Path) -> str:
    """The checksum of a file, encoded as in headers."""
    total = begin(algorithm)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            total.update(piece)
    return encoded(total)


def named(text: str) -> str:
    """A client's name of an algorithm in lower case. Raises InvalidRequest if it is not implemented."""
    algorithm = text.lower()
    if algorithm and algorithm not in ALGORITHMS:
        message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        raise Fault("InvalidRequest", f"{message}[{', '.join(ALGORITHMS).upper()}]")
    return algorithm


def composite(algorithm: str, parts: Iterable[str]) -> str:
    """The checksum of the parts' checksums, followed by `-N`."""
    total, count = begin(algorithm), 0
    for part in parts:
        total.update(base64.b64decode(part))
        count += 1
    return f"{encoded(total)}-{count}"


def encoded(total: Sum) -> str:
    """The checksum, encoded as in headers."""
    return base64.b64encode(total.digest()).decode()


def decoded(text: str, header: str) -> bytes:
    """Decode a checksum. Raises InvalidDigest for Content-MD5, InvalidRequest for others."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    if header == "content-md5":
        raise Fault("InvalidDigest", "The Content-MD5 you specified was invalid.", 400, {"Content-MD5": text})
    raise Fault("InvalidRequest", f"Value for {header} header is invalid.")


def check_body(body: bytes, headers: Mapping[str, str]) -> None:
    """Verify the checksums of a small body. Raises BadDigest."""
    sums = {"content-md5": "md5", **{HEADER + name: name for name in ALGORITHMS}}
    for header, algorithm in sums.items():
        if header not in headers:
            continue
        total = begin(algorithm)
        total.update(body)
        if decoded(headers[header], header) != total.digest():
            raise mismatch("Content-MD5" if header == "content-md5" else algorithm.upper())


def mismatch(name: str) -> Fault:
    """The error for a checksum that does not match the data."""
    if name == "Content-MD5":
        return Fault("BadDigest", "The Content-MD5 you specified did not match what we received.")
    return Fault("BadDigest", f"The {name} you specified did not match the calculated checksum.")

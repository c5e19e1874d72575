"""The checksums that S3 keeps with objects. Used by `bodies.py`, `multipart.py` and `writing.py`."""

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
"""In lower case. S3's three XXHashes are refused by name."""
_PIECE = 1 << 20


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


def begin(algorithm: str) -> Sum:
    """One of `ALGORITHMS`."""
    if algorithm == "crc32":
        return Crc32()
    if algorithm.startswith("crc"):
        # Here and not above: NumPy takes a tenth of a second, and most clients send CRC-32.
        from mooring_local.objects.crc import CRCS

        return CRCS[algorithm]()
    return hashlib.new(algorithm, usedforsecurity=False)


def of_file(algorithm: str, path: Path) -> str:
    """As headers have it."""
    total = begin(algorithm)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            total.update(piece)
    return encoded(total)


def named(text: str) -> str:
    """An algorithm as a client writes it, in lower case. Raises InvalidRequest for one that is not implemented."""
    algorithm = text.lower()
    if algorithm and algorithm not in ALGORITHMS:
        message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        raise Fault("InvalidRequest", f"{message}[{', '.join(ALGORITHMS).upper()}]")
    return algorithm


def composite(algorithm: str, parts: Iterable[str]) -> str:
    """The checksum of the parts' checksums, `-N` behind it."""
    total, count = begin(algorithm), 0
    for part in parts:
        total.update(base64.b64decode(part))
        count += 1
    return f"{encoded(total)}-{count}"


def encoded(total: Sum) -> str:
    """As headers have it."""
    return base64.b64encode(total.digest()).decode()


def decoded(text: str, header: str) -> bytes:
    """A checksum's bytes. Raises InvalidDigest for Content-MD5, InvalidRequest for the others."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    if header == "content-md5":
        raise Fault("InvalidDigest", "The Content-MD5 you specified was invalid.", 400, {"Content-MD5": text})
    raise Fault("InvalidRequest", f"Value for {header} header is invalid.")


def check_body(body: bytes, headers: Mapping[str, str]) -> None:
    """Of a small body that is no object. Raises BadDigest for a checksum that it does not have."""
    sums = {"content-md5": "md5", **{HEADER + name: name for name in ALGORITHMS}}
    for header, algorithm in sums.items():
        if header not in headers:
            continue
        total = begin(algorithm)
        total.update(body)
        if decoded(headers[header], header) != total.digest():
            raise mismatch("Content-MD5" if header == "content-md5" else algorithm.upper())


def mismatch(name: str) -> Fault:
    """A checksum is not that of the data."""
    if name == "Content-MD5":
        return Fault("BadDigest", "The Content-MD5 you specified did not match what we received.")
    return Fault("BadDigest", f"The {name} you specified did not match the calculated checksum.")

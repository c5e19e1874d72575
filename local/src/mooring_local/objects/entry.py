"""What is known of a bucket and of an object. Made by `store.py`, read by all that use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

OCTETS = "binary/octet-stream"
"""S3's own default; not RFC 2046's."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`created` in seconds since the epoch."""

    name: str
    region: str
    created: float
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an object that was uploaded in parts."""

    size: int
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Algorithm in lower case → base64."""


@dataclass(frozen=True, slots=True)
class About:
    """What the one who puts an object says of it."""

    content_type: str = OCTETS
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Without the `x-amz-meta-`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """To be given back with it, in lower case: cache-control, x-amz-storage-class, …"""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Header name without `x-amz-checksum-` (crc32, sha256, type, …) → its value."""
    etag: str = ""
    """Without quotes; "": the MD5 of the data."""
    tags: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    """Of an object that was uploaded in parts; empty for any other."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object. `path` is its file: read it, never write to it; `modified` in seconds since the epoch."""

    bucket: str
    key: str
    path: Path
    size: int
    modified: float
    etag: str
    """Without quotes."""
    about: About

    @property
    def content_type(self) -> str:
        """As it was put, or guessed from the name of a file that was copied in."""
        return self.about.content_type

    @property
    def metadata(self) -> Mapping[str, str]:
        """Of the user, without the `x-amz-meta-`."""
        return self.about.metadata

    @property
    def storage_class(self) -> str:
        """As it was put. Nothing here is stored in one way or another."""
        return self.about.headers.get("x-amz-storage-class", "STANDARD")

    @property
    def uri(self) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"

"""Buckets and objects of the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

OCTETS = "binary/octet-stream"
"""S3's default content type; not RFC 2046's."""


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
    """What the uploader specifies about an object."""

    content_type: str = OCTETS
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Without the `x-amz-meta-`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers to return with it, in lower case: cache-control, x-amz-storage-class, …"""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Header name without `x-amz-checksum-` (crc32, sha256, type, …) → its value."""
    etag: str = ""
    """Without quotes; "": the MD5 of the data."""
    tags: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    """Parts of a multipart upload; otherwise empty."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object. `path`: its file, read-only; `modified`: epoch seconds."""

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
        """As uploaded, or guessed from the file name."""
        return self.about.content_type

    @property
    def metadata(self) -> Mapping[str, str]:
        """User metadata, without `x-amz-meta-`."""
        return self.about.metadata

    @property
    def storage_class(self) -> str:
        """As uploaded. It has no effect here."""
        return self.about.headers.get("x-amz-storage-class", "STANDARD")

    @property
    def uri(self) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"

"""Read the members of an untrusted tar stream. Called by `archive.py`.

The standard library's reader recurses once per chained header and searches headers in quadratic time. This one takes
time linear in the stream, and memory for one header. It reads ustar, pax and GNU long names; `tarfile` decodes blocks.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mooring.errors import ModelInvalid

MAX_HEADER_BYTES = 1 << 20
"""Largest extended header (a long name, or attributes) of one member."""
MAX_HEADERS_BYTES = 16 << 20
"""Most bytes of extended headers in one archive."""
MAX_CHAIN = 8
"""Most extended headers before one member; tar programs write at most four."""

_BLOCK = 512
_CHUNK = 1 << 20
_LONG_NAME, _LONG_LINK = b"L", b"K"
_PAX, _PAX_GLOBAL, _PAX_SOLARIS = b"x", b"g", b"X"
_MOST_DIGITS = 19
"""Of a decimal length or size."""


class Stream(Protocol):
    """What is read from: an open gzip file."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """One member, before its content is read."""

    name: str
    size: int
    """Bytes of content that follow."""
    kind: str
    """"file", "folder", "link", "sparse" or "other"."""


class TarReader:
    """Iterate over members; `content` reads that of the current one. Content that was not read is skipped.

    Raises tarfile.TarError or EOFError for a damaged or truncated stream, ModelInvalid for headers beyond the limits.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = 0
        """Bytes of the current member's content that were not read."""
        self._padding = 0
        self._headers = 0
        """Bytes of extended headers so far."""

    def __iter__(self) -> Iterator[Member]:
        first = True
        while (member := self._next(first=first)) is not None:
            first = False
            yield member

    def content(self) -> Iterator[bytes]:
        """The content of the current member in chunks."""
        while self._left:
            chunk = self._stream.read(min(self._left, _CHUNK))
            if not chunk:
                raise EOFError("unexpected end of data")
            self._left -= len(chunk)
            yield chunk

    def _next(self, *, first: bool) -> Member | None:
        for _ in self.content():
            pass
        self._exactly(self._padding)
        self._padding = 0
        pax: dict[str, str] = {}
        long_name: str | None = None
        for number in range(MAX_CHAIN + 1):
            block = self._read(_BLOCK)
            if not block and first:
                raise tarfile.ReadError("it is empty")
            # Some programs write no end-of-archive blocks. gzip has its own mark of the end, so nothing is lost unseen.
            if (not block and not number) or (len(block) == _BLOCK and not any(block)):
                return None
            if len(block) < _BLOCK:
                raise EOFError("unexpected end of data")
            first = False
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            if info.size < 0:
                raise tarfile.ReadError(f"a member has a size of {info.size}")
            if info.type == _LONG_NAME:
                long_name = _text(self._extension(info.size).partition(b"\0")[0])
            elif info.type in (_PAX, _PAX_SOLARIS):
                pax |= _records(self._extension(info.size))
            elif info.type == _PAX_GLOBAL:
                _refuse_global(_records(self._extension(info.size)))
            elif info.type == _LONG_LINK:
                self._extension(info.size)
            else:
                return self._member(info, long_name, pax)
        raise ModelInvalid(f"The archive has more than {MAX_CHAIN} extended headers before one member.")

    def _member(self, info: tarfile.TarInfo, long_name: str | None, pax: dict[str, str]) -> Member:
        sparse = info.issparse() or info.type == tarfile.GNUTYPE_SPARSE or any(k.startswith("GNU.sparse") for k in pax)
        size = _size(pax["size"]) if "size" in pax else info.size
        kind = (
            "sparse"
            if sparse
            else "file"
            if info.isreg()
            else "folder"
            if info.isdir()
            else "link"
            if info.issym() or info.islnk()
            else "other"
        )
        if kind == "file":
            self._left, self._padding = size, -size % _BLOCK
        name = pax.get("path", info.name if long_name is None else long_name)
        return Member(name.rstrip("/") if kind == "folder" else name, size, kind)

    def _extension(self, size: int) -> bytes:
        self._headers += size
        if size > MAX_HEADER_BYTES:
            raise ModelInvalid(f"The archive has a header of {size} bytes; the limit is {MAX_HEADER_BYTES}.")
        if self._headers > MAX_HEADERS_BYTES:
            raise ModelInvalid(f"The archive has more than {MAX_HEADERS_BYTES} bytes of extended headers.")
        data = self._exactly(size)
        self._exactly(-size % _BLOCK)
        return data

    def _exactly(self, size: int) -> bytes:
        data = self._read(size)
        if len(data) < size:
            raise EOFError("unexpected end of data")
        return data

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size and (part := self._stream.read(size)):
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _records(data: bytes) -> dict[str, str]:
    """The records `LENGTH KEY=VALUE\\n` of a pax header that affect a member: path, size and sparse maps."""
    found: dict[str, str] = {}
    at, end = 0, len(data.rstrip(b"\0"))
    while at < end:
        space = data.find(b" ", at, at + _MOST_DIGITS + 1)
        digits = data[at:space] if space > 0 else b""
        after = at + int(digits) if digits.isdigit() else 0
        key, equals, value = data[space + 1 : after - 1].partition(b"=") if space < after <= end else (b"", b"", b"")
        if not equals or data[after - 1 : after] != b"\n":
            raise tarfile.ReadError("invalid pax header")
        if key in (b"path", b"size") or key.startswith(b"GNU.sparse"):
            found[_text(key)] = _text(value)
        at = after
    return found


def _refuse_global(records: dict[str, str]) -> None:
    """Global headers apply to all later members. `git archive` writes a comment, which is ignored."""
    for key in records:
        raise ModelInvalid(
            f"The archive sets {key!r} for all its members.", hint="Pack it again: tar -czf model.tar.gz -C FOLDER ."
        )


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise tarfile.ReadError("invalid size in a pax header")
    return int(text)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")

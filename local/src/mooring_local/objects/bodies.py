"""Read request bodies: small ones into memory, objects to disk; decode `aws-chunked`.

`aws-chunked` (sent by SDKs since 2025) is a second chunked encoding inside HTTP's. A chunk is its size in hexadecimal,
optionally `;chunk-signature=…`, a line break, the data and a line break. After a chunk of size 0 come trailers and an
empty line. Signatures are ignored.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from starlette.types import Receive

from mooring_local.arguments.s3 import unsupported
from mooring_local.objects.checksums import ALGORITHMS, HEADER, Sum, begin, decoded, encoded, mismatch, named
from mooring_local.objects.exchange import Received
from mooring_local.wire.faults import Fault

MAX_XML_BYTES = 4 << 20
"""10 000 parts in a CompleteMultipartUpload are 2.5 MB."""
MAX_OBJECT_BYTES = 5 << 30
"""Limit of one PUT."""
_PIECE = 1 << 20
_MAX_LINE = 16384


class ClientLeft(Exception):
    """The client disconnected before the end of the body."""


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """Stream the body. Raises ClientLeft."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        more = message.get("more_body", False)
        yield message.get("body", b"")


async def whole(receive: Receive) -> bytes:
    """Read a small body. Raises MaxMessageLengthExceeded."""
    body = bytearray()
    async for piece in pieces(receive):
        body += piece
        if len(body) > MAX_XML_BYTES:
            raise Fault("MaxMessageLengthExceeded", "Your request was too big.", 400)
    return bytes(body)


async def to_disk(receive: Receive, headers: Mapping[str, str], path: Path) -> Received:
    """Write an object's data to `path`. Raises BadDigest, InvalidDigest, IncompleteBody, EntityTooLarge.

    The caller removes the file, also on errors.
    """
    length = int(headers.get("x-amz-decoded-content-length") or headers.get("content-length") or 0)
    if length > MAX_OBJECT_BYTES:
        _too_large(length)
    chunks = Unchunker() if headers.get("x-amz-content-sha256", "").startswith("STREAMING-") else None
    with path.open("wb") as file:
        sink = _Sink(file, headers)
        waiting = bytearray()
        async for piece in pieces(receive):
            waiting += chunks.feed(piece) if chunks else piece
            if len(waiting) >= _PIECE:
                await asyncio.to_thread(sink.write, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(sink.write, bytes(waiting))
    if chunks and (not chunks.ended or sink.size != length):
        message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
        raise Fault("IncompleteBody", message)
    return Received(path, sink.size, sink.md5.digest(), sink.checked(chunks.trailers if chunks else {}))


class _Sink:
    """A file being written, and its checksums."""

    def __init__(self, file: BinaryIO, headers: Mapping[str, str]) -> None:
        self.size = 0
        self._file = file
        self._headers = headers
        self.md5 = begin("md5")
        self._sums: dict[str, Sum] = {name: begin(name) for name in _announced(headers)}
        self._sha256 = begin("sha256") if len(headers.get("x-amz-content-sha256", "")) == 64 else None

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > MAX_OBJECT_BYTES:
            _too_large(self.size)
        self._file.write(data)
        for one in (self.md5, self._sha256, *self._sums.values()):
            if one is not None:
                one.update(data)

    def checked(self, trailers: Mapping[str, str]) -> dict[str, str]:
        """The checksums that were sent, verified."""
        headers, found = {**self._headers, **trailers}, {}
        for name, total in self._sums.items():
            header = HEADER + name
            if decoded(headers.get(header, ""), header) != total.digest():
                raise mismatch(name.upper())
            found[name] = encoded(total)
        if (sent := headers.get("content-md5")) and decoded(sent, "content-md5") != self.md5.digest():
            raise mismatch("Content-MD5")
        if self._sha256 is not None and headers["x-amz-content-sha256"] != self._sha256.digest().hex():
            message = "The provided 'x-amz-content-sha256' header does not match what was computed."
            raise Fault("XAmzContentSHA256Mismatch", message)
        return found


def _announced(headers: Mapping[str, str]) -> list[str]:
    """Algorithms of the checksums in headers and trailers. Raises Fault for an unknown one."""
    trailer = headers.get("x-amz-trailer", "")
    behind = [name.strip().lower() for name in trailer.split(",") if name.strip()]
    for header in behind:
        if header.removeprefix(HEADER) not in ALGORITHMS:
            raise unsupported("the trailer x-amz-trailer", trailer, {"Header": "x-amz-trailer"})
    found = [name for name in ALGORITHMS if HEADER + name in headers or HEADER + name in behind]
    if (wanted := named(headers.get("x-amz-sdk-checksum-algorithm", ""))) and wanted not in found:
        message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer"
        raise Fault("InvalidRequest", f"{message} headers were found.")
    return found


class Unchunker:
    """Incremental decoder of `aws-chunked`."""

    def __init__(self) -> None:
        self.ended = False
        self.trailers: dict[str, str] = {}
        self._rest = bytearray()
        self._left = 0
        """Bytes left of the chunk's data; -1 or -2 while the line break after it is expected."""
        self._in_trailers = False

    def feed(self, piece: bytes) -> bytes:
        """The data decoded so far. Raises IncompleteBody for an invalid encoding."""
        self._rest += piece
        data = bytearray()
        while not self.ended:
            if self._left > 0:
                taken = self._rest[: self._left]
                del self._rest[: len(taken)]
                data += taken
                self._left -= len(taken)
                if self._left:
                    break
                self._left = -1
            line = self._line()
            if line is None:
                break
            self._take(line)
        return bytes(data)

    def _line(self) -> str | None:
        end = self._rest.find(b"\r\n")
        if end < 0:
            if len(self._rest) > _MAX_LINE:
                raise _not_chunked()
            return None
        line = self._rest[:end].decode("latin-1")
        del self._rest[: end + 2]
        return line

    def _take(self, line: str) -> None:
        if self._left == -1:  # after a chunk's data
            if line:
                raise _not_chunked()
            self._left = 0
        elif self._in_trailers:
            name, colon, value = line.partition(":")
            if colon:
                self.trailers[name.strip().lower()] = value.strip()
            self.ended = not line
        else:
            try:
                self._left = int(line.partition(";")[0], 16)
            except ValueError:
                raise _not_chunked() from None
            if self._left < 0:
                raise _not_chunked()
            self._in_trailers = self._left == 0


def _too_large(size: int) -> Any:
    members = {"ProposedSize": str(size), "MaxSizeAllowed": str(MAX_OBJECT_BYTES)}
    raise Fault("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400, members)


def _not_chunked() -> Fault:
    return Fault("IncompleteBody", "The request body is not valid aws-chunked encoding, as its headers declare.")


def slice_to_disk(source: Path, span: tuple[int, int], path: Path, algorithm: str) -> Received:
    """Copy bytes span[0] to span[1] (exclusive) of an object as if uploaded, with that checksum, if any."""
    md5, total = begin("md5"), begin(algorithm) if algorithm else None
    left = span[1] - span[0]
    with source.open("rb") as old, path.open("wb") as new:
        old.seek(span[0])
        while left and (piece := old.read(min(left, _PIECE))):
            left -= len(piece)
            new.write(piece)
            for one in (md5, total):
                if one is not None:
                    one.update(piece)
    checksums = {algorithm: encoded(total)} if total is not None else {}
    return Received(path, span[1] - span[0] - left, md5.digest(), checksums)

"""Bodies of requests: small ones whole, objects streamed to disk, `aws-chunked` taken off. Called by `api.py`.

`aws-chunked` (SDKs of 2025 and later send it) is a second chunking inside HTTP's. A chunk is its size in hexadecimal,
perhaps `;chunk-signature=…`, a line break, the data, a line break; behind one of size 0 come trailers and an empty
line. Signatures are not looked at.
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
"""Of one PUT."""
_PIECE = 1 << 20
_MAX_LINE = 16384


class ClientLeft(Exception):
    """The connection ended before the body did. Nobody waits for an answer."""


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes. Raises ClientLeft."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        more = message.get("more_body", False)
        yield message.get("body", b"")


async def whole(receive: Receive) -> bytes:
    """A small body. Raises MaxMessageLengthExceeded."""
    body = bytearray()
    async for piece in pieces(receive):
        body += piece
        if len(body) > MAX_XML_BYTES:
            raise Fault("MaxMessageLengthExceeded", "Your request was too big.", 400)
    return bytes(body)


async def to_disk(receive: Receive, headers: Mapping[str, str], path: Path) -> Received:
    """An object's data. Raises BadDigest, InvalidDigest, IncompleteBody, EntityTooLarge.

    Whatever happens, the file is the caller's to remove.
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
        """The checksums that came along, all right."""
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
    """The algorithms of the checksums that come with the data or behind it. Raises Fault for one that is unknown."""
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
    """Takes `aws-chunked` off, piece by piece."""

    def __init__(self) -> None:
        self.ended = False
        self.trailers: dict[str, str] = {}
        self._rest = bytearray()
        self._left = 0
        """Of the chunk's data, and of the line break behind it: -1 or -2 while that is awaited."""
        self._in_trailers = False

    def feed(self, piece: bytes) -> bytes:
        """The data that can be had now. Raises IncompleteBody for what is no such encoding."""
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
        if self._left == -1:  # behind a chunk's data
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
    return Fault("IncompleteBody", "The request body is not the aws-chunked encoding that its headers announce.")


def slice_to_disk(source: Path, span: tuple[int, int], path: Path, algorithm: str) -> Received:
    """Part of an object, from span[0] to before span[1], as if it had been received; with that checksum, if any."""
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

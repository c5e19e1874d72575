"""Split an object into records and group them into payloads (contract §1.8).

Memory use is bounded by the payload limit. Empty lines are skipped: what a real job does with them is not
documented, and a container could only reject them.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from mooring_local.batch.faults import BatchFault

RECORDIO_MAGIC = 0xCED7230A
MEGABYTE = 1024 * 1024
_LENGTH_BITS = 29
"""Bits for the length in a RecordIO header; the upper three mark multi-part records, which do not occur here."""


@dataclass(frozen=True, slots=True)
class Record:
    """`bare`: the data alone, for single-record requests. `framed`: as in the file, for multi-record requests."""

    bare: bytes
    framed: bytes


Splitter = Callable[[BinaryIO, int | None], Iterator[Record]]


def payloads(data: BinaryIO, split: str, *, single: bool, limit: int | None) -> Iterator[bytes]:
    """Request bodies in order, each at most `limit` bytes (None: no limit).

    `single`: one record per body; otherwise as many as fit. Raises BatchFault for a record over the limit, and for a
    file that is not in the format of `split`.
    """
    waiting: list[bytes] = []
    size = 0
    for record in SPLITTERS[split](data, limit):
        if single:
            yield _fits(record.bare, limit)
            continue
        piece = _fits(record.framed, limit)
        if waiting and limit is not None and size + len(piece) > limit:
            yield b"".join(waiting)
            waiting, size = [], 0
        waiting.append(piece)
        size += len(piece)
    if waiting:
        yield b"".join(waiting)


def _whole(data: BinaryIO, limit: int | None) -> Iterator[Record]:
    body = data.read(-1 if limit is None else limit + 1)
    yield Record(body, body)


def _lines(data: BinaryIO, limit: int | None) -> Iterator[Record]:
    while line := data.readline(-1 if limit is None else limit + 2):
        bare = line.rstrip(b"\r\n")
        if not bare:
            continue
        _fits(bare, limit)
        # It may fit without its line break.
        yield Record(bare, line if limit is None or len(line) <= limit else bare)


def _recordio(data: BinaryIO, limit: int | None) -> Iterator[Record]:
    while head := data.read(8):
        magic, word = struct.unpack("<II", head) if len(head) == 8 else (0, 0)
        if magic != RECORDIO_MAGIC:
            raise BatchFault("The input is not RecordIO: a record does not start with the magic number.")
        length = word & ((1 << _LENGTH_BITS) - 1)
        padding = -length % 4
        yield _framed(data, head, (length, padding), limit, "RecordIO")


def _tfrecord(data: BinaryIO, limit: int | None) -> Iterator[Record]:
    # Length, its masked CRC-32C, the data, their CRC: neither CRC is checked.
    while head := data.read(12):
        if len(head) < 12:
            raise BatchFault("The input is not TFRecord: it ends in the middle of a record header.")
        yield _framed(data, head, (struct.unpack("<Q", head[:8])[0], 4), limit, "TFRecord")


def _framed(data: BinaryIO, head: bytes, sizes: tuple[int, int], limit: int | None, kind: str) -> Record:
    """A length-prefixed record; `sizes`: of its data, and of the bytes after it."""
    length, behind = sizes
    if limit is not None and length > limit:
        raise _too_large(length, limit)
    body = data.read(length + behind)
    if len(body) < length + behind:
        raise BatchFault(f"The input is not {kind}: it ends in the middle of a record of {length} bytes.")
    return Record(body[:length], head + body)


SPLITTERS: Mapping[str, Splitter] = {"None": _whole, "Line": _lines, "RecordIO": _recordio, "TFRecord": _tfrecord}
"""By the API's SplitType."""


def _fits(piece: bytes, limit: int | None) -> bytes:
    if limit is not None and len(piece) > limit:
        raise _too_large(len(piece), limit)
    return piece


def _too_large(size: int, limit: int) -> BatchFault:
    most = f"{limit // MEGABYTE} MB" if limit >= MEGABYTE else f"{limit} bytes"
    return BatchFault(
        f"A record of at least {size} bytes exceeds MaxPayloadInMB ({most}).",
        hint="Raise MaxPayloadInMB, or set SplitType to split the input into smaller records.",
    )

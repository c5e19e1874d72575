"""Read JSON Lines and CSV, a few records at a time, and write JSON Lines.

Records are bounded by `LONGEST`, so memory is bounded whatever the file. A record that cannot be read is an error in
its place; a file that cannot be divided into records is refused when the job is planned.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from mooring.batch.formats import ERROR, PREDICTION, BadFile, Chunk, Failure, Result, Row, few
from mooring.batch.manifest import Shard
from mooring.errors import InvalidRequest, PayloadTooLarge, RequestError
from mooring.tasks.arrays import as_json
from mooring.tasks.body import kind
from mooring.web.text import BOM, read_json, unmarked

LONGEST = 16 << 20
"""Bytes of one record."""

# The csv module's field limit of 128 KB is per process. `_Lines` limits rows.
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True, slots=True)
class TextChunk:
    """A `Chunk` of decoded records."""

    records: Sequence[Row | RequestError]
    empty: bool = True
    """Whether an empty text is a value; in CSV it means that there is none."""

    def rows(self) -> Sequence[Row | RequestError]:
        """See `Chunk.rows`."""
        if self.empty:
            return self.records
        return [
            one if isinstance(one, RequestError) else {name: cell for name, cell in one.items() if cell}
            for one in self.records
        ]

    def carried(self, without: frozenset[str]) -> Sequence[Row]:
        """See `Chunk.carried`."""
        return [
            {} if isinstance(one, RequestError) else {name: value for name, value in one.items() if name not in without}
            for one in self.records
        ]

    def schema(self, without: frozenset[str]) -> Any:
        """See `Chunk.schema`."""
        from mooring.batch.arrow import schema_of

        return schema_of(self.carried(without))

    def misfits(self, without: frozenset[str], schema: Any) -> Sequence[RequestError | None]:
        """See `Chunk.misfits`."""
        from mooring.batch.arrow import misfit

        return [misfit(one, schema) for one in self.carried(without)]

    def table(self, schema: Any) -> Any:
        """See `Chunk.table`."""
        from mooring.batch.arrow import table_of

        return table_of(self.carried(frozenset()), schema)


class JsonLines:
    """A `Reader`."""

    def boundaries(self, file: BinaryIO, rows: int) -> Iterator[tuple[int, int, int]]:
        """See `Reader.boundaries`."""
        return _grouped((at for at, line in _lines(file, _start(file)) if line is None or line.strip()), rows)

    def columns(self, file: BinaryIO) -> list[str] | None:  # noqa: ARG002 - the protocol's
        """See `Reader.columns`."""
        return None

    def read(self, file: BinaryIO, shard: Shard) -> Iterator[Chunk]:
        """See `Reader.read`."""
        lines = (line for _, line in _lines(file, shard.at) if line is None or line.strip())
        for some in few(islice(lines, shard.rows)):
            yield TextChunk([_decoded(line) for line in some])


def _decoded(line: bytes | None) -> Row | RequestError:
    if line is None:
        return _too_long()
    try:
        value = read_json(line, "")
    except RequestError as error:
        return error
    return value if isinstance(value, dict) else InvalidRequest(f"Expected an object, found {kind(value)}.")


def _too_long() -> PayloadTooLarge:
    return PayloadTooLarge(f"The record has more than {LONGEST:,} bytes.")


class Csv:
    """A `Reader` of RFC 4180 with a header."""

    def boundaries(self, file: BinaryIO, rows: int) -> Iterator[tuple[int, int, int]]:
        """See `Reader.boundaries`."""
        _, at = _header(file)
        return _grouped((at for at, _ in _rows(file, at)), rows)

    def columns(self, file: BinaryIO) -> list[str] | None:
        """See `Reader.columns`."""
        return _header(file)[0]

    def read(self, file: BinaryIO, shard: Shard) -> Iterator[Chunk]:
        """See `Reader.read`."""
        header, _ = _header(file)
        cells = (cells for _, cells in _rows(file, shard.at))
        for some in few(islice(cells, shard.rows)):
            yield TextChunk([_record(header, one) for one in some], empty=False)


def _record(header: list[str], cells: list[str] | RequestError) -> Row | RequestError:
    if isinstance(cells, RequestError):
        return cells
    if len(cells) != len(header):
        return InvalidRequest(f"The row has {len(cells)} fields, but the header has {len(header)}.")
    return dict(zip(header, cells, strict=True))


def _header(file: BinaryIO) -> tuple[list[str], int]:
    """The names, and where the rows begin."""
    feed = _Lines(file, _start(file))
    names = next((cells for cells in feed.parsed() if cells), [])
    if feed.garbled:
        raise BadFile("the header is not valid UTF-8")
    names = [name.strip() for name in names]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadFile(f"the header names the column {twice!r} twice")
    return names, feed.at


def _rows(file: BinaryIO, at: int) -> Iterator[tuple[int, list[str] | RequestError]]:
    """(byte, cells) of every row that is not blank."""
    feed = _Lines(file, at)
    for cells in feed.parsed():
        if cells:
            yield feed.began, InvalidRequest("The row is not valid UTF-8.") if feed.garbled else cells


class _Lines:
    """Feeds a file to the csv module, which asks for one line after the other until it has a row."""

    def __init__(self, file: BinaryIO, at: int) -> None:
        self._file = file
        self.at = self.began = at
        self.garbled = False
        """Whether the row has bytes that are not UTF-8."""
        file.seek(at)

    def parsed(self) -> Iterator[list[str]]:
        """The rows. While one is read, `began` is its first byte, and `at` the one after it. Raises BadFile."""
        rows = csv.reader(iter(self._line, ""), strict=True)
        while True:
            self.began, self.garbled = self.at, False
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise BadFile(f"the row at byte {self.began} is not valid CSV: {error}") from error
            yield cells

    def _line(self) -> str:
        line = self._file.readline(LONGEST + 1)
        self.at += len(line)
        if self.at - self.began > LONGEST:
            raise BadFile(f"the row at byte {self.began} has more than {LONGEST:,} bytes; a quote may be missing")
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.garbled = True
            return line.decode(errors="replace")


def _grouped(places: Iterator[int], rows: int) -> Iterator[tuple[int, int, int]]:
    for first in places:
        yield 1 + sum(1 for _ in islice(places, rows - 1)), first, 0


def _start(file: BinaryIO) -> int:
    """Where the text begins, after a byte order mark. Raises BadFile for UTF-16 and UTF-32."""
    file.seek(0)
    first = file.read(len(BOM) + 1)
    try:
        return len(first) - len(unmarked(first))
    except InvalidRequest as error:
        raise BadFile("it is encoded in UTF-16 or UTF-32; convert it to UTF-8, for example with iconv") from error


def _lines(file: BinaryIO, at: int) -> Iterator[tuple[int, bytes | None]]:
    """(byte, line) of every line from `at` on; None in place of one that is longer than `LONGEST`."""
    file.seek(at)
    while line := file.readline(LONGEST + 1):
        began, fits = at, len(line) <= LONGEST
        at += len(line)
        while not fits and not line.endswith(b"\n"):
            line = file.readline(LONGEST)
            if not line:
                break
            at += len(line)
        yield began, line if fits else None


class JsonLinesWriter:
    """A `Writer`."""

    def __init__(self, file: BinaryIO, without: frozenset[str]) -> None:
        """`without`: the columns that are not carried along."""
        self._file = file
        self._without = without

    def misfits(self, chunk: Chunk, without: frozenset[str]) -> Sequence[RequestError | None]:  # noqa: ARG002
        """See `Writer.misfits`."""
        return [None] * len(chunk.rows())

    def refusal(self, answer: object) -> RequestError | None:  # noqa: ARG002 - the protocol's
        """See `Writer.refusal`."""
        return None

    def write(self, chunk: Chunk, results: Sequence[Result]) -> None:
        """See `Writer.write`."""
        for carried, result in zip(chunk.carried(self._without), results, strict=True):
            added = {ERROR: result} if isinstance(result, Failure) else {PREDICTION: result.answer}
            self._file.write(as_json({**carried, **added}) + b"\n")

    def close(self) -> None:
        """See `Writer.close`."""

    def drop(self) -> None:
        """See `Writer.drop`."""

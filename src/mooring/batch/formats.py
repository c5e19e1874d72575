"""The formats of corpora and answers. Each has one owner, which is imported when it is needed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any, BinaryIO, Protocol, TypeVar

import msgspec

from mooring.batch.manifest import Shard, SourceFile
from mooring.errors import MooringError, RequestError, UsageError
from mooring.opened import Outcome

CHUNK = 64
"""Records that are read, and written, in one step."""
PREDICTION = "prediction"
ERROR = "error"
ADDED = frozenset((PREDICTION, ERROR))
"""Columns of the output that the input must not have."""
MESSAGE_LIMIT = 200
"""Most characters of an error message: every record can have one."""

T = TypeVar("T")

Row = Mapping[str, Any]


class Failure(msgspec.Struct, frozen=True):
    """The error of one record, as the output has it."""

    type: str
    message: str
    """Without the hint, which is the same for all."""
    file: str
    record: int
    """Place in that file, from 1."""


Result = Outcome | Failure


class Chunk(Protocol):
    """A few successive records."""

    def rows(self) -> Sequence[Row | RequestError]:
        """All columns of each record that could be read, as the task's arguments: empty CSV cells are left out."""

    def carried(self, without: frozenset[str]) -> Sequence[Row]:
        """The other columns of each record; nothing of a record that could not be read."""

    def schema(self, without: frozenset[str]) -> Any:
        """The Arrow schema of those. Raises UsageError for values of mixed types."""

    def misfits(self, without: frozenset[str], schema: Any) -> "Sequence[RequestError | None]":
        """For each record the error of a carried column that this Arrow schema lacks or cannot hold."""

    def table(self, schema: Any) -> Any:
        """The columns of this Arrow schema as a table. A value that does not fit is null."""


class Reader(Protocol):
    """Reads one format."""

    def boundaries(self, file: BinaryIO, rows: int) -> Iterator[tuple[int, int, int]]:
        """Divide a file into ranges of about `rows` records: (records, where reading begins, records to skip there).

        Raises BadFile.
        """

    def columns(self, file: BinaryIO) -> list[str] | None:
        """The columns of the whole file; None if each record has its own. Raises BadFile."""

    def read(self, file: BinaryIO, shard: Shard) -> Iterator[Chunk]:
        """The records of a shard. Raises BadFile, and OSError."""


class Writer(Protocol):
    """Writes one part, which ends with `close` or `drop`."""

    def misfits(self, chunk: Chunk, without: frozenset[str]) -> "Sequence[RequestError | None]":
        """For each record the error of a carried column that the part cannot hold."""

    def refusal(self, answer: object) -> RequestError | None:
        """The error of an answer that the part cannot hold."""

    def write(self, chunk: Chunk, results: Sequence[Result]) -> None:
        """Append records with their results."""

    def close(self) -> None:
        """Write what is left, which completes the part."""

    def drop(self) -> None:
        """Write nothing more: the part failed."""


class BadFile(Exception):
    """A file cannot be read in its format. The message says why, without the file's name."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files."""

    suffixes: tuple[str, ...]
    reader: Callable[[], Reader]
    writes: str
    """Format of the answers, by default."""


def _jsonl() -> Reader:
    from mooring.batch.text_files import JsonLines

    return JsonLines()


def _csv() -> Reader:
    from mooring.batch.text_files import Csv

    return Csv()


def _parquet() -> Reader:
    from mooring.batch.parquet import Parquet

    return Parquet()


PARQUET = "parquet"
FORMATS: Mapping[str, Format] = {
    "jsonl": Format((".jsonl", ".ndjson"), _jsonl, "jsonl"),
    "csv": Format((".csv",), _csv, "jsonl"),
    PARQUET: Format((".parquet",), _parquet, PARQUET),
}
SUFFIXES = tuple(suffix for one in FORMATS.values() for suffix in one.suffixes)


def format_of(files: Sequence[SourceFile]) -> str:
    """The format of a corpus, by the names of its files. Raises UsageError for unknown and for several ones."""
    found: dict[str, str] = {}
    for file in files:
        suffix = PurePath(file.path).suffix.lower()
        name = next((name for name, one in FORMATS.items() if suffix in one.suffixes), None)
        if name is None:
            raise UsageError(
                f"{file.path} has the unknown suffix {suffix!r}.",
                hint=f"Supported: {', '.join(SUFFIXES)}. Rename the file, or convert it.",
            )
        found.setdefault(name, file.path)
    if len(found) > 1:
        raise UsageError(
            f"The input has files of several formats: {', '.join(found.values())}.",
            hint="Name the files of one format, such as 'folder/*.csv', and run the command for each.",
        )
    return next(iter(found))


def failure_of(error: MooringError, file: SourceFile, record: int) -> Failure:
    """The error of a record at that place."""
    message = error.message if len(error.message) <= MESSAGE_LIMIT else error.message[: MESSAGE_LIMIT - 1] + "…"
    return Failure(type(error).__name__, message, file.path, record)


def few(items: Iterable[T], most: int = CHUNK) -> Iterator[list[T]]:
    """The items in lists of `most`; the last one may be shorter."""
    source = iter(items)
    while some := list(islice(source, most)):
        yield some

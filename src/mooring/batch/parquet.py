"""Read and write Parquet.

A row group can only be decoded from its beginning, so it is divided into at most `MOST_PARTS` shards.
"""

import base64
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mooring.batch.arrow import UNFIT, fits, merged, settled, type_of
from mooring.batch.formats import ADDED, CHUNK, ERROR, PREDICTION, BadFile, Chunk, Failure, Result, Row
from mooring.batch.manifest import Shard
from mooring.errors import InvalidRequest, RequestError, UsageError
from mooring.tasks.arrays import plain

MOST_PARTS = 16
GROUP_ROWS = 10_000
GROUP_BYTES = 32 << 20
"""Rows and bytes after which a row group is written."""
UNREADABLE = (ValueError, OverflowError, pa.ArrowException)
"""What pyarrow raises for values that Python's types cannot hold."""
FAILURE = pa.struct([("type", pa.string()), ("message", pa.string()), ("file", pa.string()), ("record", pa.int64())])


@dataclass(frozen=True, slots=True)
class ArrowChunk:
    """A `Chunk` of a record batch."""

    batch: Any

    def rows(self) -> Sequence[Row | RequestError]:
        """See `Chunk.rows`."""
        return [next((one for one in row.values() if isinstance(one, RequestError)), row) for row in _rows(self.batch)]

    def carried(self, without: frozenset[str]) -> Sequence[Row]:
        """See `Chunk.carried`."""
        names = [name for name in self.batch.schema.names if name not in without]
        return [
            {name: value for name, value in row.items() if not isinstance(value, RequestError)}
            for row in _rows(self.batch.select(names))
        ]

    def schema(self, without: frozenset[str]) -> Any:
        """See `Chunk.schema`."""
        return pa.schema([field for field in self.batch.schema if field.name not in without])

    def misfits(self, without: frozenset[str], schema: Any) -> Sequence[RequestError | None]:  # noqa: ARG002
        """See `Chunk.misfits`. All files have the same schema."""
        return [None] * self.batch.num_rows

    def table(self, schema: Any) -> Any:
        """See `Chunk.table`."""
        return pa.Table.from_batches([self.batch.select(schema.names)]).cast(schema)


def _rows(batch: Any) -> list[Row]:
    """Python's values. In place of one that cannot be read is its error."""
    columns = [_values(name, column) for name, column in zip(batch.schema.names, batch.columns, strict=True)]
    return [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)] or [
        {} for _ in range(batch.num_rows)
    ]


def _values(name: str, column: Any) -> list[Any]:
    try:
        return _converted(column, _in_microseconds)
    except UNREADABLE:
        return [_value_at(name, column.slice(place, 1)) for place in range(len(column))]


def _value_at(name: str, cell: Any) -> Any:
    """A time that Python's types cannot hold, such as one with nanoseconds, becomes text."""
    with suppress(*UNREADABLE):
        return _converted(cell, _in_microseconds)[0]
    try:
        return _converted(cell, _as_text)[0]
    except UNREADABLE as error:
        return InvalidRequest(f"The value in the column {name!r} cannot be read: {error}.")


def _converted(column: Any, change: Callable[[Any], Any]) -> list[Any]:
    """Python's values of a column whose types of times were changed. Raises `UNREADABLE`."""
    values: list[Any] = column.cast(_changed(column.type, change)).to_pylist()
    return values


def _changed(kind: Any, change: Callable[[Any], Any]) -> Any:
    if pa.types.is_temporal(kind):
        return change(kind)
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_changed(field.type, change)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_changed(kind.key_type, change), _changed(kind.item_type, change))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _changed(kind.value_type, change)
        return kind if inner.equals(kind.value_type) else pa.list_(inner)
    return kind


def _in_microseconds(kind: Any) -> Any:
    """Python has no nanoseconds. For those pyarrow returns types of pandas, if that is installed."""
    if getattr(kind, "unit", "") != "ns":
        return kind
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.time64("us") if pa.types.is_time(kind) else pa.duration("us")


def _as_text(_: Any) -> Any:
    return pa.string()


class Parquet:
    """A `Reader`."""

    def __init__(self) -> None:
        self._schema: Any = None

    def boundaries(self, file: BinaryIO, rows: int) -> Iterator[tuple[int, int, int]]:
        """See `Reader.boundaries`."""
        opened = _opened(file)
        twice = next((name for name, count in Counter(opened.schema_arrow.names).items() if count > 1), None)
        if twice is not None:
            raise BadFile(f"it has several columns named {twice!r}")
        self._schema = self._schema or opened.schema_arrow
        if not self._schema.equals(opened.schema_arrow):
            raise BadFile(f"{_difference(self._schema, opened.schema_arrow)}. All files must have the same columns")
        facts = opened.metadata
        groups = [facts.row_group(number).num_rows for number in range(facts.num_row_groups)]
        rows = max(rows, -(-max(groups, default=0) // MOST_PARTS))
        group = skip = 0
        left = sum(groups)
        while left:
            while skip >= groups[group]:
                skip -= groups[group]
                group += 1
            count = min(rows, left)
            yield count, group, skip
            skip += count
            left -= count

    def columns(self, file: BinaryIO) -> list[str] | None:
        """See `Reader.columns`."""
        names: list[str] = _opened(file).schema_arrow.names
        return names

    def read(self, file: BinaryIO, shard: Shard) -> Iterator[Chunk]:
        """See `Reader.read`."""
        opened = _opened(file)
        skip, left = shard.skip, shard.rows
        try:
            # pyarrow's own threads would take cores from the engine.
            groups = range(shard.at, opened.metadata.num_row_groups)
            for batch in opened.iter_batches(CHUNK, row_groups=groups, use_threads=False):
                over = min(skip, batch.num_rows)
                some = batch.slice(over, left)
                skip -= over
                left -= some.num_rows
                if some.num_rows:
                    yield ArrowChunk(some)
                if not left:
                    return
        except pa.ArrowException as error:
            raise BadFile(str(error)) from error


def _opened(file: BinaryIO) -> Any:
    try:
        return pq.ParquetFile(file)
    except pa.ArrowException as error:
        raise BadFile(f"it is not valid Parquet: {error}") from error


def _difference(first: Any, other: Any) -> str:
    kinds, others = ({field.name: str(field.type) for field in schema} for schema in (first, other))
    for name in {**kinds, **others}:
        if kinds.get(name) != others.get(name):
            there = f"has the type {others[name]}" if name in others else "is missing"
            return f"its column {name!r} {there}; in the first file it " + (
                f"has the type {kinds[name]}" if name in kinds else "is missing"
            )
    return "its columns have another order"


def schema_text(rest: Any, answers: Sequence[object], example: Sequence[object]) -> str:
    """The schema of all parts in base64: the carried columns and the type of these sample answers. Raises UsageError.

    The answer to the task's example adds what the others lack, unless it has another shape.
    """
    try:
        kind = reduce(merged, map(type_of, answers), pa.null())
        with suppress(*UNFIT):
            kind = reduce(merged, map(type_of, example), kind)
        kind = settled(kind)
    except UNFIT as error:
        raise UsageError(
            f"The answers hold {error}, which a Parquet column cannot.", hint="Use --format jsonl."
        ) from error
    schema = pa.schema([*rest, pa.field(PREDICTION, kind), pa.field(ERROR, FAILURE)])
    return base64.b64encode(schema.serialize()).decode()


class ParquetWriter:
    """A `Writer`."""

    def __init__(self, file: BinaryIO, schema: str) -> None:
        """`schema` is from `schema_text`."""
        self._schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema)))
        self._rest = pa.schema([field for field in self._schema if field.name not in ADDED])
        self._kind = self._schema.field(PREDICTION).type
        self._writer = pq.ParquetWriter(file, self._schema)
        self._tables: list[Any] = []

    def misfits(self, chunk: Chunk, without: frozenset[str]) -> Sequence[RequestError | None]:
        """See `Writer.misfits`."""
        return chunk.misfits(without, self._rest)

    def refusal(self, answer: object) -> RequestError | None:
        """See `Writer.refusal`."""
        if fits(answer, self._kind):
            return None
        return InvalidRequest("The answer does not have the type of the first answers, which the Parquet column has.")

    def write(self, chunk: Chunk, results: Sequence[Result]) -> None:
        """See `Writer.write`."""
        answers = [None if isinstance(one, Failure) else _value(one.answer) for one in results]
        failures = [msgspec.to_builtins(one) if isinstance(one, Failure) else None for one in results]
        table = chunk.table(self._rest)
        table = table.append_column(self._schema.field(PREDICTION), pa.array(answers, type=self._kind))
        self._tables.append(table.append_column(self._schema.field(ERROR), pa.array(failures, type=FAILURE)))
        if sum(one.num_rows for one in self._tables) >= GROUP_ROWS or self._bytes() >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """See `Writer.close`."""
        self._flush()
        self._writer.close()

    def drop(self) -> None:
        """See `Writer.drop`. Otherwise pyarrow writes to the closed file when the object is deleted."""
        self._writer.is_open = False

    def _bytes(self) -> int:
        return sum(one.nbytes for one in self._tables)

    def _flush(self) -> None:
        if self._tables:
            self._writer.write_table(pa.concat_tables(self._tables))
            self._tables.clear()


def _value(answer: Any) -> Any:
    """An answer as Arrow takes it: vectors stay arrays, which is faster."""
    return answer if isinstance(answer, np.ndarray) and answer.ndim == 1 else plain(answer)

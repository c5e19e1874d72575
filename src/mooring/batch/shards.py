"""Answer one shard: read its records, answer them in order, and commit its part. The same code locally and on Ray."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from mooring.batch.formats import ADDED, FORMATS, PARQUET, BadFile, Chunk, Result, Row, Writer, failure_of
from mooring.batch.manifest import Done, Job, Shard, SourceFile, part_name
from mooring.batch.places import place_of
from mooring.errors import BackendError, InvalidRequest, MooringError, RequestError, UnreadableShard, echo
from mooring.opened import OpenModel, Outcome
from mooring.web.form import INPUTS

GIVE_UP_AFTER = 3
"""Successive records that the engine fails on, after which it is taken to be broken."""
SHOWN_COLUMNS = 20

Advance = Callable[[int], None]
"""Called with the number of records that were written."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is needed to answer any shard of a job."""

    job: Job
    output: str
    """The output folder."""
    schema: str
    """As in the manifest."""


def answer_shard(model: OpenModel, task: Task, shard: Shard, advance: Advance) -> Done:
    """Answer a shard and commit its part. Raises UnreadableShard, or BatchError if the part cannot be written."""
    job, counts = task.job, _Counts()
    output = place_of(task.output).output(task.output)
    with output.part(part_name(shard.number, job.write)) as file, _writing(task, file) as writer:
        for chunk, results in _answered(model, task, shard, writer):
            writer.write(chunk, results)
            counts.add(results)
            advance(len(results))
        if counts.records != shard.rows:
            raise unreadable(job, shard, f"it has {counts.records} of the {shard.rows} planned records")
    return Done(counts.records, counts.errors, counts.windows, counts.truncated)


@contextmanager
def _writing(task: Task, file: BinaryIO) -> Iterator[Writer]:
    writer = _writer(task, file)
    try:
        yield writer
        writer.close()
    except BaseException:
        writer.drop()
        raise


def _writer(task: Task, file: BinaryIO) -> Writer:
    if task.job.write == PARQUET:
        from mooring.batch.parquet import ParquetWriter

        return ParquetWriter(file, task.schema)
    from mooring.batch.text_files import JsonLinesWriter

    return JsonLinesWriter(file, not_carried(task.job))


class _Counts:
    def __init__(self) -> None:
        self.records = self.errors = self.windows = self.truncated = 0

    def add(self, results: Sequence[Result]) -> None:
        for one in results:
            self.records += 1
            if isinstance(one, Outcome):
                self.windows += one.windows
                self.truncated += one.truncated
            else:
                self.errors += 1


def _answered(model: OpenModel, task: Task, shard: Shard, writer: Writer) -> Iterator[tuple[Chunk, list[Result]]]:
    """The shard's chunks with their results. While one is written, the records of the next ones are computed."""
    waiting: deque[Chunk] = deque()
    sizes: deque[int] = deque()

    def items() -> Iterator[Mapping[str, Any] | RequestError]:
        for chunk in chunks_of(task.job, shard):
            calls = calls_of(task.job, chunk, writer.misfits(chunk, not_carried(task.job)))
            waiting.append(chunk)
            sizes.append(len(calls))
            yield from calls

    results: list[Result] = []
    file, place, broken = task.job.files[shard.file], shard.first, 0
    with closing(model.outcomes(items(), task=task.job.task or None)) as outcomes:
        for outcome in outcomes:
            place += 1
            broken = broken + 1 if isinstance(outcome, BackendError) else 0
            if isinstance(outcome, BackendError) and broken == GIVE_UP_AFTER:
                raise outcome
            results.append(_result(outcome, writer, file, place))
            if len(results) == sizes[0]:
                sizes.popleft()
                yield waiting.popleft(), results
                results = []


def _result(outcome: Outcome | MooringError, writer: Writer, file: SourceFile, place: int) -> Result:
    if isinstance(outcome, MooringError):
        return failure_of(outcome, file, place)
    refusal = writer.refusal(outcome.answer)
    return outcome if refusal is None else failure_of(refusal, file, place)


def chunks_of(job: Job, shard: Shard) -> Iterator[Chunk]:
    """The records of a shard. Raises UnreadableShard."""
    path = job.files[shard.file].path
    try:
        with place_of(path).open(path) as file:
            yield from FORMATS[job.read].reader().read(file, shard)
    except (OSError, BadFile) as error:
        raise unreadable(job, shard, getattr(error, "strerror", None) or str(error)) from error


def unreadable(job: Job, shard: Shard, why: str) -> UnreadableShard:
    """The error of a shard that cannot be read."""
    records = f"records {shard.first + 1:,} to {shard.first + shard.rows:,}"
    return UnreadableShard(
        f"Cannot read {records} of {job.files[shard.file].path}: {why}.",
        hint="Restore the file and run the same command again, or start a new job for the changed file.",
    )


def taken(job: Job) -> frozenset[str]:
    """The columns of the input that are arguments."""
    return frozenset(job.columns.values())


def not_carried(job: Job) -> frozenset[str]:
    """The columns that the output does not take from the input."""
    return taken(job) | ADDED


def calls_of(job: Job, chunk: Chunk, misfits: Iterable[RequestError | None]) -> list[Mapping[str, Any] | RequestError]:
    """The arguments of each record, or why it has none."""
    return [
        row if isinstance(row, RequestError) else misfit or _call(job, row)
        for row, misfit in zip(chunk.rows(), misfits, strict=True)
    ]


def _call(job: Job, row: Row) -> Mapping[str, Any] | RequestError:
    if clash := ADDED.intersection(row).difference(taken(job)):
        name = min(clash)
        return InvalidRequest(f"The record has the column {name!r}, which the output adds. Rename it.")
    found = {argument: row[column] for argument, column in job.columns.items() if column in row}
    if not found:
        columns = ", ".join(dict.fromkeys(job.columns.values()))
        return InvalidRequest(f"None of the columns {columns} is there; found {echo(list(row)[:SHOWN_COLUMNS])}.")
    if INPUTS in found and len(found) > 1:
        both = ", ".join(name for name in found if name != INPUTS)
        return InvalidRequest(f"The record has both {INPUTS} and {both}.")
    return {**found, **job.parameters}

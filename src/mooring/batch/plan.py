"""Decide what a job is: its files, columns, model and shards. Everything is fixed here, before the first answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import mooring
from mooring.batch.formats import FORMATS, PARQUET, SUFFIXES, BadFile, Chunk, Row, format_of
from mooring.batch.manifest import NAME, VERSION, Job, Manifest, Shard, SourceFile, decode, refuse_another
from mooring.batch.needs import need
from mooring.batch.patterns import has_magic
from mooring.batch.places import Output, place_of
from mooring.batch.shards import SHOWN_COLUMNS, calls_of, chunks_of, not_carried
from mooring.errors import RequestError, UsageError, echo
from mooring.model.identity import identity_of
from mooring.opened import OpenModel, Outcome
from mooring.spelling import nearest
from mooring.tasks import TASKS
from mooring.web.form import FORMS, INPUTS

MOST_SHARDS = 10_000
"""Shards of one file: the manifest is in memory, and rewritten while the job runs."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a job is to answer, and how; all except the model."""

    input: str
    output: str
    columns: Mapping[str, str]
    """Argument → column, where they differ."""
    parameters: Mapping[str, Any]
    write: str | None
    """Format of the answers, a key of `FORMATS`; None: as the input."""
    shard_rows: int


@dataclass(frozen=True, slots=True)
class Found:
    """The input and the output folder of an order."""

    files: tuple[SourceFile, ...]
    read: str
    output: Output


def find(order: Order) -> Found:
    """Look at input and output, before anything that takes time. Raises UsageError or BatchError."""
    output = place_of(order.output).output(order.output)
    # A job's own parts are no input of it, wherever its output folder is.
    every = place_of(order.input).find(order.input, SUFFIXES)
    files = tuple(file for file in every if not output.holds(file.path))
    if not files:
        where = f"{order.input}, except in the output folder" if every else order.input
        hint = f"Files are found by their suffix: {', '.join(SUFFIXES)}."
        if has_magic(order.input):
            hint = "* stands for a part of one name, ** for any number of folders, as in 'data/**/*.jsonl'."
        raise UsageError(f"There are no files in {where}.", hint=hint)
    names = output.names()
    if names and NAME not in names:
        raise UsageError(
            f"{order.output} is not empty and holds no job of `moor batch`: {', '.join(names[:3])}.",
            hint="Name another output folder, or remove this one.",
        )
    read = format_of(files)
    if PARQUET in (read, order.write):
        need("pyarrow", "batch", "Parquet")
    return Found(files, read, output)


def manifest_of(order: Order, found: Found, model: OpenModel) -> Manifest:
    """The manifest of the order's job: the one in the output folder if there is one, else a new one.

    Raises UsageError with what differs if the folder holds another job, and for a corpus that cannot be answered.
    """
    job = job_of(order, found, model.info)
    known = found.output.read(NAME)
    if known is not None:
        manifest = decode(known, f"{found.output.path}/{NAME}")
        refuse_another(manifest.job, job, found.output.path)
        return manifest
    shards = tuple(_shards(job))
    if not shards:
        raise UsageError(f"The input {order.input} contains no records.", hint="Check the files.")
    chunk = next(chunks_of(job, shards[0]), None)
    schema = _schema(job, model, chunk, _checked(job, model, chunk)) if chunk else ""
    return Manifest(VERSION, mooring.__version__, job, shards, schema)


def job_of(order: Order, found: Found, facts: Mapping[str, Any]) -> Job:
    """The job of an order with the model that has these facts, those of `OpenModel.info`. Raises UsageError."""
    described = facts.get("model", {})
    task = str(described.get("task") or "") if "tasks" in described else ""
    _check_names(task, order.columns)
    names = [*(TASKS[task].columns if task else ()), INPUTS]
    if task and found.read == "csv":
        if not FORMS[task].columns:
            hint = "Convert the files to JSON Lines or Parquet."
            raise UsageError(f"{task} needs lists, and CSV cannot hold lists.", hint=hint)
        names = [name for name in names if name not in FORMS[task].not_csv]
    return Job(
        files=found.files,
        read=found.read,
        write=order.write or FORMATS[found.read].writes,
        task=task,
        columns={**{name: name for name in names}, **order.columns},
        parameters=dict(order.parameters),
        model=identity_of(facts),
        precision=str(described.get("precision", "")),
        shard_rows=order.shard_rows,
    )


def _check_names(task: str, columns: Mapping[str, str]) -> None:
    if not task:
        return
    spec = TASKS[task]
    known = (*spec.columns, INPUTS, *spec.parameters.__struct_fields__)
    for name in columns:
        if name not in known:
            near = nearest(name, known)
            hint = (
                f"Did you mean {near[0]}?" if near else f"Write --map ARGUMENT=COLUMN with one of {', '.join(known)}."
            )
            raise UsageError(f"--map: {task} has no argument {echo(name)}.", hint=hint)


def _shards(job: Job) -> Iterator[Shard]:
    """All shards, in order. Reads every byte of JSON Lines and CSV. Raises UsageError."""
    reader, number = FORMATS[job.read].reader(), 0
    for index, source in enumerate(job.files):
        try:
            with place_of(source.path).open(source.path) as file:
                ranges = _fewer(reader.boundaries(file, job.shard_rows))
        except (OSError, BadFile) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"Cannot read {source.path}: {why}.", hint="Repair the file, or leave it out.") from error
        first = 0
        for rows, at, skip in ranges:
            yield Shard(number, index, first, rows, at, skip)
            first += rows
            number += 1


def _fewer(ranges: Iterator[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """At most `MOST_SHARDS` of a file: each time there are more, every two neighbours become one."""
    found: list[tuple[int, int, int]] = []
    stride = 1
    while some := list(islice(ranges, stride)):
        _, at, skip = some[0]
        found.append((sum(rows for rows, _, _ in some), at, skip))
        if len(found) == MOST_SHARDS:
            pairs = zip(found[::2], found[1::2], strict=True)
            found = [(one + other, at, skip) for (one, at, skip), (other, _, _) in pairs]
            stride *= 2
    return found


def _checked(job: Job, model: OpenModel, chunk: Chunk) -> list[Mapping[str, Any]]:
    """The requests of the first records. Raises UsageError if the model can answer none of them."""
    rows = chunk.rows()
    calls = calls_of(job, chunk, [None] * len(rows))
    good, errors = [], []
    for call in calls:
        try:
            if isinstance(call, RequestError):
                raise call
            model.check(call, task=job.task or None)
            good.append(call)
        except RequestError as error:
            errors.append(error)
    if not good:
        first = "record" if len(rows) == 1 else f"{len(rows)} records"
        seen = dict.fromkeys(name for row in rows if not isinstance(row, RequestError) for name in row)
        columns = ", ".join(list(seen)[:SHOWN_COLUMNS]) or "none"
        raise UsageError(
            f"None of the first {first} of {job.files[0].path} can be answered: {errors[0].message} "
            f"Columns of the input: {columns}.",
            hint="Name the column of an argument with --map ARGUMENT=COLUMN, and the task with --task.",
        )
    return good


def _schema(job: Job, model: OpenModel, chunk: Chunk, calls: Sequence[Mapping[str, Any]]) -> str:
    """The schema of the parts, if they are Parquet, from the answers to the first records. Raises UsageError."""
    if job.write != PARQUET:
        return ""
    from mooring.batch.parquet import schema_text

    answers, example = (
        [one.answer for one in model.outcomes(some, task=job.task or None) if isinstance(one, Outcome)]
        for some in (calls, _example(job, model.info))
    )
    return schema_text(chunk.schema(not_carried(job)), answers, example)


def _example(job: Job, facts: Mapping[str, Any]) -> list[Row]:
    """The task's example as the arguments of a call: its answer shows types that those of the records may lack."""
    body = facts.get("example")
    if not job.task or not isinstance(body, Mapping):
        return []
    inputs = body[INPUTS]
    named = inputs if isinstance(inputs, Mapping) else {TASKS[job.task].columns[0]: inputs}
    return [{**named, **body.get("parameters", {}), **job.parameters}]

"""What a job is, and which of its shards are done: `_manifest.json` in the output folder."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mooring.errors import UsageError, echo

NAME = "_manifest.json"
VERSION = 1
MOST_SHOWN = 3
"""Most differences of one kind that a message shows."""


class SourceFile(msgspec.Struct, frozen=True):
    """A file of the corpus as it was when the job was planned."""

    path: str
    """Absolute, or s3://…"""
    size: int
    modified: int
    """Nanoseconds since 1970."""


class Shard(msgspec.Struct, frozen=True):
    """A range of records of one file."""

    number: int
    file: int
    """Index into the job's files."""
    first: int
    """Records of the file before this shard."""
    rows: int
    at: int
    """Where reading begins: a byte of the file, or a row group (Parquet)."""
    skip: int = 0
    """Records to skip from there."""


class Done(msgspec.Struct, frozen=True):
    """A shard whose part is complete."""

    records: int
    errors: int
    windows: int
    truncated: int


class Job(msgspec.Struct, frozen=True):
    """Everything that the answers depend on. A job is continued only if all of it is the same."""

    files: tuple[SourceFile, ...]
    read: str
    """Format of the input: a key of `FORMATS`."""
    write: str
    task: str
    """ "" for a model whose own code answers."""
    columns: dict[str, str]
    """Argument of the task → column of the input."""
    parameters: dict[str, Any]
    model: dict[str, str]
    """Part ("model" or "code") → digest."""
    precision: str
    shard_rows: int


class Manifest(msgspec.Struct):
    """The contents of the file."""

    version: int
    mooring: str
    """Version that planned the job."""
    job: Job
    shards: tuple[Shard, ...]
    schema: str = ""
    """Arrow schema of the parts in base64, if they are Parquet."""
    done: dict[int, Done] = {}
    """By the shard's number."""

    @property
    def left(self) -> list[Shard]:
        """The shards that are not done, in order."""
        return [shard for shard in self.shards if shard.number not in self.done]

    @property
    def records(self) -> int:
        """Records of the whole corpus."""
        return sum(shard.rows for shard in self.shards)


def part_name(number: int, kind: str) -> str:
    """The name of a shard's part."""
    return f"part-{number:05}.{kind}"


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON, one shard per line."""
    values = msgspec.to_builtins(manifest, str_keys=True)
    return (
        b"{\n" + b",\n".join(b'"%s": %s' % (name.encode(), _lined(value)) for name, value in values.items()) + b"\n}\n"
    )


def _lined(value: Any) -> bytes:
    json = msgspec.json.encode
    if isinstance(value, (list, tuple)):
        return b"[\n " + b",\n ".join(map(json, value)) + b"\n]"
    if isinstance(value, dict) and value:
        return b"{\n " + b",\n ".join(json(name) + b": " + json(part) for name, part in value.items()) + b"\n}"
    return json(value)


def decode(data: bytes, path: str) -> Manifest:
    """Raises UsageError for what is not a manifest of this version."""
    hint = "Name another output folder, or remove this one."
    try:
        version = msgspec.json.decode(data, type=dict[str, Any]).get("version")
        if version != VERSION:
            raise UsageError(f"{path} has version {echo(version)}; this Mooring reads {VERSION}.", hint=hint)
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is not a manifest of `moor batch`: {error}.", hint=hint) from error


def refuse_another(there: Job, here: Job, folder: str) -> None:
    """Raise UsageError, with what differs, unless both are the same job."""
    found = list(_differences(there, here))
    if found:
        raise UsageError(
            f"{folder} holds another job: {'; '.join(found)}.",
            hint="Repeat the command of that job to continue it, or name another output folder.",
        )


def _differences(there: Job, here: Job) -> Iterator[str]:
    yield from _files(there.files, here.files)
    for field, said in (
        ("task", "--task"),
        ("columns", "--map"),
        ("parameters", "-p"),
        ("precision", "--precision"),
        ("write", "--format"),
        ("shard_rows", "--shard-rows"),
    ):
        old, new = getattr(there, field), getattr(here, field)
        if old != new:
            yield f"{said} was {_shown(old)} and is {_shown(new)}"
    for part in sorted({*there.model, *here.model}):
        old, new = (one.model.get(part, "unknown") for one in (there, here))
        if old != new:
            yield f"the {part}'s digest was {old} and is {new}"


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, Mapping) else str(value)


def _files(there: tuple[SourceFile, ...], here: tuple[SourceFile, ...]) -> Iterator[str]:
    old, new = ({file.path: file for file in files} for files in (there, here))
    kinds = {
        "is gone": [path for path in old if path not in new],
        "is new": [path for path in new if path not in old],
        "has changed": [path for path in new if path in old and old[path] != new[path]],
    }
    for what, paths in kinds.items():
        if paths:
            more = f" and {len(paths) - MOST_SHOWN} more" if len(paths) > MOST_SHOWN else ""
            yield f"{', '.join(paths[:MOST_SHOWN])}{more} {what}"

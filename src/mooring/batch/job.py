"""Run the shards of a manifest that are not done yet, and record those that are."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Protocol

from mooring.batch.local import Ended
from mooring.batch.manifest import NAME, Done, Manifest, Shard, encode
from mooring.batch.places import Output
from mooring.batch.shards import Task
from mooring.errors import BatchError, UnreadableShard

RECORD_EVERY_S = 1.0
"""Shortest time between two writes of the manifest. What a kill loses of it is answered again."""
MOST_UNREADABLE = 10
"""Unreadable shards after which a run ends: the disk is gone."""


class Engine(Protocol):
    """Answers shards: `Local` or `Cluster`."""

    def __call__(
        self, task: Task, shards: Sequence[Shard], stopping: Callable[[], bool], /
    ) -> Generator[Ended, None, None]:
        """Yield each shard once its part is committed, in any order. Begin none after `stopping` is true."""


@dataclass(slots=True)
class Summary:
    """What came of a run."""

    total: Done
    """All shards that are done, also in earlier runs."""
    records: int
    """Records of the whole corpus."""
    parts: int
    left: int
    """Shards that are not done."""
    answered: int = 0
    """Records of this run."""
    seconds: float = 0.0
    unreadable: list[UnreadableShard] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Watch:
    """How a run is watched and stopped."""

    max_errors: int | None = None
    """Errors of the whole job above which a run ends; None for no limit."""
    stopping: Callable[[], bool] = lambda: False
    """Whether to end after the shards in hand."""
    warn: Callable[[str], None] = lambda _: None


def run(manifest: Manifest, output: Output, engine: Engine, watch: Watch) -> Summary:
    """Answer what is left and keep the manifest up to date. Raises BatchError, or what the engine raises."""
    began, before = time.monotonic(), _total(manifest).records
    unreadable: list[UnreadableShard] = []
    book = _Book(manifest, output)

    def stopping() -> bool:
        return watch.stopping() or _over(manifest, watch) or len(unreadable) >= MOST_UNREADABLE

    try:
        if manifest.left and not _over(manifest, watch):
            book.write()
            task = Task(manifest.job, output.path, manifest.schema)
            with closing(engine(task, manifest.left, stopping)) as running:
                for shard, ended in running:
                    if isinstance(ended, Done):
                        book.add(shard, ended)
                    else:
                        unreadable.append(ended)
                        watch.warn(str(ended))
    except BaseException:
        with suppress(BatchError):  # of a full disk, which the exception is about
            book.close()
        raise
    book.close()
    total = _total(manifest)
    seconds = time.monotonic() - began
    answered = total.records - before
    return Summary(total, manifest.records, len(manifest.shards), len(manifest.left), answered, seconds, unreadable)


class _Book:
    """Writes the manifest when shards are done, but not for each of many short ones."""

    def __init__(self, manifest: Manifest, output: Output) -> None:
        self._manifest, self._output = manifest, output
        self._written = 0.0
        self._stale = False

    def add(self, shard: Shard, done: Done) -> None:
        self._manifest.done[shard.number] = done
        self._stale = True
        if time.monotonic() - self._written >= RECORD_EVERY_S:
            self.write()

    def write(self) -> None:
        self._output.write(NAME, encode(self._manifest))
        self._written, self._stale = time.monotonic(), False

    def close(self) -> None:
        if self._stale:
            self.write()


def _total(manifest: Manifest) -> Done:
    done = manifest.done.values()
    return Done(
        sum(one.records for one in done),
        sum(one.errors for one in done),
        sum(one.windows for one in done),
        sum(one.truncated for one in done),
    )


def _over(manifest: Manifest, watch: Watch) -> bool:
    return watch.max_errors is not None and _total(manifest).errors > watch.max_errors

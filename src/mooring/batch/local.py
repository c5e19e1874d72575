"""Answer shards in this process, one after the other, with the model on all cores."""

from collections.abc import Callable, Generator, Sequence

from mooring.batch.manifest import Done, Shard
from mooring.batch.shards import Advance, Task, answer_shard
from mooring.errors import UnreadableShard
from mooring.opened import OpenModel

Ended = tuple[Shard, Done | UnreadableShard]
"""A shard and what came of it."""


class Local:
    """An `Engine` in this process."""

    def __init__(self, model: OpenModel, advance: Advance) -> None:
        """`advance` is told about records as they are written."""
        self._model = model
        self._advance = advance

    def __call__(
        self, task: Task, shards: Sequence[Shard], stopping: Callable[[], bool]
    ) -> Generator[Ended, None, None]:
        """See `Engine`. Raises BatchError, or what the model's engine raises."""
        for shard in shards:
            if stopping():
                return
            try:
                yield shard, answer_shard(self._model, task, shard, self._advance)
            except UnreadableShard as error:
                yield shard, error

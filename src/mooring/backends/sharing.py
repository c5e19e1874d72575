"""Let several models in one process take turns on one set of cores."""

import threading
from collections.abc import Mapping, Sequence

from mooring.backends.base import Backend, Outputs, OutputSpec, ShapeGrid, Window


class TurnTaking:
    """A backend that computes only while it holds a lock shared with others.

    Each uses every core, so running at the same time would only slow both down.
    """

    def __init__(self, backend: Backend, turn: threading.Lock) -> None:
        self._backend = backend
        self._turn = turn

    @property
    def grid(self) -> ShapeGrid:
        """From the wrapped backend."""
        return self._backend.grid

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """From the wrapped backend."""
        return self._backend.outputs

    @property
    def streams(self) -> int:
        """One: the cores are already shared."""
        return 1

    def open_streams(self) -> None:
        """Nothing to open."""

    def share(self, windows: int, free: int) -> int | None:  # noqa: ARG002 - there is one stream
        """Any number."""
        return None

    def run(self, windows: Sequence[Window], *, stream: int | None = None) -> list[Outputs]:  # noqa: ARG002 - it has none
        """Wait for the lock, then compute on every core."""
        with self._turn:
            return self._backend.run(windows)

    def info(self) -> Mapping[str, object]:
        """From the wrapped backend."""
        return self._backend.info()

    def close(self) -> None:
        """Free its memory."""
        self._backend.close()

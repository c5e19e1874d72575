"""Let several models in one process take turns on one set of cores."""

import threading
from collections.abc import Mapping, Sequence

from mooring.backends.base import Backend, Outputs, OutputSpec, ShapeGrid, Window


class TurnTaking:
    """A backend that computes only while it holds the lock that it shares with the others.

    Each of them would use every core: at the same time they would only get in each other's way.
    """

    def __init__(self, backend: Backend, turn: threading.Lock) -> None:
        self._backend = backend
        self._turn = turn

    @property
    def grid(self) -> ShapeGrid:
        """The backend's own."""
        return self._backend.grid

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """The backend's own."""
        return self._backend.outputs

    @property
    def streams(self) -> int:
        """One: the cores are shared already."""
        return 1

    def open_streams(self) -> None:
        """There are none."""

    def share(self, windows: int, free: int) -> int | None:  # noqa: ARG002 - there is one stream
        """Any number."""
        return None

    def run(self, windows: Sequence[Window], *, stream: int | None = None) -> list[Outputs]:  # noqa: ARG002 - it has none
        """Wait for the turn, compute on every core."""
        with self._turn:
            return self._backend.run(windows)

    def info(self) -> Mapping[str, object]:
        """The backend's own."""
        return self._backend.info()

    def close(self) -> None:
        """Give its memory back."""
        self._backend.close()

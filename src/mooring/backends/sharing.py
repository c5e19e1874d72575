"""Let several models in one process take turns on one set of cores."""

import threading
from collections.abc import Mapping, Sequence

from mooring.backends.base import Backend, Outputs, OutputSpec, ShapeGrid, Window


class Turns:
    """A lock that is given in the order of asking.

    A plain lock may go again and again to the thread that has just released it, and the other models would starve.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._asked = 0
        self._turn = 0

    @property
    def waiting(self) -> int:
        """How many have the turn or wait for it."""
        return self._asked - self._turn

    def __enter__(self) -> None:
        with self._condition:
            mine = self._asked
            self._asked += 1
            self._condition.wait_for(lambda: self._turn == mine)

    def __exit__(self, *_: object) -> None:
        with self._condition:
            self._turn += 1
            self._condition.notify_all()


class TurnTaking:
    """A backend that computes only while it has the turn, which it shares with others.

    Each uses every core, so running at the same time would only slow both down.
    """

    def __init__(self, backend: Backend, turn: Turns) -> None:
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
        """Wait for the turn, then compute on every core."""
        with self._turn:
            return self._backend.run(windows)

    def info(self) -> Mapping[str, object]:
        """From the wrapped backend."""
        return self._backend.info()

    def close(self) -> None:
        """Free its memory."""
        self._backend.close()

"""A backend without a model, for tests: its outputs depend only on a window's token ids.

Used by our tests and, through `mooring.testing`, by others'. It behaves like a real backend (the grid, one row per
window, BackendError) and refuses what a real one would fail on, so that tests cannot pass by accident.
"""

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mooring.backends.base import Outputs, OutputSpec, ShapeGrid, Window
from mooring.errors import BackendError

SMALL_GRID = ShapeGrid(lengths=(16, 32, 64, 128), batches=(1, 2, 4, 8), tokens=256)
"""Few shapes, for a short warm-up."""


def scores(window: Window) -> Outputs:
    """Start and end logits from 0 to 1: a hash of each id and its position, independent of the batch."""
    places = np.arange(len(window), dtype=np.uint32)
    mixed = (window.input_ids.astype(np.uint32) + places) * np.uint32(2654435761)
    start = (mixed >> np.uint32(16)).astype(np.float32) / np.float32(65536)
    end = (mixed & np.uint32(0xFFFF)).astype(np.float32) / np.float32(65536)
    return start, end


class Gate:
    """Blocks the worker thread inside `run` until a test releases it. Initially open."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._open = True
        self._passes = 0
        self._held = 0

    def close(self) -> None:
        """Make every batch wait here."""
        with self._condition:
            self._open = False

    def open(self) -> None:
        """Let all batches through, now and later."""
        with self._condition:
            self._open = True
            self._condition.notify_all()

    def let(self, batches: int = 1) -> None:
        """Let exactly that many batches through."""
        with self._condition:
            self._passes += batches
            self._condition.notify_all()

    def wait_held(self, batches: int = 1, timeout_s: float = 30.0) -> None:
        """Wait until that many batches are blocked. Raises TimeoutError. From asyncio use `asyncio.to_thread`."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._held >= batches, timeout_s):
                raise TimeoutError(f"{self._held} of {batches} batches reached the gate within {timeout_s} s")

    def pass_through(self) -> None:
        """Called by the backend: wait until released."""
        with self._condition:
            self._held += 1
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._open or self._passes > 0)
            self._held -= 1
            if not self._open:
                self._passes -= 1


class FakeBackend:
    """A fake backend. Its settings are plain attributes and may be changed between batches."""

    def __init__(
        self,
        grid: ShapeGrid = SMALL_GRID,
        *,
        streams: int = 1,
        on_run: Callable[[Sequence[Window]], None] | None = None,
    ) -> None:
        """`on_run` is called with every batch before it is computed; it may move a clock, sleep, or raise."""
        self._grid = grid
        self._streams = streams
        self._running: set[int | None] = set()
        self._lock = threading.Lock()
        self.on_run = on_run
        self.gate = Gate()
        self.logits: Callable[[Window], Outputs] = scores
        self.fail_next = 0
        """Number of next batches that raise BackendError."""
        self.poison: Callable[[Window], bool] = lambda _: False
        """A batch with a window for which this is true raises BackendError."""
        self.batches: list[tuple[int, ...]] = []
        """Window lengths of each batch passed to `run`, in order, including failed ones."""
        self.used: list[int | None] = []
        """Stream of each batch."""
        self.opened = 0
        """Number of calls of `open_streams`."""
        self.closed = False

    @property
    def grid(self) -> ShapeGrid:
        """The shapes it accepts."""
        return self._grid

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """Two numbers per token, like a span head."""
        return OutputSpec("start_logits", ("token",)), OutputSpec("end_logits", ("token",))

    @property
    def streams(self) -> int:
        """As it was made."""
        return self._streams

    def open_streams(self) -> None:
        """Count."""
        self.opened += 1

    def share(self, windows: int, free: int) -> int | None:
        """An equal share, like the real backend."""
        return -(-windows // free) or None

    def run(self, windows: Sequence[Window], *, stream: int | None = None) -> list[Outputs]:
        """Record, wait at the gate, compute. Violations of grid or streams raise AssertionError."""
        assert not self.closed, "run after close"  # noqa: S101 — a fake must detect misuse
        length = self._grid.padded_length(max(len(window) for window in windows))
        assert 1 <= len(windows) <= self._grid.max_rows(length), f"{len(windows)} × {length} is not in the grid"  # noqa: S101
        with self._lock:
            self._enter(stream)
            self.batches.append(tuple(len(window) for window in windows))
            self.used.append(stream)
        try:
            return self._compute(windows)
        finally:
            with self._lock:
                self._running.discard(stream)

    def _enter(self, stream: int | None) -> None:
        alone = stream is None or None in self._running
        assert not (self._running if alone else stream in self._running), f"{stream} beside {self._running}"  # noqa: S101
        assert stream is None or (self.opened and stream < self._streams), f"stream {stream} is not open"  # noqa: S101
        self._running.add(stream)

    def _compute(self, windows: Sequence[Window]) -> list[Outputs]:
        if self.on_run is not None:
            self.on_run(windows)
        self.gate.pass_through()
        if self.fail_next > 0:
            self.fail_next -= 1
            raise BackendError("the fake backend was told to fail")
        if any(self.poison(window) for window in windows):
            raise BackendError("the fake backend met a poisoned window")
        return [self.logits(window) for window in windows]

    def info(self) -> Mapping[str, object]:
        """Facts for `/info`."""
        return {"engine": "fake", "precision": "fp32", "threads": 1, "lengths": list(self._grid.lengths)}

    def close(self) -> None:
        """`run` must not be called afterwards."""
        self.closed = True

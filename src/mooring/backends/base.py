"""Define backends: they compute batches of token windows. Called only by the engine's worker threads.

`fake.py` is for tests; `BACKENDS` lists those that serve models.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mooring.backends.compiled import CompileCache
    from mooring.graph.source import GraphSource
    from mooring.model.manifest import Manifest

Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """One row of a batch before padding: one model input.

    `input_ids` and `token_type_ids` have shape [length], int32, length from 1 to the model's `max_positions`.
    """

    input_ids: Ids
    token_type_ids: Ids
    positions: Ids | None = None
    """[M], each below length: the tokens computed by a head with a "position" axis; None for other heads."""
    outputs: tuple[int, ...] | None = None
    """Which of the model's outputs are wanted, in this order; None for all. Others take no memory."""

    def __len__(self) -> int:
        return len(self.input_ids)


Outputs = tuple[Floats, ...]
"""One window's rows, one per output of the model, shaped as its `OutputSpec` says, without padding."""

Axis = Literal["token", "position"] | int
"""Size of an axis: the number of tokens, the number of positions, or fixed."""


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output of a model, for one window. Only token and position axes are padded, and cut to the window."""

    name: str
    axes: tuple[Axis, ...]

    def shape(self, window: Window) -> tuple[int, ...]:
        """The output's shape for this window."""
        positions = 0 if window.positions is None else len(window.positions)
        counts = {"token": len(window), "position": positions}
        return tuple(axis if isinstance(axis, int) else counts[axis] for axis in self.axes)

    def cut(self, padded: Floats, window: Window) -> Floats:
        """One row of a batch without its padding: a view."""
        return padded[tuple(slice(size) for size in self.shape(window))]


LONGEST_WARMED = 512
"""Tokens."""


@dataclass(frozen=True, slots=True)
class ShapeGrid:
    """The (batch, length) shapes that a backend computes.

    `lengths` and `batches` ascend. A window of n tokens runs at the smallest length ≥ n; k windows run at the smallest
    batch ≥ k. `batch × length` never exceeds `tokens` except at batch 1.
    """

    lengths: tuple[int, ...]
    batches: tuple[int, ...]
    tokens: int

    def padded_length(self, length: int) -> int:
        """The smallest grid length that fits `length` tokens. Raises ValueError above the largest."""
        for candidate in self.lengths:
            if candidate >= length:
                return candidate
        raise ValueError(f"a window of {length} tokens is longer than the grid's largest, {self.lengths[-1]}")

    def padded_batch(self, rows: int) -> int:
        """The smallest grid batch that fits `rows` rows."""
        for candidate in self.batches:
            if candidate >= rows:
                return candidate
        raise ValueError(f"a batch of {rows} rows is larger than the grid's largest, {self.batches[-1]}")

    def max_rows(self, length: int) -> int:
        """Most rows of padded `length` in one batch, at least 1."""
        best = 1
        for candidate in self.batches:
            if candidate * length <= self.tokens:
                best = max(best, candidate)
        return best

    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Every (batch, length) worth warming, cheapest first.

        Lengths beyond `LONGEST_WARMED` are left out: they compute so slowly that the first-time cost hardly shows, and
        warming them would delay a new request.
        """
        lengths = [n for n in self.lengths if n <= LONGEST_WARMED] or self.lengths[:1]
        pairs = {(b, n) for n in lengths for b in self.batches if b <= self.max_rows(n)}
        return tuple(sorted(pairs, key=lambda shape: (shape[0] * shape[1], shape)))


class Backend(Protocol):
    """Computes one batch at a time on all threads, or one per stream on a share of the threads.

    Two batches in two streams finish sooner than one after the other on all threads, because no step waits for the
    slower core; a single batch finishes sooner on all threads.
    """

    @property
    def streams(self) -> int:
        """Concurrent batches once `open_streams` has returned; 1: no streams."""

    def open_streams(self) -> None:
        """Prepare the streams. Done on demand: sequential requests do not need the time and memory.

        Meanwhile `run` may be called without a stream. A second call does nothing. Raises BackendError.
        """

    def share(self, windows: int, free: int) -> int | None:
        """Most windows for the next batch, given the waiting windows and free streams; None: no limit."""

    @property
    def grid(self) -> ShapeGrid:
        """The shapes that this backend computes."""

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs, in the order in which `run` returns them."""

    def run(self, windows: Sequence[Window], *, stream: int | None = None) -> list[Outputs]:
        """Compute one batch of 1 to `grid.max_rows(longest)` windows, padded to the grid internally.

        Without `stream` it uses all threads, and nothing else may run; with `stream` (from 0) each stream has one
        caller at a time. Returns one `Outputs` per window, in order. Raises BackendError if the engine fails, and stays
        usable.
        """

    def info(self) -> Mapping[str, object]:
        """Engine, version, precision, threads and CPU features, for `/info` and the start-up line."""

    def close(self) -> None:
        """Free memory and threads. `run` must not be called afterwards."""


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """Options for opening a model."""

    precision: str
    """As chosen by `BackendKind.choose`, or the graph's precision."""
    dequantize: bool = False
    """Compute int8 operations of the graph in floating point."""
    threads: int = 0
    """0: every core."""
    streams: int = 0
    """Most concurrent batches; 0: the default, 1: no streams."""
    shared: bool = False
    """Whether several models share the process and its memory."""
    cache: "CompileCache | None" = None


@dataclass(frozen=True, slots=True)
class BackendKind:
    """A kind of backend, listed in `BACKENDS`."""

    name: str
    choose: "Callable[[Manifest, str | None], BackendChoice]"
    """(the model, the requested precision) → how it is computed on this machine. Raises UsageError."""
    open: "Callable[[GraphSource, int, BackendOptions], Backend]"
    """Compile a graph for windows of at most that many tokens; the backend then owns the source.

    Raises ModelInvalid if the graph cannot be read or compiled, UsageError for an unknown precision.
    """


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """How a model is computed on this machine."""

    precision: str
    dequantize: bool
    warnings: tuple[str, ...]
    """Set if the precision differs from the requested one or is a poor choice."""

"""What every backend does: compute batches of windows of token ids. Called by the engine's worker threads only.

`openvino.py` is real, `fake.py` for tests; `BACKENDS` lists those that serve models.
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
    """One row of a batch before padding: what the model reads at once.

    `input_ids` and `token_type_ids` have shape [length], int32, length from 1 to the model's `max_positions`.
    """

    input_ids: Ids
    token_type_ids: Ids
    positions: Ids | None = None
    """[M], each below length: the tokens that a head with a "position" axis computes; None where the head has none."""

    def __len__(self) -> int:
        return len(self.input_ids)


Outputs = tuple[Floats, ...]
"""One window's rows, one per output of the model, shaped as its `OutputSpec` says, without padding."""

Axis = Literal["token", "position"] | int
"""As many as the window has tokens, as many as it has positions, or a fixed number."""


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output of a model, for one window. Only token and position axes are padded, and cut to the window."""

    name: str
    axes: tuple[Axis, ...]

    def shape(self, window: Window) -> tuple[int, ...]:
        """What the output has for this window."""
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
    """The (batch, length) shapes a backend will compute, and nothing else.

    `lengths` and `batches` ascend. A window of n tokens runs at the smallest length ≥ n; k windows run at the smallest
    batch ≥ k. `batch × length` never exceeds `tokens` except at batch 1.
    """

    lengths: tuple[int, ...]
    batches: tuple[int, ...]
    tokens: int

    def padded_length(self, length: int) -> int:
        """The smallest length of the grid that holds `length` tokens. Raises ValueError above the largest."""
        for candidate in self.lengths:
            if candidate >= length:
                return candidate
        raise ValueError(f"a window of {length} tokens is longer than the grid's largest, {self.lengths[-1]}")

    def padded_batch(self, rows: int) -> int:
        """The smallest batch of the grid that holds `rows` rows."""
        for candidate in self.batches:
            if candidate >= rows:
                return candidate
        raise ValueError(f"a batch of {rows} rows is larger than the grid's largest, {self.batches[-1]}")

    def max_rows(self, length: int) -> int:
        """How many rows of padded `length` one batch may have, at least 1."""
        best = 1
        for candidate in self.batches:
            if candidate * length <= self.tokens:
                best = max(best, candidate)
        return best

    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Every (batch, length) worth computing before somebody needs it, cheapest first.

        Lengths beyond `LONGEST_WARMED` are not: computing takes so long there that a first time hardly shows, and a
        request that comes meanwhile would wait for it.
        """
        lengths = [n for n in self.lengths if n <= LONGEST_WARMED] or self.lengths[:1]
        pairs = {(b, n) for n in lengths for b in self.batches if b <= self.max_rows(n)}
        return tuple(sorted(pairs, key=lambda shape: (shape[0] * shape[1], shape)))


class Backend(Protocol):
    """Arrays in, arrays out: one batch at a time on all threads, or one in each of several streams with a share.

    Two batches in two streams are done sooner than one after the other on everything, for none of their steps waits for
    the slower core; one by itself is done sooner on everything.
    """

    @property
    def streams(self) -> int:
        """Batches that can be computed at the same time, once `open_streams` has returned; 1: never more than one."""

    def open_streams(self) -> None:
        """Make the streams ready: time and memory that whoever asks one thing at a time need not spend.

        While it works, `run` may be called without a stream. Again: nothing happens. Raises BackendError.
        """

    def share(self, windows: int, free: int) -> int | None:
        """How many of so many waiting windows the next batch may have, while so many streams are free; None: any."""

    @property
    def grid(self) -> ShapeGrid:
        """The shapes this backend is prepared to compute."""

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """In the order in which `run` returns them."""

    def run(self, windows: Sequence[Window], *, stream: int | None = None) -> list[Outputs]:
        """Compute one batch: 1 to `grid.max_rows(longest)` windows. Pads to the grid by itself.

        Without `stream` on all threads, and then nothing else may run; or in one of the `streams`, from 0, each with
        one caller at a time. Returns as many `Outputs` as windows, in order. Raises BackendError if the engine fails,
        and stays usable.
        """

    def info(self) -> Mapping[str, object]:
        """Engine, version, precision, threads and CPU features, for `/info` and the start-up line."""

    def close(self) -> None:
        """Give memory and threads back. Nothing may be run afterwards."""


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """How a model is opened for computing."""

    precision: str
    """As chosen by `BackendKind.choose`, or the graph's own."""
    dequantize: bool = False
    """Compute what is int8 in the graph in floating point."""
    threads: int = 0
    """0: every core."""
    streams: int = 0
    """Batches that may be computed at the same time; 0: as many as are usual, 1: never more than one."""
    shared: bool = False
    """Whether several models share the process and its memory."""
    cache: "CompileCache | None" = None


@dataclass(frozen=True, slots=True)
class BackendKind:
    """A way to compute models, listed in `BACKENDS`."""

    name: str
    choose: "Callable[[Manifest, str | None], BackendChoice]"
    """(the model, the precision asked for) → how it is computed on this machine. Raises UsageError."""
    open: "Callable[[GraphSource, int, BackendOptions], Backend]"
    """Compile a graph for windows of so many tokens at most; the source then belongs to the backend.

    Raises ModelInvalid if the graph cannot be read or compiled, UsageError for an unknown precision.
    """


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """How a model is computed on this machine."""

    precision: str
    dequantize: bool
    warnings: tuple[str, ...]
    """Where the precision is not the one asked for, or not a good one."""

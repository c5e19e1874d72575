"""What every backend does: a padded batch of token ids in, one row of numbers per output name out.

Called by the engine's worker threads only. `openvino.py` is real, `fake.py` for tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """One row of a batch before padding: what the model reads at once.

    `input_ids` and `token_type_ids` have shape [length], int32, length from 1 to the model's `max_positions`.
    """

    input_ids: Ids
    token_type_ids: Ids

    def __len__(self) -> int:
        return len(self.input_ids)


Outputs = tuple[Floats, ...]
"""One window's rows, one per output of the model, each of shape [length] with the padding already cut off."""


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
        """Every (batch, length) that can occur, cheapest first."""
        pairs = {(b, n) for n in self.lengths for b in self.batches if b <= self.max_rows(n)}
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

    @property
    def grid(self) -> ShapeGrid:
        """The shapes this backend is prepared to compute."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs in the order `run` returns them, e.g. ("start_logits", "end_logits")."""

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

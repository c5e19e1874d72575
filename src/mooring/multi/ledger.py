"""Estimate whether a model fits into memory, to refuse it before the kernel kills the process. For `registry.py`."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mooring.errors import NoMemory

MEGABYTE = 1_000_000

FACTORS = {".bin": 2.5, ".safetensors": 2.2}
"""Bytes of memory per byte of weights: int8 graphs are held as stored and as packed for the CPU; fp16 is widened to
fp32. Measured with every shape computed once: 23 MB of int8 take 125 MB, 68 MB take 250, 45 MB of fp16 take 155."""
SHAPES_BYTES = 80 * MEGABYTE
"""Bytes that every model needs for code and buffers of its shapes."""
MOST_FILES = 10_000
DEEPEST = 3
"""Levels below a model's folder that are searched."""
KEPT_FREE = 0.05
"""Fraction of the free memory that is kept for requests."""


class Ledger:
    """Tracks memory reserved for models that are loading; free memory is measured each time."""

    def __init__(self, free: Callable[[], int | None]) -> None:
        """`free` returns the available bytes; None if unknown: then everything fits."""
        self._free = free
        self._promised: dict[str, int] = {}

    def reserve(self, name: str, folder: Path) -> None:
        """Reserve the model's memory while it loads. Raises NoMemory with the figures."""
        need = estimate(folder)
        free = self._free()
        if free is not None:
            room = int((1 - KEPT_FREE) * free) - sum(self._promised.values())
            if need > room:
                raise NoMemory(
                    f"The model needs about {need / MEGABYTE:,.0f} MB, but {max(0, room) / MEGABYTE:,.0f} MB are free.",
                    hint="Unload another model first, or give the container more memory.",
                )
        self._promised[name] = need

    def settle(self, name: str) -> None:
        """Drop the reservation: the model is loaded or has failed, so free memory reflects it."""
        self._promised.pop(name, None)


def estimate(folder: Path) -> int:
    """Estimated bytes of memory of the model in a folder.

    The search is bounded, because a caller may name any folder, even "/". Unreadable files are skipped here; opening
    the model reports them.
    """
    total = 0.0
    for path in itertools.islice(_files(folder), MOST_FILES):
        with contextlib.suppress(OSError):
            total += FACTORS[path.suffix] * path.stat().st_size if path.suffix in FACTORS and path.is_file() else 0
    return SHAPES_BYTES + int(total)


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        yield from (Path(place, name) for name in names)
        if len(Path(place).relative_to(folder).parts) >= DEEPEST:
            folders.clear()

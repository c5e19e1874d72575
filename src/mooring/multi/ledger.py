"""A model's folder in, whether it fits into memory out: refused before the kernel has to kill. For `registry.py`."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mooring.errors import NoMemory

MEGABYTE = 1_000_000

FACTORS = {".bin": 2.5, ".safetensors": 2.2}
"""Bytes in memory for each byte of weights: int8 graphs are held as stored and as packed for the CPU; halves grow to
fp32. Measured: 23 MB of int8 take 125 MB with every shape computed once, 68 MB take 250, 45 MB of fp16 take 155."""
SHAPES_BYTES = 80 * MEGABYTE
"""What every model needs for code and buffers of its shapes."""
MOST_FILES = 10_000
DEEPEST = 3
"""Levels below a model's folder that are searched."""
KEPT_FREE = 0.05
"""Part of the free memory that is left for requests."""


class Ledger:
    """Knows what was promised to models that are loading; what is free it asks each time."""

    def __init__(self, free: Callable[[], int | None]) -> None:
        """`free` says how many bytes can be taken, None if nothing is known: then everything fits."""
        self._free = free
        self._promised: dict[str, int] = {}

    def reserve(self, name: str, folder: Path) -> None:
        """Promise the model its memory while it loads. Raises NoMemory with the figures."""
        need = estimate(folder)
        free = self._free()
        if free is not None:
            room = int((1 - KEPT_FREE) * free) - sum(self._promised.values())
            if need > room:
                raise NoMemory(
                    f"The model needs about {need / MEGABYTE:,.0f} MB, {max(0, room) / MEGABYTE:,.0f} MB are free.",
                    hint="Unload another one first, or give the container more memory.",
                )
        self._promised[name] = need

    def settle(self, name: str) -> None:
        """It is loaded, or has failed: what it takes shows in what is free."""
        self._promised.pop(name, None)


def estimate(folder: Path) -> int:
    """About how many bytes of memory the model of a folder takes.

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

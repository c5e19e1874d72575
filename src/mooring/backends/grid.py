"""Which shapes, and how many batches at once, suit a CPU: the defaults, with what was measured for them."""

import os

from mooring.backends.base import ShapeGrid

LENGTHS = (16, 32, 64, 96, 128, 144, 160, 176, 192, 208, 240, 272, 320, 384, 512)
"""Lengths, dense around a question with a paragraph: 6.5 % padding on SQuAD. Each length takes about 8 MB."""
LONG_LENGTHS = (640, 768, 1024, 1280, 1536, 2048, 2560, 3072, 4096, 5120, 6144, 8192)
"""Lengths for models with longer windows: padding adds at most a quarter."""
BATCHES = (1, 2, 4, 8)
"""Batch sizes. Powers of two: compared with a length, a batch size takes little memory but time to warm."""
BATCH_TOKENS = 512
"""Most padded tokens of a batch on all cores; streams share them, so a batch takes as long in each. 1,024 were no
faster per row on the CPUs measured, and doubled the wait of a new request."""
STREAMS = 2
"""Default number of concurrent batches, if there are cores for them: with two, a slower core delays only its own batch;
more need more memory and make each answer slower."""

SPARSE_LENGTHS = (32, 64, 128, 192, 256, 384, 512)
SPARSE_BATCHES = (1, 4)
"""Lengths for processes with several models: 55 MB of shapes per model instead of 155, and a tenth more padding."""


def default_grid(max_positions: int, *, sparse: bool = False, streams: int = 1) -> ShapeGrid:
    """The shapes that are compiled and kept: each takes startup time and memory while the process lives.

    `max_positions` is the model's longest window, and the longest of the grid.
    """
    lengths = (*(SPARSE_LENGTHS if sparse else LENGTHS), *LONG_LENGTHS)
    batches = SPARSE_BATCHES if sparse else BATCHES
    return ShapeGrid((*(n for n in lengths if n < max_positions), max_positions), batches, BATCH_TOKENS // streams)


def streams_for(threads: int = 0, asked: int = 0) -> int:
    """Number of concurrent batches: at most one per thread. 0 means every core, and the default."""
    return min(threads or usable_threads(), asked or STREAMS)


def usable_threads() -> int:
    """Cores this process may run on. A container's CPU quota is not visible here: the caller passes `threads` then."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)

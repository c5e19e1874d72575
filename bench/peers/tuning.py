"""Layouts of the products that have workers and batches: processes × threads each, and b4 for batches of up to 4.

Without b4 each request is computed by itself. On a CPU that takes less of its time: SQuAD's contexts differ in length,
and who batches them in order of arrival computes padding. Each product's best layout counts, whichever it is.
"""

from typing import NamedTuple

LAYOUTS = ("2x1", "1x2", "2x1b4")
PRECISIONS = {"fp32": "fp32", "bf16": "bf16", "int8": "ort-int8"}
"""Ours → that of services/qa.py."""


class Layout(NamedTuple):
    """A layout's name, read."""

    workers: int
    threads: int
    batch: int


def read_layout(name: str) -> Layout:
    """ "2x1b4" → 2, 1, 4."""
    shape, _, batch = name.partition("b")
    workers, threads = shape.split("x")
    return Layout(int(workers), int(threads), int(batch or 1))

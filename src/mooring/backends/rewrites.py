"""A precision in, what a graph is turned into for this CPU out. Called by `openvino.py`."""

from collections.abc import Callable, Mapping
from typing import Any

from mooring.backends.cpu import avx2_alone
from mooring.graph.apart import apart
from mooring.graph.narrow import narrowed
from mooring.graph.pointwise import pointwise

QUANTISED = ("int8", "mixed")
"""The precisions with int8 products."""

REWRITES: Mapping[str, Callable[[Any], Any]] = {
    "none": lambda model: model,
    "apart": apart,
    "pointwise": lambda model: pointwise(narrowed(model)),
}
"""Name, as `/info` has it → an `openvino.Model` in, another one out."""


def rewrite_for(precision: str) -> str:
    """Of `REWRITES`, the one that this CPU computes fastest: something else than none only with AVX2 alone."""
    if not avx2_alone():
        return "none"
    return {"fp32": "apart", "int8": "pointwise", "mixed": "pointwise"}.get(precision, "none")

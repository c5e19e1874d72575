"""Choose how to rewrite a graph for this CPU. Called by `openvino.py`."""

from collections.abc import Callable, Mapping
from typing import Any

from mooring.backends.cpu import avx2_alone
from mooring.graph.apart import apart
from mooring.graph.narrow import narrowed
from mooring.graph.pointwise import pointwise

QUANTISED = ("int8", "mixed")
"""Precisions with int8 products."""

REWRITES: Mapping[str, Callable[[Any], Any]] = {
    "none": lambda model: model,
    "apart": apart,
    "pointwise": lambda model: pointwise(narrowed(model)),
}
"""Name (as in `/info`) → function from `openvino.Model` to `openvino.Model`."""


def rewrite_for(precision: str) -> str:
    """The key of `REWRITES` that this CPU computes fastest: "none" unless AVX2 is the best it has."""
    if not avx2_alone():
        return "none"
    return {"fp32": "apart", "int8": "pointwise", "mixed": "pointwise"}.get(precision, "none")

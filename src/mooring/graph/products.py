"""Recognize int8 products and quantizers in a graph. Shared by `narrow.py`, `pointwise.py` and `dequantise.py`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Node = Any
Array = npt.NDArray[Any]

LEVELS = 256
"""Levels of 8 bits."""


@dataclass(frozen=True, slots=True)
class Product:
    """Quantized activations [batch, tokens, in] × transposed int8 weights."""

    node: Node
    weights: Array
    """int8 [out, in]."""
    scales: Array
    """float32 [out, 1]: weights × scales are the real values."""

    @property
    def quantiser(self) -> Node:
        """The quantizer of the activations."""
        return self.node.input_value(0).get_node()


def product_of(node: Node) -> Product | None:
    """The product at a node; None if it does not match exactly."""
    if node.get_type_name() != "MatMul" or node.get_output_partial_shape(0).rank.get_length() != 3:
        return None
    attributes = node.get_attributes()
    quantiser, scaled = (node.input_value(index).get_node() for index in (0, 1))
    if attributes["transpose_a"] or not attributes["transpose_b"] or scaled.get_type_name() != "Multiply":
        return None
    widened, scales = (scaled.input_value(index).get_node() for index in (0, 1))
    weights = widened.input_value(0).get_node() if widened.get_type_name() == "Convert" else widened
    if not _has_one_range(quantiser) or {end.get_type_name() for end in (weights, scales)} != {"Constant"}:
        return None
    # One scale per output: the same count along the inputs would be a different layout.
    each = (weights.data.shape[0], 1)
    if weights.get_element_type().get_type_name() != "i8" or weights.data.ndim != 2 or scales.data.shape != each:
        return None
    return Product(node, weights.data, scales.data.astype(np.float32).reshape(-1, 1))


def products_of(model: Node) -> list[Product]:
    """All products of a model, in order of computation."""
    return [found for node in model.get_ordered_ops() if (found := product_of(node)) is not None]


def range_of(quantiser: Node) -> tuple[float, float]:
    """The ends of a quantizer's single range."""
    low, high = (constant(quantiser.input_value(index).get_node()).item() for index in (1, 2))
    return float(low), float(high)


def constant(node: Node) -> Array:
    """The value of a constant, also behind a Convert, as float32; empty for anything computed."""
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return node.data.astype(np.float32) if node.get_type_name() == "Constant" else np.empty(0, np.float32)


def _has_one_range(node: Node) -> bool:
    """Whether a node rounds all numbers to the same 256 levels."""
    if node.get_type_name() != "FakeQuantize" or node.get_attributes()["levels"] != LEVELS:
        return False
    ends = [constant(node.input_value(index).get_node()) for index in range(1, 5)]
    if any(end.size != 1 for end in ends):
        return False
    low, high, low_out, high_out = (end.item() for end in ends)
    # A range of zero width cannot be divided into levels.
    return bool((low, high) == (low_out, high_out) and low < high)

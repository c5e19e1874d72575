"""A graph with int8 products in, the same with activations of fewer levels out: so few that no sum is cut off.

Called by `backends/openvino.py` on CPUs with AVX2 alone, and by `build/` on others, to judge what those will answer.
They multiply with VPMADDUBSW, which adds the products of two neighbours in 16 bits and cuts off what does not fit.
Weights keep their values; the integers are the same on every CPU then.
"""

from typing import Any

import numpy as np

from mooring.graph.products import LEVELS, Array, Product, products_of, range_of
from mooring.graph.runtime import import_opset

Node = Any

LARGEST_SUM = int(np.iinfo(np.int16).max)


def narrowed(model: Node) -> Node:
    """A new `openvino.Model`; `model` is left as it was.

    Quantisers of what is no product with weights (those of attention) are left out: it is computed in floating point.
    """
    copy = model.clone()
    products = products_of(copy)
    # By the name that a node has in this process: files may give two the same friendly one.
    groups: dict[str, list[Product]] = {}
    for product in products:
        groups.setdefault(product.quantiser.get_name(), []).append(product)
    for node in copy.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize" and node.get_name() not in groups:
            node.output(0).replace(node.input_value(0))
    for group in groups.values():
        _narrow(group)
    copy.validate_nodes_and_infer_types()
    return copy


def levels_for(weights: Array) -> int:
    """How many levels activations may have, whatever they are: 128 to 256, of int8 [out, in]."""
    return min(LEVELS, LARGEST_SUM // max(1, _largest_pair(weights)) + 1)


def _narrow(products: list[Product]) -> None:
    """Give the quantiser that they share as many levels as the least of them takes.

    It says 256 all the same, for only then does OpenVINO compute in int8: its range grows, and values are held within
    the part of it that has the levels.
    """
    ops = import_opset()
    quantiser = products[0].quantiser
    steps = min(levels_for(product.weights) for product in products) - 1
    low, high = range_of(quantiser)
    step = (high - low) / steps
    # Zero stays a level: GELU's output is zero nearly everywhere.
    low = round(low / step) * step
    held = ops.clamp(quantiser.input_value(0), low, low + steps * step)
    ends = [ops.constant(np.float32(end)) for end in (low, low + (LEVELS - 1) * step)]
    fewer = ops.fake_quantize(held, *ends, *ends, LEVELS)
    for user in list(quantiser.output(0).get_target_inputs()):
        user.replace_source_output(fewer.output(0))


def _largest_pair(weights: Array) -> int:
    """The most that two neighbours (2k, 2k + 1) of a row have together, of those above and of those below zero."""
    padded = np.pad(weights.astype(np.int16), ((0, 0), (0, weights.shape[1] % 2)))
    first, second = padded[:, ::2], padded[:, 1::2]
    above = np.maximum(first, 0) + np.maximum(second, 0)
    below = np.minimum(first, 0) + np.minimum(second, 0)
    return max(int(above.max()), -int(below.min()))

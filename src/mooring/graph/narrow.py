"""Reduce the activation levels of int8 products so that no sum saturates.

Called by `backends/openvino.py` on CPUs with AVX2 only, and by `build/` on others, to predict the answers of those.
They multiply with VPMADDUBSW, which adds the products of two neighbors in 16 bits and saturates. Weights keep their
values; the integers are then the same on every CPU.
"""

from typing import Any

import numpy as np

from mooring.graph.products import LEVELS, Array, Product, products_of, range_of
from mooring.graph.runtime import import_opset

Node = Any

LARGEST_SUM = int(np.iinfo(np.int16).max)


def narrowed(model: Node) -> Node:
    """A new `openvino.Model`; `model` is unchanged.

    Quantizers of products without weights (attention) are removed: those are computed in floating point.
    """
    copy = model.clone()
    products = products_of(copy)
    # By the unique name in this process: files may give two nodes the same friendly name.
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
    """Safe number of levels for any activations of int8 weights [out, in]: 128 to 256."""
    return min(LEVELS, LARGEST_SUM // max(1, _largest_pair(weights)) + 1)


def _narrow(products: list[Product]) -> None:
    """Give the shared quantizer the smallest number of levels that its products need.

    It still declares 256, because OpenVINO computes in int8 only then: its range grows, and values are clamped to the
    part with the levels.
    """
    ops = import_opset()
    quantiser = products[0].quantiser
    steps = min(levels_for(product.weights) for product in products) - 1
    low, high = range_of(quantiser)
    step = (high - low) / steps
    # Zero must stay a level: GELU's output is mostly near zero.
    low = round(low / step) * step
    held = ops.clamp(quantiser.input_value(0), low, low + steps * step)
    ends = [ops.constant(np.float32(end)) for end in (low, low + (LEVELS - 1) * step)]
    fewer = ops.fake_quantize(held, *ends, *ends, LEVELS)
    for user in list(quantiser.output(0).get_target_inputs()):
        user.replace_source_output(fewer.output(0))


def _largest_pair(weights: Array) -> int:
    """The largest sum of two neighbors (2k, 2k + 1) of a row, of positive and of negative weights."""
    padded = np.pad(weights.astype(np.int16), ((0, 0), (0, weights.shape[1] % 2)))
    first, second = padded[:, ::2], padded[:, 1::2]
    above = np.maximum(first, 0) + np.maximum(second, 0)
    below = np.minimum(first, 0) + np.minimum(second, 0)
    return max(int(above.max()), -int(below.min()))

"""Turn token vectors into one vector per text, as sentence-transformers does: pooling, then dense layers.

Shapes: B batch, L padded length, H hidden size, D size of the vector.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mooring.families.base import Family
from mooring.graph.layers import Layers, Node
from mooring.graph.runtime import import_openvino, import_opset
from mooring.graph.tensors import Tensors
from mooring.model.sentence_transformers import Dense


@dataclass(frozen=True, slots=True)
class Pooling:
    """How the token vectors of a text become one vector. Padding is ignored."""

    modes: tuple[str, ...] = ("mean",)
    """From `POOLINGS`; the vectors of several modes are concatenated."""
    dense: tuple[tuple[Dense, Tensors], ...] = ()
    """Dense layers with their weights."""


def pooled(hidden: Node, mask: Node, pooling: Pooling, family: Family) -> Node:
    """hidden [B, L, H] and mask [B, L] of 1 and 0 → [B, D], not normalized."""
    ops = import_opset()
    weights = ops.unsqueeze(ops.convert(mask, import_openvino().Type.f32), ops.constant(np.array([2], np.int64)))
    vectors = [_MODES[mode](hidden, weights) for mode in pooling.modes]
    vector = vectors[0] if len(vectors) == 1 else ops.concat(vectors, 1)
    for layer, tensors in pooling.dense:
        vector = _dense(vector, layer, Layers(tensors, family))
    return vector


def _dense(x: Node, layer: Dense, layers: Layers) -> Node:
    ops = import_opset()
    weight = layers.weight("linear.weight", (layer.size_out, layer.size_in))
    x = ops.matmul(x, weight, False, True, name=f"{layer.folder}.linear")
    if layer.bias:
        x = ops.add(x, layers.weight("linear.bias", (layer.size_out,)))
    return x if layer.activation == "identity" else layers.activation(x, layer.activation)


def first_of(hidden: Node) -> Node:
    """The first token's vector: [B, L, H] → [B, H]."""
    ops = import_opset()
    return ops.gather(hidden, ops.constant(np.int64(0)), ops.constant(np.int64(1)))


def _total(hidden: Node, weights: Node) -> Node:
    ops = import_opset()
    return ops.reduce_sum(ops.multiply(hidden, weights), ops.constant(np.array([1], np.int64)))


def _count(weights: Node) -> Node:
    """Tokens of each text, [B, 1]."""
    return import_opset().reduce_sum(weights, import_opset().constant(np.array([1], np.int64)))


def _mean(hidden: Node, weights: Node) -> Node:
    return import_opset().divide(_total(hidden, weights), _count(weights))


def _mean_sqrt(hidden: Node, weights: Node) -> Node:
    return import_opset().divide(_total(hidden, weights), import_opset().sqrt(_count(weights)))


def _maximum(hidden: Node, weights: Node) -> Node:
    ops, lowest = import_opset(), np.float32(np.finfo(np.float32).min)
    is_token = ops.greater(weights, ops.constant(np.float32(0)))
    kept = ops.select(is_token, hidden, ops.constant(lowest))
    return ops.reduce_max(kept, ops.constant(np.array([1], np.int64)))


_MODES: Mapping[str, Callable[[Node, Node], Node]] = {
    "cls": lambda hidden, _: first_of(hidden),
    "max": _maximum,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt,
}

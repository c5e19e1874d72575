"""Implement `families.base.Layers`: the layers of encoders as nodes of an OpenVINO graph.

Used by `heads.py`. Weights have PyTorch's layout: a linear layer's is [out, in].
"""

from typing import Any

import numpy as np

from mooring.errors import ModelInvalid
from mooring.families.base import Buckets, Family
from mooring.graph.runtime import import_openvino, import_opset
from mooring.graph.tensors import Tensors

Node = Any
"""An `openvino.Node` or `openvino.Output`; the library has no type hints for them."""

MASKED = -65504.0
"""Added to the attention score of padding: the lowest fp16 value, which is finite at every precision."""

_LEGACY_NAMES = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
"""Old name → name: TensorFlow-era checkpoints use these; transformers also renames them on load."""

WRAPPERS = ("model.", "0.auto_model.", "")
"""Other prefixes of encoder weights: in wrapper classes, in sentence-transformers, bare encoders."""


def prefix_in(names: frozenset[str], family: Family) -> str:
    """The prefix of the encoder's weights; the family's own prefix if none is found."""
    table = f"{family.embeddings}.weight"
    return next((prefix for prefix in (family.prefix, *WRAPPERS) if prefix + table in names), family.prefix)


class Layers:
    """Builds layers from one model's weights and checks each weight's shape."""

    def __init__(self, tensors: Tensors, family: Family) -> None:
        self._tensors = tensors
        self._prefix = prefix_in(tensors.names(), family)
        self._ov = import_openvino()
        self._ops = import_opset()

    def weight(self, name: str, shape: tuple[int, ...]) -> Node:
        """The named weight as float32. Raises ModelInvalid if it is missing or has another shape."""
        name = self._present(name)
        seen = self._tensors.shape(name)
        if seen != shape:
            raise ModelInvalid(
                f"Weight {name} has shape {list(seen)}, but config.json implies {list(shape)}.",
                hint="The weights and config.json belong to different models. Use both from the same revision.",
            )
        return self._tensors.constant(name)

    def _present(self, name: str) -> str:
        names = self._tensors.names()
        for full in (self._prefix + name, name):
            for suffix, legacy in (("", ""), *_LEGACY_NAMES.items()):
                candidate = full.removesuffix(suffix) + legacy
                if full.endswith(suffix) and candidate in names:
                    return candidate
        raise ModelInvalid(
            f"Tensor {self._prefix}{name} (or {name}) not found in the weights.",
            hint="The checkpoint has another architecture than config.json says, or a shard is missing.",
        )

    def linear(self, x: Node, name: str, size_in: int, size_out: int) -> Node:
        """x [.., in] → x · Wᵀ + b [.., out]."""
        product = self._ops.matmul(x, self.weight(f"{name}.weight", (size_out, size_in)), False, True, name=name)
        return self._ops.add(product, self.weight(f"{name}.bias", (size_out,)))

    def layer_norm(self, x: Node, name: str, size: int, epsilon: float) -> Node:
        """x [.., H] → (x − mean) / sqrt(var + ε) · γ + β over the last axis."""
        axes = self._ops.constant(np.array([-1], np.int64))
        normal = self._ops.mvn(x, axes, True, epsilon, "inside_sqrt", name=name)
        scaled = self._ops.multiply(normal, self.weight(f"{name}.weight", (size,)))
        return self._ops.add(scaled, self.weight(f"{name}.bias", (size,)))

    def activation(self, x: Node, kind: str) -> Node:
        """One of `families.base.ACTIVATIONS`, elementwise."""
        if kind == "gelu":
            return self._ops.gelu(x, "erf")
        return {"relu": self._ops.relu, "tanh": self._ops.tanh}.get(kind, self._tanh_gelu)(x)

    def _tanh_gelu(self, x: Node) -> Node:
        return self._ops.gelu(x, "tanh")

    def embedding(self, ids: Node, name: str, rows: int, size: int) -> Node:
        """ids [B, L] → rows of the table [B, L, H]."""
        axis = self._ops.constant(np.int64(0))
        return self._ops.gather(self.weight(f"{name}.weight", (rows, size)), ids, axis, name=name)

    def row(self, name: str, rows: int, size: int) -> Node:
        """The first row of a table, [1, 1, H]."""
        first = self._ops.constant(np.array([[0]], np.int64))
        return self._ops.gather(self.weight(f"{name}.weight", (rows, size)), first, self._ops.constant(np.int64(0)))

    def positions(self, ids: Node, name: str, rows: int, size: int, padding: int | None = None) -> Node:
        """As `families.base.Layers.positions`."""
        table = self.weight(f"{name}.weight", (rows, size))
        one, zero, two = (self._ops.constant(np.array([value], np.int64)) for value in (1, 0, 2))
        if padding is None:
            length = self._ops.slice(self._ops.shape_of(ids, "i64"), one, two, one)
            return self._ops.unsqueeze(self._ops.slice(table, zero, length, one, zero), zero)
        number = self._ops.constant(np.int32(padding))
        counted = self._ops.convert(self._ops.not_equal(ids, number), self._ov.Type.i32)
        count = self._ops.cum_sum(counted, self._ops.constant(np.int64(1)))
        places = self._ops.add(self._ops.multiply(count, counted), number)
        return self._ops.gather(table, places, self._ops.constant(np.int64(0)))

    def padding_bias(self, attention_mask: Node) -> Node:
        """attention_mask [B, L] of 1 and 0 → [B, 1, 1, L]: 0 where there is a token, `MASKED` where padding."""
        mask = self._ops.convert(attention_mask, self._ov.Type.f32)
        bias = self._ops.multiply(
            self._ops.subtract(mask, self._ops.constant(np.float32(1))), self._ops.constant(np.float32(-MASKED))
        )
        return self._ops.unsqueeze(bias, self._ops.constant(np.array([1, 2], np.int64)))

    def relative_bias(self, ids: Node, name: str, heads: int, buckets: Buckets) -> Node:
        """As `families.base.Layers.relative_bias`."""
        zero, one, two = (self._ops.constant(np.array([value], np.int64)) for value in (0, 1, 2))
        # By distance first, which the compiler computes once: each batch then only looks up.
        rows = self._ops.constant(np.array(buckets.of, np.int64))
        by_distance = self._ops.transpose(
            self._ops.gather(self.weight(f"{name}.weight", (buckets.rows, heads)), rows, zero),
            self._ops.constant(np.array([1, 0], np.int64)),
        )
        length = self._ops.squeeze(self._ops.slice(self._ops.shape_of(ids, "i64"), one, two, one), zero)
        start, step = self._ops.constant(np.int64(0)), self._ops.constant(np.int64(1))
        places = self._ops.range(start, length, step, "i64")
        distances = self._ops.subtract(self._ops.unsqueeze(places, zero), self._ops.unsqueeze(places, one))
        farthest = self._ops.constant(np.int64(len(buckets.of) // 2))
        return self._ops.unsqueeze(self._ops.gather(by_distance, self._ops.add(distances, farthest), one), zero)

    def attention(self, q: Node, k: Node, v: Node, bias: Node, heads: int) -> Node:
        """As `families.base.Layers.attention`. Vaswani et al. 2017, eq. 1."""
        # One fused operator: a sixth faster in int8 than four separate ones, slightly slower in fp32.
        size = q.get_output_partial_shape(0)[2].get_length() // heads
        split = self._ops.constant(np.array([0, 0, heads, size], np.int64))
        heads_first = self._ops.constant(np.array([0, 2, 1, 3], np.int64))
        q, k, v = (self._ops.transpose(self._ops.reshape(x, split, True), heads_first) for x in (q, k, v))
        mixed = self._ops.transpose(self._ops.scaled_dot_product_attention(q, k, v, bias), heads_first)
        return self._ops.reshape(mixed, self._ops.constant(np.array([0, 0, heads * size], np.int64)), True)

    def add(self, x: Node, y: Node) -> Node:
        """x + y, broadcast as numpy does."""
        return self._ops.add(x, y)

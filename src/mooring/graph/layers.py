"""Weights in, nodes of an OpenVINO graph out: the layers that encoder families are made of.

Called by `families.py` and `heads.py`. Shapes: B batch, L padded length, H hidden size, A attention heads. Weights lie
as PyTorch has them: a linear layer's is [out, in].
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mooring.errors import ModelInvalid, ModelUnsupported, echo
from mooring.graph.runtime import import_openvino, import_opset
from mooring.graph.tensors import Tensors
from mooring.model.folder import CONFIG_FILE

Node = Any
"""An `openvino.Node` or `openvino.Output`; the library ships no types for either."""

MASKED = -65504.0
"""Added to the attention score of padding: the lowest fp16, so that it is finite at every precision we compute in."""

_LEGACY_NAMES = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
"""TensorFlow-era checkpoints on the Hub keep these names; transformers renames them on load, and so do we."""


class Layers:
    """Builds layers from one model's weights and checks each weight's shape on the way."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._ov = import_openvino()
        self._ops = import_opset()

    def weight(self, name: str, shape: tuple[int, ...]) -> Node:
        """The named weight as float32. Raises ModelInvalid on a wrong shape."""
        name = self._present(name)
        seen = self._tensors.shape(name)
        if seen != shape:
            raise ModelInvalid(
                f"weight {name} has shape {list(seen)}, but config.json asks for {list(shape)}.",
                hint="The weights and the config are of different models; take both from the same revision.",
            )
        return self._tensors.constant(name)

    def _present(self, name: str) -> str:
        names = self._tensors.names()
        if name in names:
            return name
        for suffix, legacy in _LEGACY_NAMES.items():
            candidate = name.removesuffix(suffix) + legacy
            if name.endswith(suffix) and candidate in names:
                return candidate
        raise ModelInvalid(
            f"the weights hold no tensor named {name}.",
            hint="The checkpoint is of another architecture than config.json says, or a shard is missing.",
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

    def activation(self, x: Node, config: Mapping[str, Any], key: str) -> Node:
        """The config's activation, gelu if it names none. Raises ModelUnsupported for one that is not known."""
        kind = config.get(key, "gelu")
        if kind == "gelu":
            return self._ops.gelu(x, "erf")
        if kind in ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"):
            return self._ops.gelu(x, "tanh")
        if kind == "relu":
            return self._ops.relu(x)
        known = "gelu, gelu_new, gelu_pytorch_tanh, gelu_fast and relu"
        raise ModelUnsupported(f"{CONFIG_FILE}: {key} is {echo(kind)}; known are {known}.")

    def embedding(self, ids: Node, name: str, rows: int, size: int) -> Node:
        """ids [B, L] → rows of the table [B, L, H]."""
        axis = self._ops.constant(np.int64(0))
        return self._ops.gather(self.weight(f"{name}.weight", (rows, size)), ids, axis, name=name)

    def positions(self, ids: Node, name: str, rows: int, size: int) -> Node:
        """The first L rows of the position table, [1, L, H]."""
        shape = self._ops.shape_of(ids, "i64")
        one, zero, two = (self._ops.constant(np.array([value], np.int64)) for value in (1, 0, 2))
        length = self._ops.slice(shape, one, two, one)
        table = self._ops.slice(self.weight(f"{name}.weight", (rows, size)), zero, length, one, zero)
        return self._ops.unsqueeze(table, zero)

    def padding_bias(self, attention_mask: Node) -> Node:
        """attention_mask [B, L] of 1 and 0 → [B, 1, 1, L]: 0 where there is a token, `MASKED` where padding."""
        mask = self._ops.convert(attention_mask, self._ov.Type.f32)
        bias = self._ops.multiply(
            self._ops.subtract(mask, self._ops.constant(np.float32(1))), self._ops.constant(np.float32(-MASKED))
        )
        return self._ops.unsqueeze(bias, self._ops.constant(np.array([1, 2], np.int64)))

    def attention(self, q: Node, k: Node, v: Node, bias: Node, heads: int) -> Node:
        """softmax(q · kᵀ / sqrt(H/A) + bias) · v over the heads, all [B, L, H]. Vaswani et al. 2017, eq. 1."""
        # One fused operator: in int8 a sixth faster here than the same thing in four, in fp32 a little slower.
        size = q.get_output_partial_shape(0)[2].get_length() // heads
        split = self._ops.constant(np.array([0, 0, heads, size], np.int64))
        heads_first = self._ops.constant(np.array([0, 2, 1, 3], np.int64))
        q, k, v = (self._ops.transpose(self._ops.reshape(x, split, True), heads_first) for x in (q, k, v))
        mixed = self._ops.transpose(self._ops.scaled_dot_product_attention(q, k, v, bias), heads_first)
        return self._ops.reshape(mixed, self._ops.constant(np.array([0, 0, heads * size], np.int64)), True)

    def add(self, x: Node, y: Node) -> Node:
        """x + y, broadcast as numpy does."""
        return self._ops.add(x, y)

"""Replace int8 matrix products by pointwise convolutions. For CPUs with AVX2 only.

Called by `backends/openvino.py`. There OpenVINO's int8 products are no faster than fp32, but int8 convolutions are
twice as fast. A product with weights is a convolution with kernel size 1: tokens are positions, features channels.
"""

from typing import Any

import numpy as np

from mooring.graph.products import LEVELS, Product, constant, product_of, products_of
from mooring.graph.runtime import import_opset

Node = Any
Output = Any

ORDER = (0, 3, 1, 2)
"""The only axis order with a fast transpose kernel in OpenVINO: both of our transposes use it."""


def pointwise(model: Node) -> Node:
    """A new `openvino.Model` that computes the same; `model` is unchanged."""
    copy = model.clone()
    rewriter = _Rewriter()
    ends = [_with_bias(product.node) for product in products_of(copy)]
    # Build all before replacing the first: until then the old graph is read.
    rewritten = [(end, rewriter.channels_first(end.output(0))) for end in ends]
    for end, output in rewritten:
        end.output(0).replace(_channels_last(output))
    copy.validate_nodes_and_infer_types()
    return copy


class _Rewriter:
    """Values [batch, tokens, channels] as [batch, channels, 1, tokens]; each is made once."""

    def __init__(self) -> None:
        self._ops = import_opset()
        self._made: dict[str, Output] = {}

    def channels_first(self, value: Output) -> Output:
        """The value channels first: computed so since the last product, or transposed."""
        name = value.get_node().get_name()
        if name not in self._made:
            made = self._rewritten(value.get_node())
            self._made[name] = _channels_first(value) if made is None else made.output(0)
        return self._made[name]

    def _rewritten(self, node: Node) -> Node | None:
        """A product, its quantizer, or an operation between it and the next; None for anything else."""
        ops, kind = self._ops, node.get_type_name()
        product = product_of(node)
        if product is not None:
            return self._convolution(product)
        if kind == "FakeQuantize":
            ends = [node.input_value(index) for index in range(1, 5)]
            return ops.fake_quantize(self.channels_first(node.input_value(0)), *ends, LEVELS)
        if not _follows_product(node):
            return None
        x, attributes = self.channels_first(node.input_value(0)), node.get_attributes()
        if kind == "Gelu":
            return ops.gelu(x, attributes["approximation_mode"].lower())
        if kind == "Clamp":
            return ops.clamp(x, attributes["min"], attributes["max"])
        other = constant(node.input_value(1).get_node()).reshape(1, -1, 1, 1)
        return ops.add(x, other) if kind == "Add" else ops.multiply(x, other)

    def _convolution(self, product: Product) -> Node:
        ops = self._ops
        weights = ops.convert(ops.constant(product.weights[:, :, None, None]), "f32")
        scaled = ops.multiply(weights, ops.constant(product.scales[:, :, None, None]))
        x = self.channels_first(product.node.input_value(0))
        return ops.convolution(x, scaled, [1, 1], [0, 0], [0, 0], [1, 1])


def _follows_product(node: Node) -> bool:
    """Whether only per-channel operations, including the node, are between a product and the node."""
    while product_of(node) is None:
        if node.get_type_name() not in ("Gelu", "Clamp") and not _has_constant(node):
            return False
        node = node.input_value(0).get_node()
    return True


def _has_constant(node: Node) -> bool:
    """Whether it adds to, or multiplies, each channel by a constant."""
    if node.get_type_name() not in ("Add", "Multiply"):
        return False
    other = constant(node.input_value(1).get_node())
    channels = node.get_output_partial_shape(0)[-1]
    # A constant [tokens, 1] has the same size if there are as many tokens as channels.
    in_channels = other.ndim > 0 and other.shape[-1] == other.size
    return other.size == 1 or (in_channels and channels.is_static and other.size == channels.get_length())


def _with_bias(product: Node) -> Node:
    """The addition of a product's bias; the product itself without one."""
    users = [port.get_node() for port in product.output(0).get_target_inputs()]
    return users[0] if len(users) == 1 and users[0].get_type_name() == "Add" and _has_constant(users[0]) else product


def _channels_first(value: Output) -> Output:
    """[batch, tokens, channels] → [batch, 1, tokens, channels] → [batch, channels, 1, tokens]."""
    ops = import_opset()
    rows = ops.unsqueeze(value, ops.constant(np.array([1], np.int64)))
    return ops.transpose(rows, ops.constant(np.array(ORDER, np.int64))).output(0)


def _channels_last(value: Output) -> Output:
    """[batch, channels, 1, tokens] → [batch, parts, channels / parts, tokens] → [batch, tokens, …] → [… channels].

    Without the reshape OpenVINO would choose a layout for the transpose without a fast kernel.
    """
    ops = import_opset()
    parts = 2 if value.get_partial_shape()[1].get_length() % 2 == 0 else 1
    split = ops.reshape(value, ops.constant(np.array([0, parts, -1, 0], np.int64)), True)
    turned = ops.transpose(split, ops.constant(np.array(ORDER, np.int64)))
    return ops.reshape(turned, ops.constant(np.array([0, 0, -1], np.int64)), True).output(0)

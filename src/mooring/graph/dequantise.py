"""Turn int8 operations of a graph into floating point. Weights keep their rounded values.

`dequantised` is for CPUs on which int8 is slow, called by `backends/openvino.py`: activations are not rounded, so
answers are closer to those of the original model. `widened` is for `build/`, which must know on any CPU what CPUs with
int8 dot products will answer: activations are rounded as there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mooring.graph.products import constant
from mooring.graph.runtime import import_opset

Node = Any
Output = Any


def dequantised(model: Node) -> Node:
    """A new `openvino.Model` without quantizers, its int8 weights as float32; `model` is unchanged."""
    return _in_floating_point(model, lambda quantiser: quantiser.input_value(0))


def widened(model: Node) -> Node:
    """A new `openvino.Model` with the results of `model`'s integers, up to float32 rounding."""
    return _in_floating_point(model, _rounded)


def _in_floating_point(model: Node, in_place_of: Callable[[Node], Output]) -> Node:
    copy = model.clone()
    for node in copy.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "FakeQuantize":
            node.output(0).replace(in_place_of(node))
        elif kind == "Constant" and node.get_element_type().get_type_name() in ("i8", "u8"):
            _widen(node)
    copy.validate_nodes_and_infer_types()
    return copy


def _rounded(quantiser: Node) -> Output:
    """A quantizer as plain arithmetic: if OpenVINO recognized it, it would compute in int8 again."""
    ops = import_opset()
    steps = quantiser.get_attributes()["levels"] - 1
    low, high, low_out, high_out = (constant(quantiser.input_value(index).get_node()) for index in range(1, 5))
    width = high - low
    per_step = np.divide(steps, width, out=np.zeros_like(width), where=width > 0)
    held = ops.minimum(ops.maximum(quantiser.input_value(0), ops.constant(low)), ops.constant(high))
    place = ops.round(ops.multiply(ops.subtract(held, ops.constant(low)), ops.constant(per_step)), "half_to_even")
    return ops.add(ops.multiply(place, ops.constant((high_out - low_out) / steps)), ops.constant(low_out)).output(0)


def _widen(weights: Node) -> None:
    """Replace the chain constant → Convert [→ Subtract zero point] [→ Multiply scale] by one constant.

    The compiler could do so itself, but unpacks int8 weights again in every product.
    """
    last = _only_user(weights)
    if last is None or last.get_type_name() != "Convert":
        return
    values = weights.data.astype(np.float32)
    while (user := _only_user(last)) is not None and user.get_type_name() in ("Subtract", "Multiply"):
        first, second = (user.input_value(index).get_node() for index in (0, 1))
        other = constant(second)
        if first.get_name() != last.get_name() or not other.size:
            break
        values = values - other if user.get_type_name() == "Subtract" else values * other
        last = user
    last.output(0).replace(import_opset().constant(values.astype(np.float32)).output(0))


def _only_user(node: Node) -> Node | None:
    ports = list(node.output(0).get_target_inputs())
    return ports[0].get_node() if len(ports) == 1 else None

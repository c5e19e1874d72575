"""A graph with int8 operations in, the same model in floating point out: for CPUs that int8 does no good.

Called by `backends/openvino.py`. Weights keep the values that they were rounded to; activations are no longer rounded,
so the answers are nearer to those of the model that it was made from.
"""

from typing import Any

import numpy as np

from mooring.graph.products import constant
from mooring.graph.runtime import import_opset

Node = Any


def dequantised(model: Node) -> Node:
    """A new `openvino.Model` without quantisers, its int8 weights as float32; `model` is left as it was."""
    copy = model.clone()
    for node in copy.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "FakeQuantize":
            node.output(0).replace(node.input_value(0))
        elif kind == "Constant" and node.get_element_type().get_type_name() in ("i8", "u8"):
            _widen(node)
    copy.validate_nodes_and_infer_types()
    return copy


def _widen(weights: Node) -> None:
    """Replace constant → Convert [→ Subtract zero point] [→ Multiply scale], as far as it goes, by one constant.

    The compiler could do so itself, but would rather unpack int8 weights again in every product.
    """
    last = _only_user(weights)
    if last is None or last.get_type_name() != "Convert":
        return
    values = weights.data.astype(np.float32)
    while (user := _only_user(last)) is not None and user.get_type_name() in ("Subtract", "Multiply"):
        first, second = (user.input_value(index).get_node() for index in (0, 1))
        other = constant(second)
        if first.get_friendly_name() != last.get_friendly_name() or not other.size:
            break
        values = values - other if user.get_type_name() == "Subtract" else values * other
        last = user
    last.output(0).replace(import_opset().constant(values.astype(np.float32)).output(0))


def _only_user(node: Node) -> Node | None:
    ports = list(node.output(0).get_target_inputs())
    return ports[0].get_node() if len(ports) == 1 else None

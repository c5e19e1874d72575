"""Keep quantized embedding tables small in memory: widen rows after the lookup.

Otherwise the compiler widens the whole table to float32: four times the memory, mostly for unused rows. The results are
the same: each is one int8 times one scale, before or after the lookup.
"""

from typing import Any

from mooring.graph.runtime import import_opset

Node = Any


def narrow_lookups(model: Node) -> Node:
    """A new `openvino.Model` that computes the same numbers; `model` is unchanged."""
    copy = model.clone()
    for node in copy.get_ordered_ops():
        if node.get_type_name() == "Gather":
            _narrow(node)
    copy.validate_nodes_and_infer_types()
    return copy


def _narrow(lookup: Node) -> None:
    """Reorder int8 table → Convert → Multiply by a scale per row → Gather; leave anything else."""
    scaled, ids, axis = (lookup.input_value(index) for index in range(3))
    if scaled.get_node().get_type_name() != "Multiply":
        return
    widened, scales = (scaled.get_node().input_value(index) for index in (0, 1))
    if widened.get_node().get_type_name() != "Convert" or scales.get_node().get_type_name() != "Constant":
        return
    table = widened.get_node().input_value(0)
    if table.get_node().get_type_name() != "Constant" or table.get_element_type().get_type_name() != "i8":
        return
    rows = table.get_partial_shape()[0].get_length()
    if list(scales.get_shape()) != [rows, 1] or axis.get_node().data.item() != 0:
        return
    ops = import_opset()
    wide = ops.convert(ops.gather(table, ids, axis), widened.get_element_type().get_type_name())
    replaced = ops.multiply(wide, ops.gather(scales, ids, axis), name=lookup.get_friendly_name())
    lookup.output(0).replace(replaced.output(0))

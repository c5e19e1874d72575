"""A graph in, the same graph with its activations apart from the products before them out. For CPUs with AVX2 alone.

Called by `backends/openvino.py`. OpenVINO computes an activation within the product before it, and for that leaves the
library (MLAS) that computes fp32 products fastest where there is no AVX-512: together they take longer than one after
the other. A reshape between them keeps them apart and costs nothing.
"""

from typing import Any

import numpy as np

from mooring.graph.runtime import import_opset

Node = Any


def apart(model: Node) -> Node:
    """A new `openvino.Model` that computes the same numbers; `model` is left as it was."""
    copy = model.clone()
    ops = import_opset()
    for gelu in copy.get_ordered_ops():
        size = gelu.get_output_partial_shape(0)[-1] if gelu.get_type_name() == "Gelu" else None
        if size is None or size.is_dynamic:
            continue
        x = gelu.input_value(0)
        rows = ops.reshape(x, ops.constant(np.array([-1, size.get_length()], np.int64)), False)
        users = gelu.output(0).get_target_inputs()
        gelu.input(0).replace_source_output(rows.output(0))
        gelu.validate_and_infer_types()
        back = ops.reshape(gelu.output(0), ops.shape_of(x, "i64"), False)
        for user in users:
            user.replace_source_output(back.output(0))
    copy.validate_nodes_and_infer_types()
    return copy

"""Separate activations from the matrix products before them. For CPUs with AVX2 only.

Called by `backends/openvino.py`. OpenVINO fuses an activation into the product before it, and then does not use the
library (MLAS) that is fastest for fp32 products without AVX-512: fused they are slower than separate. A reshape between
them prevents the fusion and costs nothing.
"""

from typing import Any

import numpy as np

from mooring.graph.runtime import import_opset

Node = Any


def apart(model: Node) -> Node:
    """A new `openvino.Model` that computes the same numbers; `model` is unchanged."""
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

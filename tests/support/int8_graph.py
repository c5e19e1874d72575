"""Graphs with int8 products: a single one, and the embedded model's."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import mooring
from mooring.graph.runtime import import_openvino, import_opset

EMBEDDED = Path(mooring.__file__).parent / "_embedded" / "minilm-squad" / "openvino_model.xml"


def embedded() -> Any:
    """Read anew."""
    return import_openvino().Core().read_model(str(EMBEDDED))


def product(
    weights: npt.NDArray[np.int8], *, low: Any = -1.0, high: Any = 1.0, scale: float = 0.01, bias: float | None = None
) -> Any:
    """x [batch, tokens, in] → its quantiser → × weights [out, in] → y; each product of a row times `scale`."""
    openvino, ops = import_openvino(), import_opset()
    x = ops.parameter([-1, -1, weights.shape[1]], np.float32, name="x")
    ends = [ops.constant(np.asarray(end, np.float32)) for end in (low, high)]
    scales = ops.constant(np.full((len(weights), 1), scale, np.float32))
    scaled = ops.multiply(ops.convert(ops.constant(weights), "f32"), scales)
    y = ops.matmul(ops.fake_quantize(x, *ends, *ends, 256), scaled, False, True)
    y = y if bias is None else ops.add(y, ops.constant(np.full(len(weights), bias, np.float32)))
    return openvino.Model([y], [x])

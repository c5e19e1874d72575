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


def scaled(weights: npt.NDArray[np.int8], scale: float = 0.01) -> Any:
    """int8 [out, in] as the numbers that they stand for."""
    ops = import_opset()
    scales = ops.constant(np.full((len(weights), 1), scale, np.float32))
    return ops.multiply(ops.convert(ops.constant(weights), "f32"), scales)


def product(
    weights: npt.NDArray[np.int8], *, low: Any = -1.0, high: Any = 1.0, scale: float = 0.01, bias: float | None = None
) -> Any:
    """x [batch, tokens, in] → its quantiser → × weights [out, in] → y; each product of a row times `scale`."""
    openvino, ops = import_openvino(), import_opset()
    x = ops.parameter([-1, -1, weights.shape[1]], np.float32, name="x")
    ends = [ops.constant(np.asarray(end, np.float32)) for end in (low, high)]
    y = ops.matmul(ops.fake_quantize(x, *ends, *ends, 256), scaled(weights, scale), False, True)
    y = y if bias is None else ops.add(y, ops.constant(np.full(len(weights), bias, np.float32)))
    return openvino.Model([y], [x])


def surrounded(weights: npt.NDArray[np.int8], *kinds: str) -> Any:
    """A product with a bias [n, n], in surroundings of these kinds: what else reads its values, and from which side."""
    ops = import_opset()
    x = ops.parameter([-1, -1, len(weights)], np.float32, name="x")
    ends = [ops.constant(np.float32(end)) for end in (-1, 1)]
    rounded = ops.fake_quantize(x, *ends, *ends, 256)
    shared, bias = scaled(weights), ops.constant(np.full(len(weights), 0.3, np.float32))
    y = ops.matmul(rounded, shared, False, True)
    z = ops.add(bias, y) if "bias first" in kinds else ops.add(y, bias)
    if "its quantiser is read" in kinds:
        z = ops.add(z, rounded)
    if "it is read without its bias" in kinds:
        z = ops.add(z, y)
    if "residual" in kinds:
        z = ops.add(x, z)
    if "its weights again" in kinds:
        again = ops.fake_quantize(ops.gelu(z, "erf"), *ends, *ends, 256)
        z = ops.add(ops.matmul(again, shared, False, True), z)
    return import_openvino().Model([z], [x])

"""The machine's peak at a precision: products of large matrices through the engine that serves, on all threads."""

import statistics
import time
from typing import Any

import numpy as np

from mooring.backends.openvino import HINTS
from mooring.backends.rewrites import REWRITES, rewrite_for
from mooring.graph.runtime import import_openvino, import_opset

ROWS, SIZE, CHAIN = 1024, 2048, 4
"""[1024, 2048] × [2048, 2048], four in a row: what comes in is quantised once, as between a model's layers."""
OPERATIONS = 2 * ROWS * SIZE * SIZE * CHAIN
REPEATS = 5
LEVELS = 256
HIGH = 2.0
"""Above this an int8 input is cut off: activations of [0, 2] in 256 steps."""


class Product:
    """A chain of matrix products, compiled."""

    def __init__(self, precision: str) -> None:
        """`precision` is fp32, bf16 or int8; bf16 only where the CPU has it."""
        ov = import_openvino()
        config = {"INFERENCE_PRECISION_HINT": HINTS[precision], "NUM_STREAMS": "1", "ENABLE_CPU_PINNING": "NO"}
        model = REWRITES[rewrite_for(precision)](_chain(quantised=precision == "int8"))
        self._request: Any = ov.Core().compile_model(model, "CPU", config).create_infer_request()
        self._input = np.random.default_rng(0).random((1, ROWS, SIZE), np.float32)
        self._seconds()

    def _seconds(self) -> float:
        began = time.perf_counter()
        self._request.infer([self._input], share_inputs=True, share_outputs=True)
        return time.perf_counter() - began

    def gops(self) -> float:
        """10⁹ operations a second, the median of a few runs."""
        return OPERATIONS / statistics.median(self._seconds() for _ in range(REPEATS)) / 1e9


def _chain(*, quantised: bool) -> Any:
    ov, ops = import_openvino(), import_opset()
    rng = np.random.default_rng(0)
    start = ops.parameter([1, ROWS, SIZE], np.float32, name="x")
    x = start
    for _ in range(CHAIN):
        if quantised:
            low, high = ops.constant(np.float32(0)), ops.constant(np.float32(HIGH))
            x = ops.fake_quantize(x, low, high, low, high, LEVELS)
            whole = ops.constant(rng.integers(-127, 128, (SIZE, SIZE), np.int8))
            scale = ops.constant(np.full((SIZE, 1), 1 / SIZE / 64, np.float32))
            weight = ops.multiply(ops.convert(whole, ov.Type.f32), scale)
        else:
            weight = ops.constant(rng.standard_normal((SIZE, SIZE), np.float32) / np.float32(SIZE**0.5))
        x = ops.matmul(x, weight, False, True)
    return ov.Model([ops.result(x)], [start], "product")

"""Load a checkpoint's weights into memory that OpenVINO allocates.

OpenVINO reference-counts such memory, also for compiled models, so a constant stays valid as long as anything may read
it. Memory owned by Python, or a mapped file, would be freed with the last Python object.
"""

from typing import Any

import numpy as np

from mooring.errors import ModelUnsupported
from mooring.graph.runtime import import_openvino, import_opset
from mooring.model.weights import Weights

Node = Any

_TYPES = {"F32": "f32", "F16": "f16", "BF16": "bf16"}
"""safetensors type → OpenVINO type name, for the supported types."""


class Tensors:
    """All tensors of a checkpoint, read on creation."""

    def __init__(self, weights: Weights) -> None:
        """Raises ModelInvalid if a file cannot be read completely."""
        self._ov = import_openvino()
        self._weights = weights
        self._memory: dict[str, Any] = {}
        self.hashes = weights.read(self._place)
        """File name → hex sha256 of the bytes read."""

    def names(self) -> frozenset[str]:
        """Names of all tensors."""
        return self._weights.names()

    def shape(self, name: str) -> tuple[int, ...]:
        """The tensor's shape. Raises ModelInvalid if it does not exist."""
        return self._weights.shape(name)

    def constant(self, name: str) -> Node:
        """The tensor as a float32 node. Raises ModelUnsupported for an unsupported type."""
        if (dtype := self._weights.dtype(name)) not in _TYPES:
            raise ModelUnsupported(
                f"Weight {name} is stored as {dtype}. Supported: {', '.join(_TYPES)}.",
                hint="Convert the model to one of these types first.",
            )
        ops = import_opset()
        constant = ops.constant(self._memory_of(name), shared_memory=True, name=name)
        # fp16 stays fp16 in the graph; the compiler widens it once, while repacking the weight anyway.
        return constant if dtype == "F32" else ops.convert(constant, self._ov.Type.f32)

    def _memory_of(self, name: str) -> Any:
        """An `openvino.Tensor`, created on first use; an empty one is never read."""
        if name not in self._memory:
            kind = getattr(self._ov.Type, _TYPES[self._weights.dtype(name)])
            self._memory[name] = self._ov.Tensor(kind, self._ov.Shape(list(self._weights.shape(name))))
        return self._memory[name]

    def _place(self, name: str) -> memoryview:
        if self._weights.dtype(name) not in _TYPES:
            return memoryview(bytearray(self._weights.size(name)))  # hashed, not kept
        return memoryview(self._memory_of(name).data.reshape(-1).view(np.uint8))

"""A checkpoint's weights in memory that OpenVINO allocated.

OpenVINO counts the references to such memory, also those of what it compiles: a constant made of it stays valid for as
long as anything may read it. Memory of Python's, or a mapped file, would be gone when the last Python object is.
"""

from typing import Any

import numpy as np

from mooring.errors import ModelUnsupported
from mooring.graph.runtime import import_openvino, import_opset
from mooring.model.weights import Weights

Node = Any

_TYPES = {"F32": "f32", "F16": "f16", "BF16": "bf16"}
"""safetensors type → the name of OpenVINO's, of those that graphs are built from."""


class Tensors:
    """Every tensor of a checkpoint, read when this is made."""

    def __init__(self, weights: Weights) -> None:
        """Raises ModelInvalid if a file cannot be read to its end."""
        self._ov = import_openvino()
        self._weights = weights
        self._memory: dict[str, Any] = {}
        self.hashes = weights.read(self._place)
        """File name → hex sha256 of what was read."""

    def names(self) -> frozenset[str]:
        """Of all tensors."""
        return self._weights.names()

    def shape(self, name: str) -> tuple[int, ...]:
        """Raises ModelInvalid if there is no such tensor."""
        return self._weights.shape(name)

    def constant(self, name: str) -> Node:
        """The tensor as a node of float32. Raises ModelUnsupported for a type that is no floating point of ours."""
        if (dtype := self._weights.dtype(name)) not in _TYPES:
            raise ModelUnsupported(
                f"weight {name} is stored as {dtype}; a graph can be built from {', '.join(_TYPES)}.",
                hint="Save the model in one of these first.",
            )
        ops = import_opset()
        constant = ops.constant(self._memory_of(name), shared_memory=True, name=name)
        # A half stays half in the graph; the compiler widens it once, while it repacks the weight anyway.
        return constant if dtype == "F32" else ops.convert(constant, self._ov.Type.f32)

    def _memory_of(self, name: str) -> Any:
        """An `openvino.Tensor`, made at its first use: one without elements is never read."""
        if name not in self._memory:
            kind = getattr(self._ov.Type, _TYPES[self._weights.dtype(name)])
            self._memory[name] = self._ov.Tensor(kind, self._ov.Shape(list(self._weights.shape(name))))
        return self._memory[name]

    def _place(self, name: str) -> memoryview:
        if self._weights.dtype(name) not in _TYPES:
            return memoryview(bytearray(self._weights.size(name)))  # hashed, and not kept
        return memoryview(self._memory_of(name).data.reshape(-1).view(np.uint8))

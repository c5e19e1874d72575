"""Several windows one after the other in one row, each of which sees itself alone: no padding, but a larger attention.

Built for `parts/tried.py`, to see whether it would be the better engine. Attention is computed between all tokens of
the row, and what is of another window is masked.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.engines import Shape
from mooring.backends.base import Outputs, ShapeGrid, Window
from mooring.backends.openvino import OpenVinoBackend
from mooring.graph.families import FAMILIES, Inputs
from mooring.graph.heads import HEADS
from mooring.graph.layers import MASKED, Layers, Node
from mooring.graph.runtime import import_openvino, import_opset
from mooring.graph.source import Given
from mooring.graph.tensors import Tensors
from mooring.model.config import whole
from mooring.model.folder import ModelFolder
from mooring.model.manifest import read_manifest
from mooring.model.weights import open_weights
from mooring.tasks.base import Task
from mooring.wiring.model import make_task

STEP = 16
"""Rows are padded to a multiple of it."""


class PackedLayers(Layers):
    """Positions and mask are inputs."""

    def __init__(self, tensors: Tensors, places: Node, bias: Node) -> None:
        """`places` [1, L] are positions within a window, `bias` [1, 1, L, L] what is added to attention's scores."""
        super().__init__(tensors)
        self._places, self._bias = places, bias

    def positions(self, ids: Node, name: str, rows: int, size: int) -> Node:  # noqa: ARG002 - as the base class
        """By place."""
        return self.embedding(self._places, name, rows, size)

    def padding_bias(self, attention_mask: Node) -> Node:  # noqa: ARG002 - as the base class
        """The block mask."""
        return self._bias


class PackedBackend(OpenVinoBackend):
    """Computes a batch as one row."""

    def run(self, windows: Sequence[Window], *, stream: int | None = None) -> list[Outputs]:
        """As ever."""
        request = self._request if stream is None else self._requests[stream]
        lengths = [len(window) for window in windows]
        length = -(-sum(lengths) // STEP) * STEP
        ids, types, places = (np.zeros((1, length), np.int32) for _ in range(3))
        bias = np.full((1, 1, length, length), MASKED, np.float32)
        ends = np.cumsum(lengths)
        for window, end in zip(windows, ends, strict=True):
            block = slice(end - len(window), end)
            ids[0, block], types[0, block] = window.input_ids, window.token_type_ids
            places[0, block] = np.arange(len(window))
            bias[0, 0, block, block] = 0
        bias[0, 0, ends[-1] :, 0] = 0
        arrays = {"input_ids": ids, "token_type_ids": types, "places": places, "bias": bias}
        results = request.infer({name: arrays[name] for name in self._inputs}, share_inputs=True, share_outputs=True)
        tables = [np.array(results[index], np.float32)[0] for index in range(len(self._outputs))]
        return [tuple(table[end - size : end] for table in tables) for size, end in zip(lengths, ends, strict=True)]


def packed_graph(folder: Path) -> Any:
    """An `openvino.Model` of a folder of safetensors, with inputs for places and mask."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    ov, ops = import_openvino(), import_opset()
    family = FAMILIES[config["model_type"]]
    row = {name: ops.parameter([1, -1], ov.Type.i32, name=name) for name in ("input_ids", "places")}
    if family.segments:
        row["token_type_ids"] = ops.parameter([1, -1], ov.Type.i32, name="token_type_ids")
    row["bias"] = ops.parameter([1, 1, -1, -1], ov.Type.f32, name="bias")
    layers = PackedLayers(Tensors(open_weights(ModelFolder(folder))), row["places"], row["bias"])
    hidden = family.encode(layers, config, Inputs(row["input_ids"], row["bias"], row.get("token_type_ids")))
    outputs = HEADS["question-answering"](layers, hidden, whole(config, family.hidden_size))
    model = ov.Model([ops.result(node, name=name) for name, node in outputs.items()], list(row.values()), "packed")
    for port, name in [*zip(model.inputs, row, strict=True), *zip(model.outputs, outputs, strict=True)]:
        port.get_tensor().set_names({name})
    return model


def open_packed(folder: Path, precision: str, shape: Shape) -> tuple[Task, PackedBackend]:
    """As `open_engine`, of a folder of safetensors; of `shape` only streams and tokens count."""
    manifest = read_manifest(folder, source=str(folder))
    positions = manifest.max_positions
    tokens = shape.grid(positions).tokens
    grid = ShapeGrid(tuple(range(STEP, positions + 1, STEP)), tuple(range(1, tokens // STEP + 1)), tokens)
    backend = PackedBackend(Given(lambda: packed_graph(folder)), precision=precision, grid=grid, streams=shape.streams)
    return make_task(folder, manifest), backend

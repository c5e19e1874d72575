"""Model folders opened as the server opens them, with what the server decides by itself left open. In process."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from mooring.backends.base import ShapeGrid
from mooring.backends.cpu import fast_int8, has_bf16
from mooring.backends.openvino import BATCHES, LENGTHS, STREAMS, OpenVinoBackend, default_grid
from mooring.graph.dequantise import dequantised
from mooring.graph.heads import build_graph
from mooring.graph.runtime import import_openvino
from mooring.model.manifest import GRAPH_FILES, read_manifest
from mooring.model.weights import open_weights
from mooring.tasks.base import Task
from mooring.wiring.model import make_task

EMBEDDED = Path(__file__).resolve().parents[1] / "src" / "mooring" / "_embedded" / "minilm-squad"


@dataclass(frozen=True, slots=True)
class Shape:
    """How an engine is laid out; None is as the server does it."""

    streams: int = STREAMS
    batch_tokens: int | None = None
    """Padded tokens of all batches that are computed at the same time."""
    batches: tuple[int, ...] = BATCHES
    lengths: tuple[int, ...] = LENGTHS

    def grid(self, positions: int) -> ShapeGrid:
        """For a model that reads so many tokens at once."""
        usual = default_grid(positions, streams=self.streams)
        tokens = usual.tokens if self.batch_tokens is None else self.batch_tokens // self.streams
        return ShapeGrid((*(n for n in self.lengths if n < positions), positions), self.batches, tokens)


USUAL = Shape()


def open_engine(folder: Path, precision: str, shape: Shape = USUAL) -> tuple[Task, OpenVinoBackend]:
    """A folder of safetensors, or an artefact of `moor build`; one in int8 is also computed in fp32 or bf16."""
    manifest = read_manifest(folder, source=str(folder))
    graph, close = graph_of(folder)
    backend = OpenVinoBackend(
        graph,
        precision=precision,
        grid=shape.grid(manifest.max_positions),
        streams=shape.streams,
        dequantise=manifest.precision == "int8" and precision != "int8",
        release=close,
    )
    return make_task(folder, manifest), backend


def graph_of(folder: Path) -> tuple[Any, Any]:
    """What to compile, and what to call once that is done."""
    if (folder / GRAPH_FILES[0]).is_file():
        return folder / GRAPH_FILES[0], lambda: None
    weights = open_weights(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return build_graph(config, weights), weights.close


def graph_at(folder: Path, precision: str) -> Any:
    """An `openvino.Model` of the folder; an artefact's in floating point unless `precision` is int8."""
    graph, _ = graph_of(folder)
    if not isinstance(graph, Path):
        return graph
    model = import_openvino().Core().read_model(str(graph))
    return model if precision == "int8" else dequantised(model)


def precisions() -> tuple[str, ...]:
    """What this CPU computes, int8 also where it is slow."""
    return ("fp32", "bf16", "int8") if has_bf16() else ("fp32", "int8")


def served_precision() -> str:
    """At which an int8 artefact is served here."""
    if fast_int8():
        return "int8"
    return "bf16" if has_bf16() else "fp32"


@contextmanager
def properties(more: Mapping[str, str]) -> Iterator[None]:
    """Whatever is compiled meanwhile has these properties of OpenVINO's, also over the backend's own."""
    core = import_openvino().Core
    compile_model = core.compile_model

    def compiling(self: Any, model: Any, device: str, config: Mapping[str, str]) -> Any:
        return compile_model(self, model, device, {**config, **more})

    with mock.patch.object(core, "compile_model", compiling):
        yield

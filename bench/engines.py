"""Model folders opened as the server opens them, with what the server decides by itself left open. In process."""

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
from mooring.graph.runtime import import_openvino
from mooring.graph.source import Artefact, Checkpoint, GraphSource
from mooring.model.folder import GRAPH_FILES, ModelFolder
from mooring.tasks.base import Task
from mooring.tasks.recognise import read_manifest
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
    backend = OpenVinoBackend(
        source_of(folder),
        precision=precision,
        grid=shape.grid(manifest.max_positions),
        streams=shape.streams,
        dequantise=manifest.precision == "int8" and precision != "int8",
    )
    return make_task(folder, manifest), backend


def source_of(folder: Path) -> GraphSource:
    """What to compile."""
    opened = ModelFolder(folder)
    return Artefact(opened) if opened.has(GRAPH_FILES[0]) else Checkpoint(opened, "question-answering")


def graph_at(folder: Path, precision: str) -> Any:
    """An `openvino.Model` of the folder; an artefact's in floating point unless `precision` is int8."""
    source = source_of(folder)
    model = source.model()
    source.close()
    return dequantised(model) if isinstance(source, Artefact) and precision != "int8" else model


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

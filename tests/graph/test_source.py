"""Graph sources: the same weights each time, whatever happens to their files meanwhile."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.backends.base import Outputs, ShapeGrid, Window
from mooring.backends.openvino import OpenVinoBackend
from mooring.errors import ModelInvalid
from mooring.graph.runtime import import_openvino
from mooring.graph.source import Artefact, Checkpoint, GraphSource
from mooring.model.folder import GRAPH_FILES, ModelFolder
from mooring.model.weights import SINGLE_FILE
from tests.support.golden_inputs import sequence
from tests.support.graphs import graph_of
from tests.support.tiny_models import write_tiny_bert

GRID = ShapeGrid(lengths=(32,), batches=(1, 2), tokens=64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model as safetensors and as an OpenVINO graph."""
    folder = write_tiny_bert(tmp_path / "model")
    import_openvino().save_model(graph_of(folder), str(folder / GRAPH_FILES[0]), compress_to_fp16=False)
    return folder


def checkpoint(folder: Path) -> Checkpoint:
    """Of the safetensors."""
    return Checkpoint(ModelFolder(folder), "span")


def artefact(folder: Path) -> Artefact:
    """Of the OpenVINO graph."""
    return Artefact(ModelFolder(folder))


SOURCES = [
    pytest.param(checkpoint, SINGLE_FILE, id="checkpoint"),
    pytest.param(artefact, GRAPH_FILES[1], id="artefact"),
]
Open = Callable[[Path], Any]


def run(backend: OpenVinoBackend, stream: int | None = None) -> Outputs:
    """One window."""
    return backend.run([Window(*sequence(20))], stream=stream)[0]


def same(one: Outputs, other: Outputs) -> bool:
    """To the last bit."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def replaced(path: Path, other: Path) -> None:
    """Another file under the same name."""
    shutil.copy(other, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def zeroed(path: Path, other: Path) -> None:
    """The same size, written in place."""
    path.write_bytes(bytes(path.stat().st_size))


def emptied(path: Path, other: Path) -> None:
    """Cut off in place."""
    os.truncate(path, 0)


def removed(path: Path, other: Path) -> None:
    """Gone."""
    path.unlink()


@pytest.mark.parametrize(("open_source", "name"), SOURCES)
@pytest.mark.parametrize("harm", [replaced, zeroed, emptied, removed])
def test_streams_compute_with_the_weights_that_were_loaded(
    harm: Callable[[Path, Path], None], open_source: Open, name: str, folder: Path, tmp_path: Path
) -> None:
    """They are compiled when requests first meet, long after the start: a file may mean anything by then."""
    other = write_tiny_bert(tmp_path / "other", seed=1)
    import_openvino().save_model(graph_of(other), str(other / GRAPH_FILES[0]), compress_to_fp16=False)
    backend = OpenVinoBackend(open_source(folder), precision="fp32", grid=GRID, threads=2, streams=2)
    before = run(backend)
    harm(folder / name, other / name)
    backend.open_streams()
    assert same(run(backend, stream=1), before)
    assert same(run(backend), before)
    backend.close()


@pytest.mark.parametrize(("open_source", "name"), SOURCES)
def test_hashes_are_those_of_the_files(open_source: Open, name: str, folder: Path) -> None:
    """Of the bytes that were read."""
    source: Any = open_source(folder)
    assert source.hashes[name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    source.close()


@pytest.mark.parametrize(("open_source", "name"), SOURCES)
def test_what_was_dropped_is_read_again_and_must_be_the_same(open_source: Open, name: str, folder: Path) -> None:
    """Memory is given back where a compiled model is found; a file that was written to since is refused."""
    source: GraphSource = open_source(folder)
    source.drop()
    assert source.model() is not None
    source.drop()
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(ModelInvalid, match=f"{name} was written to after the model was loaded"):
        source.model()
    source.close()

"""Provide graphs: from the files of a model folder, or from an existing model.

The weights of a graph are in memory that OpenVINO allocates and reference-counts, so it lives as long as a graph, or
anything compiled from it, may read it. Files are read, never memory-mapped.
"""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from mooring.errors import ModelInvalid
from mooring.graph.heads import build_graph
from mooring.graph.pooling import Pooling
from mooring.graph.runtime import gist, import_openvino
from mooring.graph.tensors import Tensors
from mooring.model.folder import CONFIG_FILE, GRAPH_FILES, ModelFolder
from mooring.model.reading import OpenFile
from mooring.model.sentence_transformers import SentenceRecord
from mooring.model.weights import open_weights


class GraphSource(Protocol):
    """Provides an `openvino.Model` any number of times, always with the same weights."""

    def model(self) -> Any:
        """The graph. Raises ModelInvalid or ModelUnsupported for an invalid model, or for changed files."""

    def drop(self) -> None:
        """Free the memory that only `model` needs. `model` may be called again, and then reads again."""

    def close(self) -> None:
        """Close files and free memory."""


class Given:
    """An existing graph, or a function that makes it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.model = make

    def drop(self) -> None:
        """Nothing to free."""

    def close(self) -> None:
        """Nothing to close."""


class Checkpoint:
    """A folder of safetensors; the graph is built here."""

    def __init__(self, folder: ModelFolder, head: str, sentence: SentenceRecord | None = None) -> None:
        """`head` is a key of `HEADS`; `sentence` adds the vectors of whole texts to the hidden head.

        Reads the weights. Raises what opening and reading them raises.
        """
        self._config = folder.json(CONFIG_FILE)
        self._head = head
        self._pooling = None if sentence is None or head != "hidden" else _pooling(folder.outer, sentence)
        self._weights = open_weights(folder)
        try:
            self._tensors: Tensors | None = Tensors(self._weights)
        except BaseException:
            self._weights.close()
            raise
        self.hashes = self._tensors.hashes
        """File name → hex sha256 of the bytes read."""

    def model(self) -> Any:
        """As `GraphSource.model`."""
        tensors = self._tensors
        if tensors is None:
            tensors = self._tensors = Tensors(self._weights)
            _check_same(self.hashes, tensors.hashes)
        return build_graph(self._config, tensors, self._head, self._pooling)

    def drop(self) -> None:
        """The constants of a built graph keep their own weights."""
        self._tensors = None

    def close(self) -> None:
        """As `GraphSource.close`."""
        self.drop()
        self._weights.close()


class Artefact:
    """An OpenVINO IR, as `moor build` writes it."""

    def __init__(self, folder: ModelFolder, names: tuple[str, str] = GRAPH_FILES) -> None:
        """`names` are the files of graph and weights. Reads both; the weights are hashed in the background."""
        self._graph = folder.read(names[0])
        self._graph_hash = {names[0]: folder.sha256(names[0])}
        self._file = OpenFile(folder.path / names[1])
        try:
            self._memory: Any = self._read()
        except BaseException:
            self._file.close()
            raise
        self._hash = hashed_aside(self._memory)

    @classmethod
    def at(cls, xml: Path) -> "Artefact":
        """The source of a graph file with its weights beside it."""
        return cls(ModelFolder(xml.parent), (xml.name, xml.with_suffix(".bin").name))

    @property
    def hashes(self) -> Mapping[str, str]:
        """File name → hex sha256 of the bytes read."""
        return {**self._graph_hash, self._file.path.name: self._hash.result()}

    def model(self) -> Any:
        """As `GraphSource.model`."""
        if self._memory is None:
            self._memory = self._read()
            _check_same(self.hashes, {**self.hashes, self._file.path.name: hashed_aside(self._memory).result()})
        try:
            return import_openvino().Core().read_model(self._graph, self._memory)
        except RuntimeError as error:
            names = " and ".join(self.hashes)
            raise ModelInvalid(
                f"OpenVINO cannot read {names}: {gist(error)}",
                hint="Run `moor build` again with this version.",
            ) from error

    def drop(self) -> None:
        """The constants of a loaded graph keep the weights."""
        self._memory = None

    def close(self) -> None:
        """As `GraphSource.close`."""
        self.drop()
        self._file.close()

    def _read(self) -> Any:
        ov = import_openvino()
        memory = ov.Tensor(ov.Type.u8, ov.Shape([self._file.size]))
        self._file.rewind()
        if self._file.size:
            self._file.read_into(memoryview(memory.data))
        return memory


def _pooling(folder: ModelFolder, sentence: SentenceRecord) -> Pooling:
    dense = []
    for layer in sentence.dense:
        with open_weights(ModelFolder(folder.path / layer.folder)) as weights:
            dense.append((layer, Tensors(weights)))
    return Pooling(sentence.pooling, tuple(dense))


def hashed_aside(memory: Any) -> "Future[str]":
    """The hex sha256 of an `openvino.Tensor` of bytes, computed without the GIL: up to 4 s per gigabyte."""
    executor = ThreadPoolExecutor(1)
    found = executor.submit(lambda: hashlib.sha256(memory.data).hexdigest())
    executor.shutdown(wait=False)
    return found


def _check_same(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    changed = next((name for name in before if now[name] != before[name]), None)
    if changed is not None:
        raise ModelInvalid(
            f"{changed} was written to after the model was loaded.",
            hint="Replace the whole folder instead, and restart the server to serve it.",
        )

"""Where a graph comes from: files of a model folder, or a model that is there already.

The weights of a graph lie in memory that OpenVINO allocated and counts the references to. It stays for as long as a
graph, or anything compiled from it, may read it, and goes with the last of them; files are only ever read, never
mapped.
"""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from mooring.errors import ModelInvalid
from mooring.graph.heads import Pooling, build_graph
from mooring.graph.runtime import gist, import_openvino
from mooring.graph.tensors import Tensors
from mooring.model.folder import CONFIG_FILE, GRAPH_FILES, ModelFolder
from mooring.model.reading import OpenFile
from mooring.model.weights import open_weights


class GraphSource(Protocol):
    """Gives an `openvino.Model`, as often as it is asked to, of the same weights each time."""

    def model(self) -> Any:
        """The graph. Raises ModelInvalid or ModelUnsupported for what is none, and for files that have changed."""

    def drop(self) -> None:
        """Give back the memory that only `model` needs. It may be called again, and then reads again."""

    def close(self) -> None:
        """Let go of files and memory."""


class Given:
    """A graph that is there already, or a way to make it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.model = make

    def drop(self) -> None:
        """Nothing is kept here."""

    def close(self) -> None:
        """Nothing is open."""


class Checkpoint:
    """A folder of safetensors, whose graph is built here."""

    def __init__(self, folder: ModelFolder, head: str, pooling: Pooling | None = None) -> None:
        """`head` is a key of `HEADS`. Reads the weights. Raises what opening and reading them raises."""
        self._config = folder.json(CONFIG_FILE)
        self._head, self._pooling = head, pooling
        self._weights = open_weights(folder)
        try:
            self._tensors: Tensors | None = Tensors(self._weights)
        except BaseException:
            self._weights.close()
            raise
        self.hashes = self._tensors.hashes
        """File name → hex sha256 of what was read."""

    def model(self) -> Any:
        """As `GraphSource.model`."""
        tensors = self._tensors
        if tensors is None:
            tensors = self._tensors = Tensors(self._weights)
            _check_same(self.hashes, tensors.hashes)
        return build_graph(self._config, tensors, self._head, self._pooling)

    def drop(self) -> None:
        """The constants of a graph that was built keep their own weights."""
        self._tensors = None

    def close(self) -> None:
        """As `GraphSource.close`."""
        self.drop()
        self._weights.close()


class Artefact:
    """An OpenVINO IR, as `moor build` writes it."""

    def __init__(self, folder: ModelFolder, names: tuple[str, str] = GRAPH_FILES) -> None:
        """`names` are those of the graph and of its weights. Reads both; the weights are hashed in the background."""
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
        """Of a graph with its weights beside it."""
        return cls(ModelFolder(xml.parent), (xml.name, xml.with_suffix(".bin").name))

    @property
    def hashes(self) -> Mapping[str, str]:
        """File name → hex sha256 of what was read."""
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
                f"{names} are no model that OpenVINO can read: {gist(error)}",
                hint="Build the artefact again with this version of `moor build`.",
            ) from error

    def drop(self) -> None:
        """The constants of a graph that was read keep the weights."""
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


def hashed_aside(memory: Any) -> "Future[str]":
    """The hex sha256 of an `openvino.Tensor` of bytes, computed without Python's lock: up to 4 s a gigabyte."""
    executor = ThreadPoolExecutor(1)
    found = executor.submit(lambda: hashlib.sha256(memory.data).hexdigest())
    executor.shutdown(wait=False)
    return found


def _check_same(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    changed = next((name for name in before if now[name] != before[name]), None)
    if changed is not None:
        raise ModelInvalid(
            f"{changed} was written to after the model was loaded.",
            hint="Put a new folder in its place instead, and start the server again to serve it.",
        )

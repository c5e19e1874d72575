"""Read a model's weights from safetensors files, each opened and read once.

Tensors are read into memory that the caller owns, so an engine that needs weights later keeps them alive itself.
`safetensors_file.py` reads and checks each file's header.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from mooring.errors import ModelIncomplete, ModelInvalid, echo
from mooring.model.folder import ModelFolder
from mooring.model.pickles import pickled_weights, unsafe_weights
from mooring.model.safetensors_file import MAX_TENSORS, Tensor, TensorFile, open_tensors

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"

MAX_SHARDS = 1000
"""Most weight files of one model: each stays open while the model loads."""

Place = Callable[[str], memoryview]
"""Tensor name → a writable buffer of its size."""


class Weights:
    """The tensors of one model, by name. Made by `open_weights`; usable as a context manager."""

    def __init__(self, files: list[TensorFile]) -> None:
        self._files = files
        self._tensors = {name: tensor for file in files for name, tensor in file.tensors.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files. Names, shapes and types stay available."""
        for opened in self._files:
            opened.file.close()

    def names(self) -> frozenset[str]:
        """Names of all tensors."""
        return frozenset(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """The tensor's shape. This, `dtype` and `size` raise ModelInvalid if there is no such tensor."""
        return self._tensor(name).shape

    def dtype(self, name: str) -> str:
        """The safetensors name of the type: "F32", "F16", "BF16", "I64" …"""
        return self._tensor(name).dtype

    def size(self, name: str) -> int:
        """Bytes of the tensor as stored."""
        tensor = self._tensor(name)
        return tensor.end - tensor.start

    def read(self, place: Place) -> dict[str, str]:
        """Read every tensor into the buffer that `place` returns for it; file name → hex sha256 of the file.

        Files are read from beginning to end, so the hash covers exactly the bytes read. Raises ModelInvalid if a file
        was written to meanwhile.
        """
        return {opened.file.path.name: _read(opened, place) for opened in self._files}

    @property
    def main_dtype(self) -> str:
        """The type of most of the bytes, e.g. "F16"; "" without tensors."""
        sizes: Counter[str] = Counter()
        for tensor in self._tensors.values():
            sizes[tensor.dtype] += tensor.end - tensor.start
        return sizes.most_common(1)[0][0] if sizes else ""

    def _tensor(self, name: str) -> Tensor:
        if name not in self._tensors:
            files = ", ".join(opened.file.path.name for opened in self._files)
            raise ModelInvalid(
                f"Tensor {name!r} not found in the weights ({len(self._tensors)} tensors in {files}).",
                hint="Check that config.json belongs to these weights.",
            )
        return self._tensors[name]


def _read(opened: TensorFile, place: Place) -> str:
    digest = hashlib.sha256()
    opened.file.rewind()
    head = bytearray(len(opened.head))
    opened.file.read_into(memoryview(head), digest)
    if head != opened.head:
        raise ModelInvalid(
            f"{opened.file.path.name} was written to while the model was loading.",
            hint="Load the model again once its files are complete.",
        )
    for name, tensor in sorted(opened.tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.end > tensor.start:
            opened.file.read_into(place(name), digest)
    return digest.hexdigest()


def open_weights(folder: ModelFolder) -> Weights:
    """Open the folder's `model.safetensors`, or the shards that `model.safetensors.index.json` names.

    Raises ModelIncomplete (naming missing files), ModelInvalid (a damaged or contradictory file) or UnsafeWeights
    (only pickle files).
    """
    files: list[TensorFile] = []
    seen: dict[str, str] = {}
    try:
        for path, expected in weight_files(folder).items():
            files.append(open_tensors(path))
            found = files[-1].tensors
            if len(seen) + len(found) > MAX_TENSORS:
                raise ModelInvalid(f"The weights have more than {MAX_TENSORS} tensors.")
            for name in expected - found.keys():
                raise ModelInvalid(f"{INDEX_FILE} lists tensor {name!r} in {path.name}, which does not contain it.")
            for name in found.keys() & seen.keys():
                raise ModelInvalid(f"Tensor {name!r} is in two files: {seen[name]} and {path.name}.")
            seen |= dict.fromkeys(found, path.name)
    except BaseException:
        for opened in files:
            opened.file.close()
        raise
    return Weights(files)


def weight_files(folder: ModelFolder) -> dict[Path, frozenset[str]]:
    """The safetensors files of the folder, in order, each with its tensor names in the index (none: no index)."""
    if folder.has(SINGLE_FILE):
        return {folder.path / SINGLE_FILE: frozenset()}
    if not folder.has(INDEX_FILE):
        names = [p.name for p in folder.path.iterdir() if p.is_file()] if folder.path.is_dir() else []
        if pickles := pickled_weights(names):
            raise unsafe_weights(str(folder.path), pickles)
        raise ModelIncomplete(f"The model folder {folder} has no {SINGLE_FILE}.", missing=(SINGLE_FILE,))
    shards: dict[str, set[str]] = {}
    for tensor, file in _weight_map(folder).items():
        shards.setdefault(file, set()).add(tensor)
    if len(shards) > MAX_SHARDS:
        raise ModelInvalid(f"{INDEX_FILE} lists {len(shards)} files; the limit is {MAX_SHARDS}.")
    if missing := tuple(f for f in sorted(shards) if not (folder.path / f).exists()):
        raise ModelIncomplete(
            f"{INDEX_FILE} lists {len(shards)} files; {len(missing)} are missing: {', '.join(missing[:5])}.",
            missing=missing,
            hint="Download them into the same folder.",
        )
    return {folder.path / file: frozenset(shards[file]) for file in sorted(shards)}


def _weight_map(folder: ModelFolder) -> dict[str, str]:
    mapping = folder.json(INDEX_FILE).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise ModelInvalid(
            f"{INDEX_FILE} has an invalid `weight_map`, which must map tensors to files: {echo(mapping)}."
        )
    for tensor, file in mapping.items():
        beside = isinstance(file, str) and Path(file).name == file and "\\" not in file
        if not beside or not file.endswith(".safetensors"):
            raise ModelInvalid(
                f"{INDEX_FILE} lists tensor {echo(tensor)} in {echo(file)}, which is not the name of a file beside it."
            )
    return mapping

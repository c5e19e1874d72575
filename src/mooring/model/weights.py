"""The weights of a model in safetensors files, each opened once and read once.

The memory that tensors are read into belongs to whoever asks for them: an engine that reads weights later keeps them
alive by itself. What is in one file is read and checked by `safetensors_file.py`.
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
from mooring.model.safetensors_file import Tensor, TensorFile, open_tensors

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"

Place = Callable[[str], memoryview]
"""A tensor's name → as many writable bytes as it has."""


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
        """Close the files. Names, shapes and types stay known."""
        for opened in self._files:
            opened.file.close()

    def names(self) -> frozenset[str]:
        """Of all tensors."""
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
        """Read every tensor into the memory that `place` gives for it; file name → hex sha256 of the file.

        Files are read from beginning to end, so that the hash is that of exactly the bytes that were read. Raises
        ModelInvalid if a file was written to meanwhile.
        """
        return {opened.file.path.name: _read(opened, place) for opened in self._files}

    @property
    def main_dtype(self) -> str:
        """The type that most of the bytes have, e.g. "F16"; "" without tensors."""
        sizes: Counter[str] = Counter()
        for tensor in self._tensors.values():
            sizes[tensor.dtype] += tensor.end - tensor.start
        return sizes.most_common(1)[0][0] if sizes else ""

    def _tensor(self, name: str) -> Tensor:
        if name not in self._tensors:
            files = ", ".join(opened.file.path.name for opened in self._files)
            raise ModelInvalid(
                f"The weights have no tensor {name!r} ({len(self._tensors)} tensors in {files}).",
                hint="Does config.json belong to these weights?",
            )
        return self._tensors[name]


def _read(opened: TensorFile, place: Place) -> str:
    digest = hashlib.sha256()
    opened.file.rewind()
    head = bytearray(len(opened.head))
    opened.file.read_into(memoryview(head), digest)
    if head != opened.head:
        raise ModelInvalid(
            f"{opened.file.path.name} was written to while the model was loaded.",
            hint="Load the model again once its files are complete.",
        )
    for name, tensor in sorted(opened.tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.end > tensor.start:
            opened.file.read_into(place(name), digest)
    return digest.hexdigest()


def open_weights(folder: ModelFolder) -> Weights:
    """Open the folder's `model.safetensors`, or the shards that `model.safetensors.index.json` names.

    Raises ModelIncomplete (files missing, by name), ModelInvalid (a damaged or contradictory file) or UnsafeWeights
    (there is only pickle).
    """
    files: list[TensorFile] = []
    seen: dict[str, str] = {}
    try:
        for path, expected in weight_files(folder).items():
            files.append(open_tensors(path))
            found = files[-1].tensors
            for name in expected - found.keys():
                raise ModelInvalid(f"{INDEX_FILE} says that tensor {name!r} is in {path.name}, and it is not.")
            for name in found.keys() & seen.keys():
                raise ModelInvalid(f"Tensor {name!r} is in two files, {seen[name]} and {path.name}.")
            seen |= dict.fromkeys(found, path.name)
    except BaseException:
        for opened in files:
            opened.file.close()
        raise
    return Weights(files)


def weight_files(folder: ModelFolder) -> dict[Path, frozenset[str]]:
    """The safetensors files of the folder, in order, each with the tensor names its index expects (none: no index)."""
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
    if missing := tuple(f for f in sorted(shards) if not (folder.path / f).exists()):
        raise ModelIncomplete(
            f"{INDEX_FILE} names {len(shards)} files, of which {len(missing)} are missing: {', '.join(missing[:5])}.",
            missing=missing,
            hint="Download them into the same folder.",
        )
    return {folder.path / file: frozenset(shards[file]) for file in sorted(shards)}


def _weight_map(folder: ModelFolder) -> dict[str, str]:
    mapping = folder.json(INDEX_FILE).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise ModelInvalid(f"{INDEX_FILE} has a `weight_map` that is not a map of tensors to files: {echo(mapping)}.")
    for tensor, file in mapping.items():
        beside = isinstance(file, str) and Path(file).name == file and "\\" not in file
        if not beside or not file.endswith(".safetensors"):
            raise ModelInvalid(
                f"{INDEX_FILE} puts tensor {echo(tensor)} into {echo(file)}, which is no file beside it."
            )
    return mapping

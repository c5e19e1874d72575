"""A model's safetensors files in, arrays on the mapped files out.

The safetensors library's numpy path copies every tensor; this one hands out views, so that weights reach the graph
without a second copy in memory. Called by the graph builder, `manifest.py` and `moor build`. What is in one file is
read and checked by `safetensors_file.py`.
"""

import json
import math
import mmap
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mooring.errors import ModelIncomplete, ModelInvalid, echo
from mooring.model.pickles import pickled_weights, unsafe_weights
from mooring.model.safetensors_file import NUMPY_TYPES, Tensor, map_file

Array = npt.NDArray[Any]

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"

_FLOATS = frozenset({"F16", "F32", "F64"})


class Weights:
    """The tensors of one model, by name. Made by `open_weights`; usable as a context manager.

    Arrays stay valid after `close`: each keeps its mapping alive, and the file is unmapped when the last one is gone.
    """

    def __init__(self, tensors: dict[str, Tensor], maps: dict[Path, mmap.mmap]) -> None:
        self._tensors = tensors
        self._maps = maps

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the mapped files."""
        self._maps = {}

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def names(self) -> frozenset[str]:
        return frozenset(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """The tensor's shape. This, `dtype`, `array` and `array_f32` raise ModelInvalid if there is no such tensor."""
        return self._tensor(name).shape

    def dtype(self, name: str) -> str:
        """The safetensors name of the type: "F32", "F16", "BF16", "I64" …"""
        return self._tensor(name).dtype

    def array(self, name: str) -> Array:
        """A view on the mapped file, shaped. BF16 comes as uint16, F8 as uint8: the bits as they are.

        Writing into it changes this process's memory only, never the file.
        """
        tensor = self._tensor(name)
        kind = np.dtype(NUMPY_TYPES[tensor.dtype])
        view = np.frombuffer(self._maps[tensor.path], kind, math.prod(tensor.shape), tensor.start)
        # Files by old writers do not pad their header; engines want aligned numbers, so only those are copied.
        return (view if view.flags.aligned else view.copy()).reshape(tensor.shape)

    def array_f32(self, name: str) -> npt.NDArray[np.float32]:
        """The tensor as float32: F32 is a view, F16, BF16 and F64 are converted; ModelInvalid for anything else."""
        tensor = self._tensor(name)
        if tensor.dtype == "BF16":  # the upper half of a float32's bits
            return (self.array(name).astype(np.uint32) << np.uint32(16)).view(np.float32)
        if tensor.dtype not in _FLOATS:
            raise ModelInvalid(
                f"Tensor {name!r} in {tensor.path.name} has the type {tensor.dtype}, not one of F16, BF16, F32, F64."
            )
        return self.array(name).astype(np.float32, copy=False)

    @property
    def total_bytes(self) -> int:
        """Size of all tensors as stored."""
        return sum(t.end - t.start for t in self._tensors.values())

    @property
    def main_dtype(self) -> str:
        """The type that most of the bytes have, e.g. "F16"; "" without tensors."""
        sizes: Counter[str] = Counter()
        for tensor in self._tensors.values():
            sizes[tensor.dtype] += tensor.end - tensor.start
        return sizes.most_common(1)[0][0] if sizes else ""

    def _tensor(self, name: str) -> Tensor:
        if name not in self._tensors:
            files = ", ".join(sorted({t.path.name for t in self._tensors.values()}))
            raise ModelInvalid(
                f"The weights have no tensor {name!r} ({len(self._tensors)} tensors in {files}).",
                hint="Does config.json belong to these weights?",
            )
        return self._tensors[name]


def open_weights(folder: Path) -> Weights:
    """Map the folder's `model.safetensors`, or the shards that `model.safetensors.index.json` names.

    Raises ModelIncomplete (files missing, by name), ModelInvalid (a damaged or contradictory file) or UnsafeWeights
    (there is only pickle).
    """
    tensors: dict[str, Tensor] = {}
    maps: dict[Path, mmap.mmap] = {}
    for path, expected in weight_files(folder).items():
        maps[path], found = map_file(path)
        for name in expected - found.keys():
            raise ModelInvalid(f"{INDEX_FILE} says that tensor {name!r} is in {path.name}, and it is not.")
        for name in found.keys() & tensors.keys():
            raise ModelInvalid(f"Tensor {name!r} is in two files, {tensors[name].path.name} and {path.name}.")
        tensors.update(found)
    return Weights(tensors, maps)


def weight_files(folder: Path) -> dict[Path, frozenset[str]]:
    """The safetensors files of the folder, in order, each with the tensor names its index expects (none: no index)."""
    single, index = folder / SINGLE_FILE, folder / INDEX_FILE
    if single.is_file():
        return {single: frozenset()}
    if not index.is_file():
        names = [p.name for p in folder.iterdir() if p.is_file()] if folder.is_dir() else []
        if pickles := pickled_weights(names):
            raise unsafe_weights(str(folder), pickles)
        raise ModelIncomplete(f"The model folder {echo(str(folder))} has no {SINGLE_FILE}.", missing=(SINGLE_FILE,))
    shards: dict[str, set[str]] = {}
    for tensor, file in _weight_map(index).items():
        shards.setdefault(file, set()).add(tensor)
    if missing := tuple(f for f in sorted(shards) if not (folder / f).is_file()):
        raise ModelIncomplete(
            f"{INDEX_FILE} names {len(shards)} files, of which {len(missing)} are missing: {', '.join(missing[:5])}.",
            missing=missing,
            hint="Download them into the same folder.",
        )
    return {folder / file: frozenset(shards[file]) for file in sorted(shards)}


def _weight_map(index: Path) -> dict[str, str]:
    try:
        mapping = json.loads(index.read_bytes())["weight_map"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelInvalid(f"{INDEX_FILE} is not JSON with a `weight_map` in it ({type(error).__name__}).") from error
    if not isinstance(mapping, dict) or not mapping:
        raise ModelInvalid(f"{INDEX_FILE} has a `weight_map` that is not a map of tensors to files: {echo(mapping)}.")
    for tensor, file in mapping.items():
        beside = isinstance(file, str) and Path(file).name == file and "\\" not in file
        if not beside or not file.endswith(".safetensors"):
            raise ModelInvalid(
                f"{INDEX_FILE} puts tensor {echo(tensor)} into {echo(file)}, which is no file beside it."
            )
    return mapping

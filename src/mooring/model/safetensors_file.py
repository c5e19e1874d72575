"""Read and check the header of one safetensors file.

A file is 8 bytes of little-endian length, a JSON header, then the tensors without gaps. Every number in the header is
checked before use. Format: https://github.com/huggingface/safetensors#format.
"""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from mooring.errors import ModelInvalid, echo
from mooring.model.folder import LFS_HINT, LFS_POINTER, read_json
from mooring.model.reading import OpenFile

MAX_HEADER_BYTES = 16 << 20
"""A BERT header takes about 12 kB; the reference implementation allows 100 MB."""
MAX_TENSORS = 10_000
"""Most tensors in a model; BERT-large has about 400."""
MAX_DIMENSIONS = 8
"""Most dimensions of a tensor; a model's weights have at most two."""

NUMPY_TYPES: dict[str, str] = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "BF16": "<u2",
    "F8_E4M3": "u1",
    "F8_E5M2": "u1",
}
"""safetensors dtype → numpy dtype. numpy has no BF16 and no F8: they are read as bits."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """The place of one tensor: `start` and `end` are byte positions in the file at `path`."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TensorFile:
    """An open file with its header. `head` is everything before the first tensor."""

    file: OpenFile
    head: bytes
    tensors: dict[str, Tensor]


def open_tensors(path: Path) -> TensorFile:
    """Open a file and read its header. Raises ModelInvalid, naming file and tensor."""
    file = OpenFile(path)
    try:
        head = _head(file)
        tensors = _parse_header(path, head[8:], len(head))
        expected = max((t.end for t in tensors.values()), default=len(head))
        if expected > file.size:
            raise _truncated(path, expected, file.size)
        if expected < file.size:
            raise ModelInvalid(f"{path.name} has {file.size} bytes, but its header describes {expected}.", hint=_AGAIN)
    except BaseException:
        file.close()
        raise
    return TensorFile(file, head, tensors)


def _head(file: OpenFile) -> bytes:
    path, size = file.path, file.size
    if size < 8:
        raise ModelInvalid(f"{path.name} has only {size} bytes; a safetensors file has at least 8.", hint=_AGAIN)
    length = bytearray(8)
    file.read_into(memoryview(length))
    header_bytes = int.from_bytes(length, "little")
    if length == LFS_POINTER[:8]:
        raise ModelInvalid(
            f"{path.name} in {echo(str(path.parent))} is a Git LFS pointer, not the file itself.", hint=LFS_HINT
        )
    if header_bytes > MAX_HEADER_BYTES:
        raise ModelInvalid(
            f"{path.name} declares a header of {header_bytes} bytes, more than {MAX_HEADER_BYTES}.",
            hint="It is probably not a safetensors file: check whether it is an error page or another format.",
        )
    if header_bytes + 8 > size:
        raise _truncated(path, header_bytes + 8, size)
    header = bytearray(header_bytes)
    file.read_into(memoryview(header))
    return bytes(length + header)


def _parse_header(path: Path, text: bytes, data: int) -> dict[str, Tensor]:
    """The tensors of the header, contiguous from byte `data` on, as the format requires."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(pairs) > len(table := dict(pairs)):
            twice = next(k for k, n in Counter(k for k, _ in pairs).items() if n > 1)
            raise ModelInvalid(f"{path.name} has the key {echo(twice)} twice in its header.")
        return table

    try:
        header = read_json(text, once)
    except (ValueError, RecursionError) as error:
        raise ModelInvalid(f"The header of {path.name} is not JSON: {error}.", hint=_AGAIN) from error
    if not isinstance(header, dict):
        raise ModelInvalid(f"The header of {path.name} is {echo(header)}, not a JSON object.")
    header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise ModelInvalid(f"{path.name} has {len(header)} tensors; the limit is {MAX_TENSORS}.")
    tensors = {name: _entry(path, name, entry, data) for name, entry in header.items()}
    position, before = data, "the header"
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start != position:
            what = "overlaps" if tensor.start < position else f"leaves a gap of {tensor.start - position} bytes after"
            raise ModelInvalid(f"Tensor {name!r} in {path.name} {what} {before}.", hint=_AGAIN)
        position, before = tensor.end, f"tensor {name!r}"
    return tensors


def _entry(path: Path, name: str, entry: Any, data: int) -> Tensor:
    """One header entry, checked: `{"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}`."""
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if not (isinstance(dtype, str) and _naturals(shape) and _naturals(offsets)) or len(offsets) != 2:
        raise ModelInvalid(f"Tensor {echo(name)} in {path.name} has an invalid header entry: {echo(entry)}.")
    if dtype not in NUMPY_TYPES:
        raise ModelInvalid(f"Tensor {echo(name)} in {path.name} has the unknown type {echo(dtype)}.")
    start, end = offsets
    # The product of many large numbers takes quadratic time.
    if len(shape) > MAX_DIMENSIONS or max(shape, default=0) >= 1 << 63:
        raise ModelInvalid(
            f"Tensor {echo(name)} in {path.name} has the shape {echo(shape)}; supported: up to {MAX_DIMENSIONS} "
            "dimensions of less than 2^63."
        )
    need = math.prod(shape) * np.dtype(NUMPY_TYPES[dtype]).itemsize
    if end - start != need:
        raise ModelInvalid(
            f"Tensor {echo(name)} in {path.name}: {dtype} of shape {echo(shape)} takes {need} bytes, but "
            f"its offsets {start} to {end} span {end - start}."
        )
    return Tensor(path, dtype, tuple(shape), data + start, data + end)


def _naturals(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)


def _truncated(path: Path, expected: int, seen: int) -> ModelInvalid:
    return ModelInvalid(f"{path.name} is truncated: expected {expected} bytes, found {seen}.", hint=_AGAIN)


_AGAIN = "Download or copy the file again."

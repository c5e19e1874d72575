"""Read and write the tensors of the Open Inference Protocol v2, as JSON or as bytes after the JSON.

With the header Inference-Header-Content-Length a body is JSON of that many bytes, then the data of each tensor that has
`parameters.binary_data_size`, in order. Numbers are little-endian; before each text is its length in 4 bytes.
"""

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.tasks.arrays import as_json
from mooring.tasks.body import kind

BINARY_SIZE = "binary_data_size"
MOST_DIMENSIONS = 8

Datatype = Literal["BYTES", "FP32", "INT32"]
DTYPES: Mapping[Datatype, str] = {"FP32": "<f4", "INT32": "<i4"}
"""Datatype of numbers → numpy's."""


class InputTensor(msgspec.Struct):
    """Texts. Other datatypes are refused."""

    name: str
    shape: Annotated[list[Annotated[int, Meta(ge=1)]], Meta(min_length=1, max_length=MOST_DIMENSIONS)]
    datatype: Literal["BYTES"]
    data: list[Any] = []
    """Texts, in one list or nested as `shape` says; empty if they come as bytes after the JSON."""
    parameters: dict[str, Any] = {}
    """`binary_data_size` of texts that come as bytes."""


class OutputTensor(msgspec.Struct):
    """Texts or numbers, in row-major order."""

    name: str
    shape: list[int]
    datatype: Datatype
    data: list[str | float] | msgspec.UnsetType = msgspec.UNSET
    """Absent if it comes as bytes after the JSON."""
    parameters: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of an input tensor, in row-major order."""

    name: str
    shape: tuple[int, ...]
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class Values:
    """An output tensor: numbers or texts, in row-major order."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: "Sequence[Any] | np.ndarray[Any, Any]"

    def numbers(self) -> "np.ndarray[Any, Any]":
        """The numbers in the datatype's format."""
        return np.asarray(self.values, DTYPES[self.datatype]).reshape(-1)


def read_texts(given: Sequence[InputTensor], data: bytes, most: int) -> list[Texts]:
    """The inputs of a request; `data` is what follows the JSON.

    Raises InvalidRequest, or PayloadTooLarge for more than `most` texts.
    """
    if (count := sum(math.prod(one.shape) for one in given)) > most:
        raise PayloadTooLarge(
            f"The request has {count} texts; the limit is {most}.", hint="Split it into several requests."
        )
    found, used = [], 0
    for place, tensor in enumerate(given):
        at, count = f"/inputs/{place}", math.prod(tensor.shape)
        if "shared_memory_region" in tensor.parameters:
            raise InvalidRequest("shared memory is not supported.", pointer=f"{at}/parameters", hint="Send the data.")
        if BINARY_SIZE in tensor.parameters:
            size = _size(tensor.parameters[BINARY_SIZE], len(data) - used, f"{at}/parameters/{BINARY_SIZE}")
            texts = _unpacked(data[used : used + size], at)
            used += size
        else:
            texts = _listed(tensor.data, len(tensor.shape), f"{at}/data")
        values = list(islice(texts, count + 1))
        if len(values) != count:
            there = "more" if len(values) > count else len(values)
            raise InvalidRequest(f"the shape {tensor.shape} holds {count} texts; the data has {there}.", pointer=at)
        found.append(Texts(tensor.name, tuple(tensor.shape), values))
    if used < len(data):
        raise InvalidRequest(
            f"{len(data) - used} bytes after the JSON belong to no tensor.",
            hint=f"Set parameters.{BINARY_SIZE} of each tensor whose data is sent as bytes.",
        )
    return found


def _size(value: object, left: int, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequest(f"it must be a number of bytes, not {echo(value)}.", pointer=at)
    if value > left:
        raise InvalidRequest(
            f"{value} bytes, but only {left} are left after the JSON.",
            pointer=at,
            hint="The header Inference-Header-Content-Length must be the length of the JSON in bytes.",
        )
    return value


def _unpacked(data: bytes, at: str) -> Iterator[str]:
    """The texts in the bytes of a tensor."""
    used = number = 0
    while used < len(data):
        length = int.from_bytes(data[used : used + 4], "little")
        text = data[used + 4 : used + 4 + length]
        if used + 4 + length > len(data):
            raise InvalidRequest(f"text {number} has {length} bytes, more than the tensor has left.", pointer=at)
        try:
            yield text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidRequest(
                f"text {number} is not UTF-8: byte {error.start} is 0x{text[error.start]:02x}.",
                pointer=at,
                hint="Encode it as UTF-8.",
            ) from error
        used += 4 + length
        number += 1


def _listed(data: Sequence[Any], depth: int, at: str) -> Iterator[str]:
    """The texts of lists that are nested at most `depth` deep."""
    for place, item in enumerate(data):
        if isinstance(item, list) and depth > 1:
            yield from _listed(item, depth - 1, f"{at}/{place}")
        elif isinstance(item, str):
            yield item
        else:
            raise InvalidRequest(f"expected text, found {kind(item)}: {echo(item)}.", pointer=f"{at}/{place}")


def written(head: Mapping[str, object], outputs: Sequence[tuple[Values, bool]]) -> tuple[bytes, int | None]:
    """A response of `head` and outputs, each with whether it is sent as bytes, and the length of its JSON.

    The length is None if no output is sent as bytes.
    """
    described, parts = [], []
    for output, binary in outputs:
        tensor: dict[str, object] = {"name": output.name, "datatype": output.datatype, "shape": list(output.shape)}
        if binary:
            parts.append(_packed(output))
            tensor["parameters"] = {BINARY_SIZE: len(parts[-1])}
        else:
            tensor["data"] = output.values if output.datatype == "BYTES" else output.numbers()
        described.append(tensor)
    text = as_json({**head, "outputs": described})
    return (b"".join([text, *parts]), len(text)) if parts else (text, None)


def _packed(output: Values) -> bytes:
    if output.datatype != "BYTES":
        return output.numbers().tobytes()
    texts = (text.encode("utf-8", "surrogatepass") for text in output.values)
    return b"".join(part for text in texts for part in (struct.pack("<I", len(text)), text))

"""Numbers in answers: tasks return vectors as float32 arrays, which are encoded without a Python object per number."""

from typing import Any

import msgspec
import numpy as np
import orjson

ARRAY = 1
"""Code of an array in MessagePack."""


def as_json(value: Any) -> bytes:
    """An answer as JSON. A float32 is written with as many digits as it needs."""
    return msgspec.json.encode(value, enc_hook=_raw)


def _raw(value: object) -> msgspec.Raw:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"An answer contains a {type(value).__name__}.")
    return msgspec.Raw(orjson.dumps(np.ascontiguousarray(value), option=orjson.OPT_SERIALIZE_NUMPY))


def plain(value: Any) -> Any:
    """An answer with lists in place of arrays, for Python code that expects what JSON holds."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value


def array_bytes(value: Any) -> int:
    """Bytes of the arrays in an answer."""
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    return sum(array_bytes(part) for part in value) if isinstance(value, list) else 0


def pack(value: Any) -> bytes:
    """A value as MessagePack, arrays as their bytes."""
    return msgspec.msgpack.encode(value, enc_hook=_extension)


def _extension(value: object) -> msgspec.msgpack.Ext:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"An answer contains a {type(value).__name__}.")
    return msgspec.msgpack.Ext(ARRAY, msgspec.msgpack.encode((list(value.shape), value.astype("<f4").tobytes())))


def unpacked(code: int, data: memoryview) -> Any:
    """The array in an extension of MessagePack; a decoder's `ext_hook`."""
    if code != ARRAY:
        raise ValueError(f"unknown MessagePack extension {code}")
    shape, values = msgspec.msgpack.decode(data)
    return np.frombuffer(values, "<f4").reshape(shape)

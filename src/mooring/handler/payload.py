"""The defaults of input_fn and output_fn: a body to what `predict_fn` works with, and back.

For users' code, which gets them as `mooring.handler.decode` and `encode`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from mooring.errors import InvalidRequest
from mooring.web import decode as decoding
from mooring.web import encode as encoding
from mooring.web.form import ANY_TASK
from mooring.web.media import CSV, JSON, answer_kind, body_kind

TEXT = (JSON, CSV)
"""Types whose bodies input_fn gets as str, as in the stock toolkit; others come as bytes."""


class InvalidPayload(ValueError):
    """Raised by a user's input_fn: the request is at fault, and is answered with 400 and this message."""


class Unwritable(TypeError):
    """A value that has no form in JSON or CSV. The message names its class and nothing else of it."""


def decode(body: bytes | str, content_type: str = JSON) -> Any:
    """What a body says: an object for JSON; `{"inputs": [rows]}` for CSV and JSON Lines.

    Raises InvalidPayload, or UnsupportedMediaType for a type that is not read.
    """
    data = body.encode() if isinstance(body, str) else bytes(body)
    try:
        return decoding.decode(body_kind(content_type), data, ANY_TASK).body
    except InvalidRequest as error:
        raise InvalidPayload(str(error)) from error


def encode(prediction: Any, accept: str = JSON) -> bytes:
    """An answer as JSON, JSON Lines or CSV; numpy arrays and numbers as lists and numbers.

    Raises NotAcceptable for a type that is not written, Unwritable for a value that cannot be.
    """
    return encoding.encode(answer_kind(accept), plain(prediction))


def plain(value: Any) -> Any:
    """The same value made of dicts, lists, strings and numbers: whatever has `tolist` (numpy, torch) becomes lists.

    Raises Unwritable for anything else.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(part) for part in value]
    if isinstance(value, np.generic | np.ndarray) or hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    try:
        return msgspec.to_builtins(value)
    except TypeError as error:
        streamed = " (user code cannot stream a response)" if isinstance(value, Iterator) else ""
        raise Unwritable(f"{type(value).__name__} is neither a list, an object, text nor a number{streamed}") from error

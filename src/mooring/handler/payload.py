"""Provide the defaults of input_fn and output_fn: decode bodies for `predict_fn`, and encode results.

User code imports them as `mooring.handler.decode` and `encode`.
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
"""Types whose bodies input_fn gets as str, as in the stock toolkit; others are bytes."""


class InvalidPayload(ValueError):
    """Raised by a user's input_fn for an invalid request, which is answered with 400 and this message."""


class Unwritable(TypeError):
    """A value that JSON or CSV cannot represent. The message names only its class."""


def decode(body: bytes | str, content_type: str = JSON) -> Any:
    """Decode a body: to an object for JSON; to `{"inputs": [rows]}` for CSV and JSON Lines.

    Raises InvalidPayload, or UnsupportedMediaType for an unsupported type.
    """
    data = body.encode() if isinstance(body, str) else bytes(body)
    try:
        return decoding.decode(body_kind(content_type), data, ANY_TASK).body
    except InvalidRequest as error:
        raise InvalidPayload(str(error)) from error


def encode(prediction: Any, accept: str = JSON) -> bytes:
    """Encode an answer as JSON, JSON Lines or CSV; numpy arrays and numbers become lists and numbers.

    Raises NotAcceptable for an unsupported type, Unwritable for an unsupported value.
    """
    return encoding.encode(answer_kind(accept), plain(prediction))


def plain(value: Any) -> Any:
    """The value as dicts, lists, strings and numbers: whatever has `tolist` (numpy, torch) becomes lists.

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
        raise Unwritable(f"{type(value).__name__} is not a list, an object, text or a number{streamed}") from error

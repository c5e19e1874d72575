"""Run user code beside a model: `code/inference.py` with functions, or `handler.py` with an `EndpointHandler`.

find.py       finding it, and what else looks like code
names.py      functions that are never called
functions.py  reading the functions, with or without `context`
load.py       installing requirements, importing
context.py    the `context` argument
calls.py      arguments, replies, errors     raised.py   where an error was raised, and what may be logged
around.py     input_fn and output_fn around the engine
own.py        predict_fn, model_fn, transform_fn or EndpointHandler: one call at a time
default_service.py  the default service as a file to copy and edit
compat/       stand-ins for the stock toolkits' packages, for code that imports them

For users' code: `from mooring.handler import InvalidPayload, decode, encode, load_model`.
"""

from importlib import import_module
from typing import Any

_WHERE = {
    "InvalidPayload": "mooring.handler.payload",
    "decode": "mooring.handler.payload",
    "encode": "mooring.handler.payload",
    "load_model": "mooring.handler.pipeline",
}

__all__ = ["InvalidPayload", "decode", "encode", "load_model"]


def __getattr__(name: str) -> Any:
    """Import on use: finding code must not load numpy."""
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(name)

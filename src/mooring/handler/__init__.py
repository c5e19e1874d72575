"""The user's own code beside a model: `code/inference.py` with functions, or `handler.py` with an `EndpointHandler`.

find.py       where it is, and what else looks like code
names.py      functions that nobody calls
functions.py  which functions are called, with or without `context`
load.py       installing its requirements, importing it
context.py    what `context` offers
calls.py      arguments, replies, errors     raised.py   where an error was raised, whether its message may be logged
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
    """Imported when used: whoever only looks for code must not load numpy."""
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(name)

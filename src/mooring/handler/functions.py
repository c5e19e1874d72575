"""A module of the user's in, its functions ready to be called out, each with or without `context` as it takes it.

The rules are the stock toolkit's. Called by `wiring/`.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from mooring.errors import HandlerError
from mooring.handler.find import ENDPOINT_CLASS

Function = Callable[..., Any]

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "model_fn": ("model_dir",),
    "input_fn": ("input_data", "content_type"),
    "predict_fn": ("data", "model"),
    "output_fn": ("prediction", "accept"),
    "transform_fn": ("model", "input_data", "content_type", "accept"),
}
"""What each is called with; `context` may follow."""


@dataclass(frozen=True, slots=True)
class UserFunctions:
    """Each takes its parameters and `context`, which is dropped where the user's function does not want it."""

    model_fn: Function | None = None
    input_fn: Function | None = None
    predict_fn: Function | None = None
    output_fn: Function | None = None
    transform_fn: Function | None = None

    @property
    def live(self) -> tuple[str, ...]:
        """Names of those that the user gave."""
        return tuple(name for name in PARAMETERS if getattr(self, name) is not None)


def read_functions(module: ModuleType) -> UserFunctions:
    """Raises HandlerError for a function with another number of parameters, or transform_fn beside its parts."""
    file = f"{module.__name__}.py"
    found = {
        name: _adapted(file, name, function)
        for name in PARAMETERS
        if (function := getattr(module, name, None)) is not None
    }
    parts = [name for name in ("input_fn", "predict_fn", "output_fn") if name in found]
    if "transform_fn" in found and parts:
        raise HandlerError(
            f"{file} defines transform_fn and {', '.join(parts)}.",
            hint="transform_fn does the work of all three: keep it, or them.",
        )
    return UserFunctions(**found)


def read_endpoint(module: ModuleType) -> type:
    """The class EndpointHandler. Raises HandlerError if there is none."""
    found = getattr(module, ENDPOINT_CLASS, None)
    if not isinstance(found, type):
        raise HandlerError(
            f"{module.__name__}.py has no class {ENDPOINT_CLASS}.",
            hint=f"Define class {ENDPOINT_CLASS} with __init__(self, path) and __call__(self, data).",
        )
    return found


def _adapted(file: str, name: str, function: Any) -> Function:
    wanted = len(PARAMETERS[name])
    if not callable(function):
        raise HandlerError(f"{file}: {name} is not a function but {type(function).__name__}.")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C
        return lambda *arguments: function(*arguments[:wanted])
    positional = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    takes_all = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in signature.parameters.values())
    if takes_all or len(positional) == wanted + 1:
        return function  # type: ignore[no-any-return]
    if len(positional) != wanted:
        line = getattr(getattr(function, "__code__", None), "co_firstlineno", 1)
        shown = ", ".join(PARAMETERS[name])
        raise HandlerError(
            f"{file}:{line}: {name} takes {len(positional)} parameters.",
            hint=f"It is called as {name}({shown}) or {name}({shown}, context).",
        )
    return lambda *arguments: function(*arguments[:wanted])

"""Read the functions of a user's module, and adapt them to be called with `context`.

The rules are those of the SageMaker and Hugging Face inference toolkits. Called by `wiring/`.
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
    "pre_model_fn": ("model_dir",),
    "model_warmup_fn": ("model_dir", "model"),
}
"""The arguments of each function; `context` may follow."""


@dataclass(frozen=True, slots=True)
class UserFunctions:
    """User functions. Each takes its parameters and `context`, which is dropped if the function does not accept it."""

    model_fn: Function | None = None
    input_fn: Function | None = None
    predict_fn: Function | None = None
    output_fn: Function | None = None
    transform_fn: Function | None = None
    pre_model_fn: Function | None = None
    """Called before the model is loaded."""
    model_warmup_fn: Function | None = None
    """Called with the loaded model, before the first request."""

    @property
    def live(self) -> tuple[str, ...]:
        """Names of the functions that the user defined."""
        return tuple(name for name in PARAMETERS if getattr(self, name) is not None)


def read_functions(module: ModuleType) -> UserFunctions:
    """Raises HandlerError for a wrong number of parameters, or for transform_fn beside the functions it replaces."""
    file = f"{module.__name__}.py"
    found = {
        name: adapted(file, name, function)
        for name in PARAMETERS
        if (function := getattr(module, name, None)) is not None
    }
    parts = [name for name in ("input_fn", "predict_fn", "output_fn") if name in found]
    if "transform_fn" in found and parts:
        raise HandlerError(
            f"{file} defines both transform_fn and {', '.join(parts)}.",
            hint="transform_fn replaces input_fn, predict_fn and output_fn. Remove it or them.",
        )
    return UserFunctions(**found)


def read_endpoint(module: ModuleType) -> type:
    """The class EndpointHandler. Raises HandlerError if it is missing or not callable."""
    found = getattr(module, ENDPOINT_CLASS, None)
    hint = f"Define class {ENDPOINT_CLASS} with __init__(self, path) and __call__(self, data)."
    if not isinstance(found, type):
        raise HandlerError(f"{module.__name__}.py has no class {ENDPOINT_CLASS}.", hint=hint)
    call = getattr(found, "__call__", None)  # noqa: B004 - of its instances
    if "__call__" not in {name for base in found.__mro__ for name in vars(base)}:
        raise HandlerError(f"{module.__name__}.py: {ENDPOINT_CLASS} has no __call__.", hint=hint)
    _refuse_async(f"{module.__name__}.py", f"{ENDPOINT_CLASS}.__call__", call)
    return found


def _refuse_async(file: str, name: str, function: Any) -> None:
    """Refuse async functions and generators: their result is not an answer."""
    if inspect.iscoroutinefunction(function):
        raise HandlerError(f"{file}: {name} is async.", hint="Define it with def: calls run in their own thread.")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise HandlerError(
            f"{file}: {name} is a generator.", hint="Return the whole answer: user code cannot stream responses."
        )


def adapted(file: str, name: str, function: Any) -> Function:
    """The function, called with `context` if it takes one parameter more than in `PARAMETERS`. Raises HandlerError."""
    wanted = len(PARAMETERS[name])
    if not callable(function):
        raise HandlerError(f"{file}: {name} is a {type(function).__name__}, not a function.")
    for called in (function, getattr(function, "__call__", None)):  # noqa: B004 - of an object that is called
        _refuse_async(file, name, called)
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

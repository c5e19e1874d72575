"""Names of the stock toolkits that Mooring does not stand in for: importing one says what to use instead.

For the packages in `compat/`.
"""

from collections.abc import Callable, Mapping
from typing import NoReturn


class NotOffered(ImportError):
    """The name exists in the stock toolkit and not here. An ImportError, so that `from … import` shows the message."""


def refusing(module: str, instead: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """A module's `__getattr__`: `instead` says for each name what to do without it."""

    def refuse(name: str) -> NoReturn:
        if name in instead:
            raise NotOffered(f"Mooring has no {module}.{name}: {instead[name]}", name=module)
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)

    return refuse


def no_module(module: str, instead: str) -> NotOffered:
    """The error of a module that is not there at all."""
    return NotOffered(f"Mooring has no {module}: {instead}", name=module)


SERVER = "the server runs already. Start one with moor serve, and define functions in code/inference.py."
"""For what starts or is the stock server."""
FUNCTIONS = (
    "define model_fn, input_fn, predict_fn and output_fn in code/inference.py, or EndpointHandler in handler.py."
)
"""For the stock server's classes of services."""

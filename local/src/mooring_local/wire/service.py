"""A service of the local SageMaker: model, arguments, handlers. Made by `server.py`, asked by `app.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mooring_local.wire.arguments import Arguments
from mooring_local.wire.call import Call
from mooring_local.wire.service_model import ServiceModel, unimplemented

Handler = Callable[[Call], Mapping[str, Any] | None]
"""Parameters that obey the model in, the members of the answer out. Raises Fault."""


@dataclass(frozen=True, slots=True)
class Service:
    """What there is of one service."""

    model: ServiceModel
    handlers: Mapping[str, Handler]
    """Operation → who does it."""
    arguments: Arguments
    """Which arguments of these operations are obeyed, stored or refused."""
    reads_much: bool = False
    """Whether they may read for seconds: then in threads, where they hold nobody else up. They change nothing."""

    def check(self, operation: str, parameters: Mapping[str, Any]) -> None:
        """Raise Fault for parameters that break the model, and for those that are not implemented here."""
        self.model.check(operation, parameters)
        found = self.arguments.violations(operation, self.model.inputs(operation), parameters)
        for path, value in found:
            raise self.model.unsupported(operation, path, value)

    def handler(self, operation: str) -> Handler:
        """Raises Fault for an operation that does not exist, in other words for one that exists elsewhere only."""
        self.model.inputs(operation)
        if operation not in self.handlers:
            raise unimplemented(self.model.name, operation)
        return self.handlers[operation]

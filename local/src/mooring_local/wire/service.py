"""A service of the local SageMaker: model, arguments and handlers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mooring_local.wire.arguments import Arguments
from mooring_local.wire.call import Call
from mooring_local.wire.service_model import ServiceModel, unimplemented

Handler = Callable[[Call], Mapping[str, Any] | None]
"""Runs an operation on validated parameters and returns the members of the response. Raises Fault."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service."""

    model: ServiceModel
    handlers: Mapping[str, Handler]
    """Handlers by operation name."""
    arguments: Arguments
    """Which arguments are obeyed, stored or refused."""
    reads_much: bool = False
    """Handlers only read, and may take seconds: run them in threads, so that they do not block others."""

    def check(self, operation: str, parameters: Mapping[str, Any]) -> None:
        """Raise Fault for parameters that break the model or are not implemented."""
        self.model.check(operation, parameters)
        found = self.arguments.violations(operation, self.model.inputs(operation), parameters)
        for path, value in found:
            raise self.model.unsupported(operation, path, value)

    def handler(self, operation: str) -> Handler:
        """Raises Fault, with different messages, for an unknown operation and for one that is not implemented."""
        self.model.inputs(operation)
        if operation not in self.handlers:
            raise unimplemented(self.model.name, operation)
        return self.handlers[operation]

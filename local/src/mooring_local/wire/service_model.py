"""botocore's model of a service: its operations and their inputs and outputs.

Read from botocore's data files, the same that boto3 clients use.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from mooring_local.wire.constraints import shown, violations
from mooring_local.wire.faults import Fault

PAGE = "local/docs/reference/operations.md"
"""The page that lists all operations, for error messages."""

_INVALID: Mapping[str, str] = {
    "logs": "InvalidParameterException",
    "ecr": "InvalidParameterException",
    "sts": "ValidationError",
    "iam": "ValidationError",
    "sagemaker-runtime": "ValidationError",
}
"""Error code of a service for a request that breaks its model, if not ValidationException."""


class ServiceModel:
    """The model of one service, by botocore's name for it: "sagemaker", "logs" …"""

    def __init__(self, name: str) -> None:
        # Imported late: `moor local env` and the command reference do not need it.
        import botocore.session

        self.name = name
        self._model: Any = botocore.session.Session().get_service_model(name)
        self.operations: frozenset[str] = frozenset(self._model.operation_names)
        metadata = self._model.metadata
        self.target_prefix: str = metadata.get("targetPrefix", "")
        """Prefix of X-Amz-Target; empty if the protocol does not use it."""
        self.version: str = metadata["apiVersion"]
        self.namespace: str = metadata.get("xmlNamespace", "")

    def inputs(self, operation: str) -> Any:
        """The shape of the operation's parameters, None if it has none. Raises Fault for an unknown operation."""
        return self._operation(operation).input_shape

    def outputs(self, operation: str) -> Any:
        """The shape of its result, None if it has none."""
        return self._operation(operation).output_shape

    def wrapper(self, operation: str) -> str:
        """The element that wraps the result in the Query protocol."""
        shape = self.outputs(operation)
        return "" if shape is None else shape.serialization.get("resultWrapper", f"{operation}Result")

    def check(self, operation: str, parameters: Mapping[str, Any]) -> None:
        """Raise Fault, worded as on AWS, if the parameters break the model."""
        shape = self.inputs(operation)
        if shape is None:
            return
        if found := list(violations(shape, parameters)):
            raise constraint(found, self.invalid)

    @property
    def invalid(self) -> str:
        """The code for a request that breaks the model."""
        return _INVALID.get(self.name, "ValidationException")

    def unsupported(self, operation: str, path: str, value: Any) -> Fault:
        """The error for an argument that the local SageMaker does not implement."""
        return Fault(
            self.invalid,
            f"The local SageMaker does not implement {path} of {operation} with the value {shown(value)!r}. "
            f"Leave it out; {PAGE} lists which arguments are obeyed, stored and refused.",
        )

    def _operation(self, name: str) -> Any:
        if name not in self.operations:
            raise Fault("UnknownOperationException", f"{self.name} has no operation {name[:100]}.", 404)
        return self._model.operation_model(name)


def constraint(found: list[str], code: str = "ValidationException") -> Fault:
    """The error for a request that breaks its service's model; `found`: messages."""
    noun = "validation error" if len(found) == 1 else "validation errors"
    return Fault(code, f"{len(found)} {noun} detected: {'; '.join(found)}")


def unimplemented(service: str, operation: str) -> Fault:
    """The error for an operation that the local SageMaker does not implement."""
    return Fault(
        "UnknownOperationException",
        f"The local SageMaker does not implement {service}'s {operation}. {PAGE} lists the implemented operations.",
        404,
    )


@cache
def service_model(name: str) -> ServiceModel:
    """The model, read once per process (0.1 s for SageMaker)."""
    return ServiceModel(name)

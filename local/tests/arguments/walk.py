"""All members of an operation's input, as botocore's model has them, beside the classes that the tables give them."""

from collections.abc import Iterator, Mapping
from typing import Any

from mooring_local.arguments import identity, s3, sagemaker
from mooring_local.wire.arguments import NOTHING, Arguments, Takes
from mooring_local.wire.service_model import service_model

TABLES: Mapping[str, Arguments] = {
    "sagemaker": sagemaker.SAGEMAKER,
    "sagemaker-runtime": sagemaker.RUNTIME,
    "ecr": identity.ECR,
    "application-autoscaling": identity.AUTOSCALING,
    "sts": identity.STS,
    "iam": identity.IAM,
    "logs": identity.LOGS,
}
COMPOSITE = ("structure", "list", "map")


def without_class(service: str, operation: str) -> Iterator[str]:
    """Paths of members that have no class; what is below one that is stored or refused as a whole needs none."""
    table = TABLES[service]
    shape = service_model(service).inputs(operation)
    if shape is not None:
        yield from _members(table, table.operations.get(operation, NOTHING), shape, operation)


def _members(table: Arguments, takes: Takes, shape: Any, path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        if name not in takes.names:
            yield f"{path}.{name}"
        elif name in takes.done:
            yield from _below(table, member, f"{path}.{name}")


def _below(table: Arguments, shape: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        yield from _members(table, table.structures.get(shape.name, NOTHING), shape, path)
    elif shape.type_name == "list":
        yield from _below(table, shape.member, path)
    elif shape.type_name == "map":
        yield from _below(table, shape.value, path)


def s3_without_class(operation: str) -> Iterator[str]:
    """The same for S3, by the names that its headers, query parameters and elements have."""
    shape = service_model("s3").inputs(operation)
    takes = s3.OPERATIONS.get(operation, NOTHING)
    for name, member in shape.members.items():
        where, wire = member.serialization.get("location", ""), member.serialization.get("name", name)
        if where == "uri" or (not where and member.type_name == "blob"):
            continue  # the path, and the data of an object
        if where:
            known = wire_name(where, wire)
            if known not in takes.names | s3.EVERYWHERE.names:
                yield f"{operation}.{name} ({known})"
        else:
            yield from _elements(member, wire, f"{operation}.{name}")


def wire_name(location: str, name: str) -> str:
    """A member's name in the table of S3."""
    return {"querystring": f"?{name}", "headers": f"{name.lower()}*"}.get(location, name.lower())


def _elements(shape: Any, element: str, path: str) -> Iterator[str]:
    if shape.type_name == "list":
        inner = shape.member.serialization.get("name", "member")
        if shape.serialization.get("flattened"):
            yield from _elements(shape.member, element, path)
        else:
            if inner not in s3.ELEMENTS.get(element, NOTHING).names:
                yield f"{path} ({element}/{inner})"
            yield from _elements(shape.member, inner, path)
    elif shape.type_name == "structure":
        takes = s3.ELEMENTS.get(element, NOTHING)
        for name, member in shape.members.items():
            inner = member.serialization.get("name", name)
            if inner not in takes.names:
                yield f"{path}.{name} ({element}/{inner})"
            elif inner in takes.done:
                yield from _elements(member, inner, f"{path}.{name}")

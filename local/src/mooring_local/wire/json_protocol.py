"""AWS JSON 1.1: decode requests and encode responses by botocore's shapes.

Used by SageMaker's control plane, Logs, ECR and Application Auto Scaling. Unknown members of a request are refused.
Unknown members of a result are dropped, so that a document may store more than Describe returns. Times are epoch
seconds.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mooring_local.wire.faults import Fault, unknown_member

CONTENT_TYPE = "application/x-amz-json-1.1"

_NUMBERS: Mapping[str, tuple[float, float]] = {
    "integer": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "float": (float("-inf"), float("inf")),
    "double": (float("-inf"), float("inf")),
    "timestamp": (float("-inf"), float("inf")),
}


def decode(body: bytes, shape: Any) -> dict[str, Any]:
    """The parameters of a request. Raises Fault if their types do not match the shape."""
    try:
        value = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Fault("SerializationException", f"The request body is not valid JSON: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise _mismatch(value, "structure")
    return {} if shape is None else _read_structure(shape, value)


def encode(result: Mapping[str, Any] | None, shape: Any) -> bytes:
    """The body of a response; empty for an operation without a result."""
    if shape is None:
        return b""
    return msgspec.json.encode(select(shape, result or {}))


def encode_fault(fault: Fault) -> bytes:
    """The body of an error response."""
    return msgspec.json.encode({"__type": fault.code, "message": fault.message, **fault.members})


def select(shape: Any, value: Any) -> Any:
    """`value` without members that are None or not in the shape."""
    if shape.type_name == "structure":
        if getattr(shape, "is_document_type", False):
            return value
        known = ((name, member) for name, member in shape.members.items() if value.get(name) is not None)
        return {name: select(member, value[name]) for name, member in known}
    if shape.type_name == "list":
        return [select(shape.member, one) for one in value]
    if shape.type_name == "map":
        return {key: select(shape.value, one) for key, one in value.items()}
    return value


def _read(shape: Any, value: Any) -> Any:
    return _READERS.get(shape.type_name, _read_number)(shape, value)


def _read_structure(shape: Any, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(value, "structure")
    if getattr(shape, "is_document_type", False):
        return value
    for name in value:
        if name not in shape.members and value[name] is not None:
            raise unknown_member(shape, name)
    known = ((name, member) for name, member in shape.members.items() if value.get(name) is not None)
    return {name: _read(member, value[name]) for name, member in known}


def _read_list(shape: Any, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _mismatch(value, "list")
    return [_read(shape.member, one) for one in value if one is not None]


def _read_map(shape: Any, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(value, "map")
    return {key: _read(shape.value, one) for key, one in value.items() if one is not None}


def _read_string(shape: Any, value: Any) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, shape.type_name)
    return value


def _read_boolean(_: Any, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(value, "boolean")
    return value


def _read_number(shape: Any, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(value, shape.type_name)
    least, most = _NUMBERS[shape.type_name]
    whole = shape.type_name in ("integer", "long")
    if not least <= value <= most or (whole and value != int(value)):
        raise Fault("SerializationException", f"{value!r} can not be converted to {shape.type_name}.")
    return int(value) if whole else value


_READERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
    "string": _read_string,
    "blob": _read_string,  # kept as base64: no operation here decodes it
    "boolean": _read_boolean,
}


def _mismatch(value: Any, wanted: str) -> Fault:
    kinds = {dict: "A structure", list: "A list", str: "A string", bool: "A boolean"}
    return Fault("SerializationException", f"{kinds.get(type(value), 'A number')} can not be converted to {wanted}.")

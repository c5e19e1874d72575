"""AWS's Query protocol: decode forms and encode XML responses by botocore's shapes.

Used by STS and IAM. `Tags.member.1.Key=a` is a list of structures; the response is XML in the service's namespace.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

from mooring_local.wire.faults import Fault, unknown_member
from mooring_local.wire.service_model import ServiceModel

CONTENT_TYPE = "text/xml"
MOST_FIELDS = 5000
DEEPEST = 32
"""Maximum parts of a field name."""

_PLACE = re.compile("[0-9]{1,6}")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def fields(body: bytes) -> dict[str, str]:
    """The fields of a form. Raises Fault if it is invalid."""
    try:
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise Fault("MalformedQueryString", f"Invalid form: {error}.") from None


def decode(form: Mapping[str, str], shape: Any) -> dict[str, Any]:
    """The parameters of a request. Raises Fault if their types do not match the shape."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        *above, last = name.split(".", DEEPEST)
        if "." in last:
            raise Fault("MalformedQueryString", f"{name[:100]} has too many parts.")
        place = tree
        for part in above:
            step = place.setdefault(part, {})
            if not isinstance(step, dict):
                raise Fault("MalformedQueryString", f"{name[:100]} conflicts with another field.")
            place = step
        place[last] = value
    return {} if shape is None else _read_structure(shape, tree)


def _read(shape: Any, value: Any, name: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _read_structure(shape, value) if isinstance(value, dict) else {}
    if kind == "list":
        items = _only(value, "member", name)
        return [_read(shape.member, items[place], name) for place in _in_order(items)]
    if kind == "map":
        entries = _only(value, "entry", name)
        pairs = (entries[place] for place in _in_order(entries))
        return {str(one["key"]): _read(shape.value, one.get("value", ""), name) for one in pairs if "key" in one}
    if not isinstance(value, str):
        raise Fault("MalformedInput", f"{name} takes a single value.")
    return _scalar(kind, value, name)


def _only(value: Any, child: str, name: str) -> Any:
    """The numbered elements of a list or map, {} if empty. Raises Fault for other fields."""
    if not isinstance(value, dict):
        return {}
    for other in value:
        if other != child:
            raise Fault("MalformedInput", f"{name} has no field {other[:100]!r}: its elements are {name}.{child}.1 …")
    return value.get(child, {})


def _read_structure(shape: Any, tree: Mapping[str, Any]) -> dict[str, Any]:
    for name in tree:
        if name not in shape.members:
            raise unknown_member(shape, name)
    return {name: _read(member, tree[name], name) for name, member in shape.members.items() if name in tree}


def _in_order(items: Any) -> list[str]:
    """The numbers of a list, "1", "2" …, in order."""
    return sorted(filter(_PLACE.fullmatch, items), key=int) if isinstance(items, dict) else []


def _scalar(kind: str, value: str, name: str) -> Any:
    try:
        if kind in ("integer", "long"):
            return int(value)
        if kind in ("float", "double"):
            return float(value)
        if kind == "timestamp":
            return datetime.fromisoformat(value).timestamp()
    except ValueError:
        raise Fault("MalformedInput", f"Invalid {kind} for {name}: {value[:100]!r}.") from None
    return value.lower() == "true" if kind == "boolean" else value


def encode(model: ServiceModel, operation: str, result: Mapping[str, Any] | None, request_id: str) -> bytes:
    """The response of an operation."""
    root = ET.Element(f"{operation}Response", xmlns=model.namespace)
    shape = model.outputs(operation)
    if shape is not None:
        _write(ET.SubElement(root, model.wrapper(operation)), shape, result or {})
    ET.SubElement(ET.SubElement(root, "ResponseMetadata"), "RequestId").text = request_id
    return _document(root)


def encode_fault(fault: Fault, namespace: str, request_id: str) -> bytes:
    """An error response."""
    root = ET.Element("ErrorResponse", xmlns=namespace)
    error = ET.SubElement(root, "Error")
    ET.SubElement(error, "Type").text = "Sender" if fault.status < 500 else "Receiver"
    ET.SubElement(error, "Code").text = fault.code
    ET.SubElement(error, "Message").text = _clean(fault.message)
    ET.SubElement(root, "RequestId").text = request_id
    return _document(root)


def _write(parent: ET.Element, shape: Any, value: Any) -> None:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if value.get(name) is not None:
                _write(ET.SubElement(parent, name), member, value[name])
    elif shape.type_name == "list":
        for one in value:
            _write(ET.SubElement(parent, "member"), shape.member, one)
    elif shape.type_name == "map":
        for key, one in value.items():
            entry = ET.SubElement(parent, "entry")
            ET.SubElement(entry, "key").text = _clean(key)
            _write(ET.SubElement(entry, "value"), shape.value, one)
    elif shape.type_name == "boolean":
        parent.text = "true" if value else "false"
    elif shape.type_name == "timestamp":
        parent.text = datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        parent.text = _clean(str(value))


def _clean(text: str) -> str:
    """The text without characters that XML does not allow."""
    return _NOT_XML.sub("�", text)


def _document(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))

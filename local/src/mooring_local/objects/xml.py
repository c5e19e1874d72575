"""Write S3's XML from nested lists of (name, value), and parse it into elements."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from mooring_local.arguments.s3 import ELEMENTS, unsupported
from mooring_local.wire.faults import Fault

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
OWNER_ID = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
"""Canonical user ID of the one account: arbitrary 64 hexadecimal digits."""

Value: TypeAlias = "str | int | bool | Sequence[tuple[str, Value]]"
Children: TypeAlias = Sequence[tuple[str, Value]]

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(root: str, children: Children, namespace: str = NAMESPACE) -> bytes:
    """A document. Characters that XML does not allow become U+FFFD, unless the caller asked for URL encoding."""
    attribute = f' xmlns="{namespace}"' if namespace else ""
    text = f"<{root}{attribute}>{_inner(children)}</{root}>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def fault(error: Fault, resource: str, request_id: str) -> bytes:
    """The body of an error."""
    members = [(name, str(value)) for name, value in error.members.items()]
    head = [("Code", error.code), ("Message", error.message), *members]
    return render("Error", [*head, ("Resource", resource), ("RequestId", request_id), ("HostId", request_id)], "")


def parse(body: bytes, root: str) -> ET.Element:
    """The root element, its names without namespaces.

    Raises MalformedXML, also for another root, a DOCTYPE or an unknown element, and NotImplemented for an element that
    is not implemented here.
    """
    try:
        if b"<!" in body:  # entities are dangerous, and no S3 client sends them
            raise ValueError
        element = ET.fromstring(body)  # noqa: S314
    except (ET.ParseError, ValueError):
        raise malformed() from None
    for one in element.iter():
        one.tag = one.tag.rpartition("}")[2]
    if element.tag != root:
        raise malformed()
    for parent in element.iter():
        for child in parent:
            _check(parent.tag, child)
    return element


def _check(parent: str, child: ET.Element) -> None:
    table = ELEMENTS.get(parent)
    if table is None or child.tag not in table.names:
        raise malformed()
    value = "".join(child.itertext()).strip()
    if not table.accepts(child.tag, value):
        raise unsupported(f"the element {child.tag} of {parent}", value, {"Element": child.tag})


def malformed() -> Fault:
    """S3's error for invalid XML."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return Fault("MalformedXML", message)


def sums(checksums: Mapping[str, str]) -> list[tuple[str, Value]]:
    """Checksums by element name: `ChecksumCRC32`, …, `ChecksumType`."""
    return [("ChecksumType" if name == "type" else f"Checksum{name.upper()}", v) for name, v in checksums.items()]


def text_of(element: ET.Element, name: str) -> str:
    """A child's text, "" if it is missing."""
    return element.findtext(name) or ""


def instant(seconds: float) -> str:
    """Epoch seconds in S3's XML format."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def coder(query: Mapping[str, str]) -> "Coder":
    """Encoder for names: unchanged, or percent-encoded if the caller asked for it."""
    encoding = query.get("encoding-type", "")
    if encoding not in ("", "url"):
        members = {"ArgumentName": "encoding-type", "ArgumentValue": encoding}
        raise Fault("InvalidArgument", "Invalid Encoding Method specified in Request", 400, members)
    return Coder(bool(encoding))


class Coder:
    """Encodes names."""

    def __init__(self, quoting: bool) -> None:
        self.quoting = quoting

    def __call__(self, name: str) -> str:
        """Encode a name."""
        return quote(name, safe="/*") if self.quoting else name

    @property
    def note(self) -> Children:
        """The element that tells the caller to decode names."""
        return [("EncodingType", "url")] if self.quoting else []


def owner(name: str = "Owner") -> tuple[str, Value]:
    """The account as owner or initiator."""
    return name, [("ID", OWNER_ID), ("DisplayName", "mooring")]


def _inner(children: Children) -> str:
    return "".join(f"<{name}>{_text(value)}</{name}>" for name, value in children)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        # Parsers turn a bare carriage return into a line feed.
        return escape(_NOT_XML.sub("�", value), {"\r": "&#13;"})
    return _inner(value)

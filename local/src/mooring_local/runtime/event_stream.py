"""Write AWS's event-stream framing (`application/vnd.amazon.eventstream`). contract.md §3.5.

total length u32 | length of headers u32 | CRC32 of these 8 bytes | headers | payload | CRC32 of all before
"""

import json
import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7
_AROUND = 16
"""Bytes of a message besides headers and payload."""


def payload_part(data: bytes) -> bytes:
    """An event with a piece of the response."""
    headers = {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}
    return message(headers, data)


def exception(kind: str, members: Mapping[str, str]) -> bytes:
    """An error event of the API's model. It ends the stream."""
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return message(headers, json.dumps(members).encode())


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message. Header values are strings."""
    encoded = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    lengths = struct.pack(">II", _AROUND + len(encoded) + len(payload), len(encoded))
    before = lengths + struct.pack(">I", zlib.crc32(lengths)) + encoded + payload
    return before + struct.pack(">I", zlib.crc32(before))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", _STRING, len(value)) + value

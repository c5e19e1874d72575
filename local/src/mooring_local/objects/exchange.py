"""A decoded S3 request and its response."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from mooring_local.objects.signed import DEFAULT_REGION, unpacked
from mooring_local.wire.faults import Fault

_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Received:
    """A body that was decoded, streamed to disk and verified."""

    path: Path
    size: int
    md5: bytes
    checksums: Mapping[str, str]
    """Checksums that were sent: algorithm in lower case → base64."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. `bucket` and `key` are "" if the path has none; header names in lower case."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    """Without the signature and headers of a presigned URL."""
    headers: Mapping[str, str]
    path: str
    """As sent, for error responses."""
    region: str = DEFAULT_REGION
    """From the signature in a header or presigned URL."""
    body: bytes = b""
    received: Received | None = None

    def prefixed(self, prefix: str) -> dict[str, str]:
        """Headers with that prefix, which is removed."""
        return {name[len(prefix) :]: value for name, value in self.headers.items() if name.startswith(prefix)}

    def count(self, name: str, default: int, most: int) -> int:
        """A number in the query, capped at `most`. Raises InvalidArgument."""
        return min(self.number(name, default), most)

    def number(self, name: str, default: int) -> int:
        """A number in the query. Raises InvalidArgument."""
        text = self.query.get(name, "")
        if not text:
            return default
        if re.fullmatch(r"-[0-9]{1,10}", text):
            argument = "maxKeys" if name == "max-keys" else name
            raise invalid(argument, text, f"Argument {argument} must be an integer between 0 and {_MOST}")
        if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > _MOST:
            raise invalid(name, text, f"Provided {name} not an integer or within integer range")
        return int(text)


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of an object's file to send, unless the file was modified since."""

    path: Path
    modified: float
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. A `Slice` is streamed."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Slice = b""


def xml(body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> Reply:
    """An XML response."""
    return Reply(status, {"Content-Type": "application/xml", **(headers or {})}, body)


def read_ask(scope: Mapping[str, Any]) -> Ask:
    """Parse an ASGI scope. Raises InvalidURI for a path that is not UTF-8, AccessDenied for an expired URL."""
    raw = bytes(scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
    path = raw.decode("latin-1")
    bucket, _, key = raw.removeprefix(b"/").partition(b"/")
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        # Repeated headers are joined into a list (RFC 9110).
        lower, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        headers[lower] = f"{headers[lower]},{text}" if lower in headers else text
    pairs = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    signed = unpacked(dict(pairs), headers)
    return Ask(scope["method"], decoded(bucket), decoded(key), signed.query, signed.headers, path, signed.region)


def invalid(name: str, value: str, message: str) -> Fault:
    """InvalidArgument with the argument's name and value."""
    return Fault("InvalidArgument", message, 400, {"ArgumentName": name, "ArgumentValue": value})


def decoded(quoted: bytes | str) -> str:
    """Decode a percent-encoded name. Raises InvalidURI."""
    try:
        return unquote_to_bytes(quoted).decode()
    except UnicodeDecodeError:
        raise Fault("InvalidURI", "Couldn't parse the specified URI.", 400) from None

"""One S3 request, understood, and its answer. `api.py` makes the first and sends the second; operations do the rest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from mooring.local.wire.faults import Fault

DEFAULT_REGION = "us-east-1"
_CREDENTIAL = re.compile(r"Credential=[^/]*/\d+/([a-z0-9-]+)/")


@dataclass(frozen=True, slots=True)
class Received:
    """A body that was streamed to disk, its encodings taken off and its checksums found right."""

    path: Path
    size: int
    md5: bytes
    checksums: Mapping[str, str]
    """Those that came with it: algorithm in lower case → base64."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. `bucket` and `key` are "" where the path has none; header names in lower case."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    path: str
    """As it was sent, for error answers."""
    body: bytes = b""
    received: Received | None = None

    @property
    def region(self) -> str:
        """Of the signature, of a header or of a signed URL."""
        credential = self.query.get("X-Amz-Credential")
        text = f"Credential={credential}" if credential else self.headers.get("authorization", "")
        found = _CREDENTIAL.search(text)
        return found.group(1) if found else DEFAULT_REGION

    def prefixed(self, prefix: str) -> dict[str, str]:
        """The headers that begin so, without it."""
        return {name[len(prefix) :]: value for name, value in self.headers.items() if name.startswith(prefix)}

    def number(self, name: str, default: int, most: int) -> int:
        """A count in the query, cut to `most`. Raises InvalidArgument."""
        text = self.query.get(name, "")
        if not text:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", text):
            members = {"ArgumentName": name, "ArgumentValue": text}
            raise Fault("InvalidArgument", f"Provided {name} not an integer or within integer range", 400, members)
        return min(int(text), most)


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of an object's file, to be sent; only if the file is still the one that was last modified then."""

    path: Path
    modified: float
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. A `Slice` is streamed."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Slice = b""


def xml(body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> Reply:
    """An answer of XML."""
    return Reply(status, {"Content-Type": "application/xml", **(headers or {})}, body)


def read_ask(scope: Mapping[str, Any]) -> Ask:
    """An ASGI scope → request. Raises InvalidURI for a path that is no UTF-8."""
    raw = bytes(scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
    path = raw.decode("latin-1")
    bucket, _, key = raw.removeprefix(b"/").partition(b"/")
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        # Several of one name mean their values in a list (RFC 9110).
        lower, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        headers[lower] = f"{headers[lower]},{text}" if lower in headers else text
    pairs = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    return Ask(scope["method"], decoded(bucket), decoded(key), dict(pairs), headers, path)


def decoded(quoted: bytes | str) -> str:
    """A percent-encoded name. Raises InvalidURI."""
    try:
        return unquote_to_bytes(quoted).decode()
    except UnicodeDecodeError:
        raise Fault("InvalidURI", "Couldn't parse the specified URI.", 400) from None

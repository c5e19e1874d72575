"""Refuse heads of requests that are unclear, or that nginx would refuse. Used by `connection.py`; pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

INVALID = "InvalidRequest"
HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%-]*[A-Za-z0-9][A-Za-z0-9._~%-]*)(?::[0-9]{0,5})?"
"""A Host header: a name or an address, and a port. Also used in nginx.conf."""

MOST_HEADERS = 1000
"""As newer versions of nginx allow."""

_HOST = re.compile(HOST.encode())
_ESCAPE = re.compile(rb"%(?:00|(?![0-9A-Fa-f]{2}))")
_UPGRADE = re.compile(rb"^upgrade([ \t]*:)", re.IGNORECASE | re.MULTILINE)

CODING = "Unsupported Transfer-Encoding. Send the body with a Content-Length, or chunked."
VERSION = "Unsupported HTTP version. Use HTTP/1.1."


class Fault(NamedTuple):
    """Why a head is refused."""

    status: int
    message: str


def fault(url: bytes, headers: Sequence[tuple[bytes, bytes]], version: str) -> Fault | None:
    """None for a good head. Names of `headers` are in lower case; `version` is "1.1"."""
    if version not in ("1.0", "1.1"):
        return Fault(505, VERSION)
    if len(headers) > MOST_HEADERS:
        return Fault(431, f"The request has {len(headers)} headers; the limit is {MOST_HEADERS}.")
    if url[:1] != b"/" and not url.startswith((b"http://", b"https://")):
        return Fault(400, "The request has no path.")
    if b"%" in url and _ESCAPE.search(url.partition(b"?")[0]):
        return Fault(400, "The path has an invalid escape sequence.")
    if b"/.." in url and _climbs(url):
        return Fault(400, "The path leads above /.")
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 and (hosts or version != "1.0"):
        return Fault(400, f"The request has {len(hosts)} Host headers. Send exactly one.")
    if hosts and not _HOST.fullmatch(hosts[0]):
        return Fault(400, "Invalid Host header. Send a name or an address, and a port if there is one.")
    for name, value in headers:
        if name == b"transfer-encoding":
            if version == "1.0":
                return Fault(400, "HTTP/1.0 has no Transfer-Encoding. Use HTTP/1.1, or a Content-Length.")
            if value.lower() != b"chunked":
                return Fault(501, CODING)
    return None


def parser_fault(reason: str) -> Fault:
    """What the parser's message means."""
    if "Transfer-Encoding" in reason and "Content-Length" not in reason:
        return Fault(501, CODING)
    if "HTTP version" in reason:
        return Fault(505, VERSION)
    return Fault(400, "Invalid HTTP request.")


def without_upgrade(data: bytes) -> bytes:
    """Received bytes that begin in a head, with its Upgrade header renamed.

    The parser would take what follows such a head for another protocol. Java's client sends one with each request.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(rb"x-upgrade\1", head) + end + rest


def _climbs(url: bytes) -> bool:
    depth = 0
    for part in url.partition(b"?")[0].split(b"/")[1:]:
        depth += -1 if part == b".." else part not in (b"", b".")
        if depth < 0:
            return True
    return False

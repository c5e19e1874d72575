"""The last response of a connection, as bytes. Used by `connection.py`, where there is no request to answer."""

import msgspec

from mooring.web.status import ErrorBody

_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    501: b"Not Implemented",
    503: b"Service Unavailable",
    505: b"HTTP Version Not Supported",
}
_HEAD = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"


def farewell(status: int, kind: str, message: str) -> bytes:
    """An error response with our body, after which the connection ends."""
    body = msgspec.json.encode(ErrorBody(status, kind, message, ""))
    return _HEAD % (status, _REASONS[status], len(body)) + body

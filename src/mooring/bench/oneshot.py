"""One request to a running server, with the standard library. Called by `moor ask --url`, and for `/info`."""

import http.client
import json
from typing import Any

from mooring.bench.client import unreachable
from mooring.bench.target import Target
from mooring.errors import BenchError, echo

MAX_ANSWER_BYTES = 64 * 1024 * 1024


def post(target: Target, body: bytes, timeout_s: float = 120.0) -> object:
    """Ask, and return the decoded answer. Raises BenchError with the server's own message if it refuses."""
    status, data = _exchange(target, "POST", target.path, body, timeout_s)
    if status != 200:
        raise BenchError(
            f"{target.url} answered {status}: {server_message(data) or 'without a message'}",
            hint=_HINTS.get(status, ""),
        )
    return decode(target, data)


def info(target: Target, timeout_s: float = 10.0) -> dict[str, Any] | None:
    """The server's `/info`, or None if it has none: it need not be Mooring's. Raises BenchError if nobody listens."""
    status, data = _exchange(target, "GET", "/info", None, timeout_s)
    try:
        found = json.loads(data) if status == 200 else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def decode(target: Target, data: bytes) -> object:
    """JSON that a server answered with."""
    try:
        answer: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BenchError(
            f"{target.url} answered with something that is not JSON: {echo(data[:81].decode('utf-8', 'replace'))}.",
            hint="Is it a question-answering server? Name its address as in http://127.0.0.1:8080.",
        ) from error
    return answer


def server_message(data: bytes) -> str:
    """What an error body says, cut to 300 characters; "" if it is not shaped like one."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    return message[:300] if isinstance(message, str) else ""


_HINTS = {
    404: "Is it a question-answering server? Name its address as in http://127.0.0.1:8080.",
    429: "The server is busy; try again.",
    503: "The server is not ready; try again.",
}


def _exchange(target: Target, method: str, path: str, body: bytes | None, timeout_s: float) -> tuple[int, bytes]:
    kind = http.client.HTTPSConnection if target.secure else http.client.HTTPConnection
    connection = kind(target.host, target.port, timeout=timeout_s)
    headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body is not None else {})
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read(MAX_ANSWER_BYTES)
    except OSError as error:
        raise unreachable(target, error) from error
    except http.client.HTTPException as error:
        raise BenchError(
            f"{target.origin} does not speak HTTP ({type(error).__name__}).", hint="Is this the server's address?"
        ) from error
    finally:
        connection.close()

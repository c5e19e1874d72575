"""Client for a running Mooring server.

    with Client("http://127.0.0.1:8080") as client:
        client.ask({"question": "Who wrote it?", "context": "Ada wrote it."}, {"top_k": 2})

The client knows HTTP and JSON, not tasks: what `inputs` and `parameters` look like is up to the model that is served.

- Redirects are not followed: a redirected POST may lose its body. The error names the new address.
- Proxies of the environment (`HTTP_PROXY`) and `.netrc` are not used, so a request to 127.0.0.1 stays on this machine.
- https is checked with the system's certificates, or those that `SSL_CERT_FILE` names.
- Nothing is sent twice.
"""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import httpcore2

from mooring.errors import ClientError, echo
from mooring.target import ADDRESS_HINT, INVOCATIONS, Target, parse_target

MAX_ANSWER_BYTES = 64 * 1024 * 1024
CONNECT_TIMEOUT_S = 10.0
FACTS_TIMEOUT_S = 10.0
"""For /info and /ping, which do not wait for the model."""

_HINTS = {
    404: f"Check the address. {ADDRESS_HINT}",
    429: "The server is busy. Try again later.",
    503: "The server is not ready. Try again later.",
}
IDLE_S = 5.0
"""How long an idle connection is kept: less than servers and load balancers do."""
_NO_ANSWER = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError)


class Client:
    """Sends requests to one server over connections that are kept open. Threads may share one."""

    def __init__(self, url: str, *, timeout_s: float = 120.0) -> None:
        """`timeout_s` bounds each wait for the server, not the whole request; connecting takes at most 10 s.

        Raises UsageError for an invalid `url`.
        """
        self.target = parse_target(url)
        self._timeout_s = timeout_s
        self._pool = httpcore2.ConnectionPool(**_options(self.target))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def ask(self, inputs: object, parameters: Mapping[str, object] | None = None, *, task: str | None = None) -> Any:
        """Post `{"inputs": …, "parameters": …}` and return the decoded answer. Raises ClientError.

        Without `parameters` that field is left out. `task` is for servers whose model offers several tasks; their
        answers then have the shapes of Hugging Face's Inference API.
        """
        path = path_of(self.target, task)
        return answer_of(self.target, self._send("POST", path, encode(inputs, parameters)))

    def info(self) -> dict[str, Any]:
        """Facts of the server and its model, from /info. Empty if it has none, since it need not be Mooring's.

        Raises ClientError if there is no answer.
        """
        reply = self._send("GET", "/info")
        try:
            found = json.loads(reply.data) if reply.status == 200 else None
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def ping(self) -> bool:
        """Whether /ping reports that the server is ready. Raises ClientError if there is no answer."""
        return self._send("GET", "/ping").status == 200

    def _send(self, method: str, path: str, body: bytes | None = None) -> "Reply":
        request = _request(self.target, method, path, body, self._timeout_s)
        try:
            with self._pool.stream(**request) as response:
                data = bytearray()
                for chunk in response.iter_stream():
                    data += chunk
                    _check_size(self.target, response.status, data)
        except _NO_ANSWER as error:
            raise _failed(self.target, error) from error
        return Reply(response.status, _headers(response), bytes(data))


class AsyncClient:
    """Like `Client`, for asyncio: many requests in flight from one thread."""

    def __init__(self, url: str, *, timeout_s: float = 120.0, connections: int = 100) -> None:
        """At most `connections` requests are in flight. Others wait for theirs, for as long as that takes."""
        self.target = parse_target(url)
        self._timeout_s = timeout_s
        self._pool = httpcore2.AsyncConnectionPool(**_options(self.target), max_connections=connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def ask(
        self, inputs: object, parameters: Mapping[str, object] | None = None, *, task: str | None = None
    ) -> Any:
        """See `Client.ask`."""
        path = path_of(self.target, task)
        request = _request(self.target, "POST", path, encode(inputs, parameters), self._timeout_s)
        try:
            async with self._pool.stream(**request) as response:
                data = bytearray()
                async for chunk in response.aiter_stream():
                    data += chunk
                    _check_size(self.target, response.status, data)
        except _NO_ANSWER as error:
            raise _failed(self.target, error) from error
        return answer_of(self.target, Reply(response.status, _headers(response), bytes(data)))


class Reply(NamedTuple):
    """A server's response."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    data: bytes


def path_of(target: Target, task: str | None) -> str:
    """Where a request is posted. `task` has its route where the address is a server's root or its /invocations."""
    before, inference, after = target.path.partition("?")[0].rpartition(INVOCATIONS)
    if task is None or after or not inference:
        return target.path
    return f"{before}/models/{quote(target.model or '-')}/pipeline/{task}"


def encode(inputs: object, parameters: Mapping[str, object] | None = None) -> bytes:
    """The body of a request."""
    body = {"inputs": inputs} if parameters is None else {"inputs": inputs, "parameters": dict(parameters)}
    return json.dumps(body).encode()


def answer_of(target: Target, reply: Reply) -> Any:
    """The decoded answer. Raises ClientError if the server refused, or sent something other than JSON."""
    if reply.status != 200:
        raise _refused(target, reply)
    return decode(target, reply.data)


def decode(target: Target, data: bytes) -> Any:
    """Decode JSON that came with a 200. Raises ClientError."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        shown = echo(data[:81].decode("utf-8", "replace"))
        reason = f"something that is not JSON: {shown}"
        raise ClientError(
            f"{target.url} answered with {reason}.", status=200, reason=reason, hint=_HINTS[404]
        ) from error


def server_message(data: bytes) -> str:
    """The message in an error's body, cut to 300 characters; "" if there is none."""
    message = _error_body(data).get("message")
    return message[:300] if isinstance(message, str) else ""


def unreachable(target: Target, error: Exception) -> ClientError:
    """For an error while connecting."""
    reason = _reason(error)
    hint = "Check the address, and that the server is running. `moor serve` starts one."
    return ClientError(f"Cannot reach {target.origin}: {reason}.", reason=reason, hint=hint)


def _options(target: Target) -> dict[str, Any]:
    return {"ssl_context": target.tls(), "keepalive_expiry": IDLE_S}


def _request(target: Target, method: str, path: str, body: bytes | None, timeout_s: float) -> dict[str, Any]:
    """Arguments for a pool's `stream`. Without a body /info or /ping is asked for, which do not wait for the model."""
    headers = {"Host": target.authority, "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    else:
        timeout_s = min(timeout_s, FACTS_TIMEOUT_S)
    timeout = {"connect": min(timeout_s, CONNECT_TIMEOUT_S), "read": timeout_s, "write": timeout_s}
    url = httpcore2.URL(scheme="https" if target.secure else "http", host=target.host, port=target.port, target=path)
    return {"method": method, "url": url, "headers": headers, "content": body, "extensions": {"timeout": timeout}}


def _headers(response: httpcore2.Response) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _check_size(target: Target, status: int, data: bytearray) -> None:
    if len(data) > MAX_ANSWER_BYTES:
        reason = f"more than {MAX_ANSWER_BYTES >> 20} MiB"
        raise ClientError(f"{target.url} answered with {reason}.", status=status, reason=reason)


def _refused(target: Target, reply: Reply) -> ClientError:
    message = server_message(reply.data)
    found = reply.headers.get("x-request-id") or _error_body(reply.data).get("request_id")
    request_id = found[:200] if isinstance(found, str) else ""
    hint = _HINTS.get(reply.status, "")
    if 300 <= reply.status < 400 and (location := reply.headers.get("location")):
        hint = f"It redirects to {echo(location)}. Use that address."
    said = message or "without a message"
    # Of use where the server's log has more than the message.
    which = f" (request id {request_id})" if request_id and reply.status >= 500 else ""
    return ClientError(
        f"{target.url} answered {reply.status}: {said}{which}",
        status=reply.status,
        reason=message,
        request_id=request_id,
        hint=hint,
    )


def _failed(target: Target, error: Exception) -> ClientError:
    if isinstance(error, (httpcore2.ConnectError, httpcore2.ConnectTimeout)):
        return unreachable(target, error)
    reason = _reason(error)
    hint = "Check the address and the server's log."
    return ClientError(f"{target.origin} did not answer: {reason}.", reason=reason, hint=hint)


def _error_body(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _reason(error: BaseException) -> str:
    """A network error in a few words."""
    if isinstance(error, (TimeoutError, httpcore2.TimeoutException)):
        return "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = _wrapped(cause)
    text = str(error).rstrip(".")[:120]
    return text[:1].lower() + text[1:] if text else type(error).__name__


def _wrapped(error: BaseException) -> BaseException | None:
    """The system's error in one of the HTTP library's or of anyio's, which say less."""
    if isinstance(error, BaseExceptionGroup):  # one for each address of a host
        return error.exceptions[0]
    inner = error.args[0] if error.args else None
    return inner if isinstance(inner, BaseException) else error.__cause__

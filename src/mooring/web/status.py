"""Map errors to HTTP statuses and to the default error body.

A test compares the table with the classes of `mooring.errors`.
"""

from collections.abc import Mapping

import msgspec

from mooring.errors import (
    AlreadyLoaded,
    BackendError,
    BodyTooSlow,
    CallerRefused,
    ClientGone,
    DeadlineExceeded,
    Draining,
    HandlerFailed,
    InvalidRequest,
    MooringError,
    NoMemory,
    NotAcceptable,
    NotLoaded,
    NotOffered,
    PayloadTooLarge,
    QueueFull,
    RefusedError,
    RequestError,
    UnsupportedMediaType,
)
from mooring.web.media import JSON
from mooring.web.reply import Reply

STATUS: Mapping[type[MooringError], int] = {
    RequestError: 400,
    InvalidRequest: 400,
    CallerRefused: 403,
    NotAcceptable: 406,
    BodyTooSlow: 408,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    NotLoaded: 404,
    NotOffered: 404,
    AlreadyLoaded: 409,
    NoMemory: 507,
    QueueFull: 429,
    ClientGone: 499,  # never sent: nginx's code, for logs and metrics
    BackendError: 500,
    HandlerFailed: 500,
    MooringError: 500,  # should have failed the start, not a request
    RefusedError: 503,
    DeadlineExceeded: 504,
}
"""The nearest base class decides: NotReady and Draining are RefusedErrors, hence 503."""


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of an error response."""

    code: int
    """The HTTP status, for clients that see only the body."""
    type: str
    """The error's class, e.g. "InvalidRequest"."""
    message: str
    request_id: str
    error: str = ""
    """The message under the key that Hugging Face clients read. Filled in automatically."""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "error", self.message)


def status_of(error: BaseException) -> int:
    """The HTTP status of an error; 500 for foreign exceptions."""
    if isinstance(error, HandlerFailed) and error.status is not None:
        return error.status
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def describe(error: BaseException, request_id: str) -> ErrorBody:
    """The body for an error. The message of an unexpected one is not sent: it may contain any text."""
    if isinstance(error, MooringError):
        return ErrorBody(status_of(error), type(error).__name__, str(error), request_id)
    message = "Internal server error, not caused by the request. See the server log for this request id."
    return ErrorBody(500, "InternalError", message, request_id)


def refuse(error: BaseException, request_id: str) -> Reply:
    """The default response to a failed request."""
    body = describe(error, request_id)
    return Reply(msgspec.json.encode(body), JSON, body.code, headers_of(error))


def headers_of(error: BaseException) -> dict[str, str]:
    """Headers that go with an error."""
    if isinstance(error, QueueFull):
        return {"Retry-After": str(error.retry_after)}
    # Makes the next request go to another server.
    return {"Connection": "close"} if isinstance(error, Draining) else {}

"""The HTTP status of each error, and its body unless a wire protocol has its own.

A test holds the table against every class of `mooring.errors`.
"""

from collections.abc import Mapping

import msgspec

from mooring.errors import (
    AlreadyLoaded,
    BackendError,
    BodyTooSlow,
    ClientGone,
    DeadlineExceeded,
    Draining,
    HandlerFailed,
    InvalidRequest,
    MooringError,
    NoMemory,
    NotAcceptable,
    NotLoaded,
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
    NotAcceptable: 406,
    BodyTooSlow: 408,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    NotLoaded: 404,
    AlreadyLoaded: 409,
    NoMemory: 507,
    QueueFull: 429,
    ClientGone: 499,  # never sent: nginx's number for it, in logs and metrics
    BackendError: 500,
    HandlerFailed: 500,
    MooringError: 500,  # what should have ended the start, and not a request
    RefusedError: 503,
    DeadlineExceeded: 504,
}
"""The nearest of an error's ancestors decides: NotReady and Draining are RefusedErrors, hence 503."""


class ErrorBody(msgspec.Struct, frozen=True):
    """What a caller gets instead of an answer."""

    code: int
    """The status again, for clients that see only the body."""
    type: str
    """The error's class, e.g. "InvalidRequest"."""
    message: str
    request_id: str
    error: str = ""
    """The message again, under the name by which Hugging Face's clients know it. Filled in."""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "error", self.message)


def status_of(error: BaseException) -> int:
    """The HTTP status of an error; 500 for one that is none of ours."""
    if isinstance(error, HandlerFailed) and error.status is not None:
        return error.status
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def describe(error: BaseException, request_id: str) -> ErrorBody:
    """The body for an error. What an unexpected one says stays here: it may hold anything, a caller's text included."""
    if isinstance(error, MooringError):
        return ErrorBody(status_of(error), type(error).__name__, str(error), request_id)
    message = "The server failed. This is its fault, not the request's; its log has more under this request id."
    return ErrorBody(500, "InternalError", message, request_id)


def refuse(error: BaseException, request_id: str) -> Reply:
    """The response to a request that failed, as every protocol has it that has no shape of its own."""
    body = describe(error, request_id)
    return Reply(msgspec.json.encode(body), JSON, body.code, headers_of(error))


def headers_of(error: BaseException) -> dict[str, str]:
    """Headers that go with an error."""
    if isinstance(error, QueueFull):
        return {"Retry-After": str(error.retry_after)}
    # For the next request to go to another server.
    return {"Connection": "close"} if isinstance(error, Draining) else {}

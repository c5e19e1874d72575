"""Convert requests to arguments of user functions, and their results to responses.

For `own.py` and `around.py`.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import structlog

from mooring.errors import HandlerError, HandlerFailed, ModelError, MooringError, RequestError
from mooring.handler.context import Context
from mooring.handler.payload import TEXT, InvalidPayload, Unwritable, encode
from mooring.handler.raised import BadReply, advice, cut, message_of, place_of, text_of
from mooring.web.media import JSON, answer_kind, preferred, text_kind
from mooring.web.reply import Call, Reply

R = TypeVar("R")

INVALID_LIMIT = 200
"""Most characters of an InvalidPayload message in a response."""
START_LIMIT = 300
"""Most characters of a message in the error of a failed start."""
SAID_LIMIT = 2000
"""Most characters of a message from user code to the client: SageMaker cuts it at 2048."""

TOOLKIT_ERRORS = {"PredictionException": "error_code", "BaseInferenceToolkitError": "status_code"}
"""Stock toolkit exceptions whose message is meant for the client → attribute with the status."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SERVERS = ("content-length", "transfer-encoding", "connection")
"""Headers that only the server can set."""


def input_of(call: Call) -> tuple[Any, str]:
    """The arguments of input_fn: the body and its type as sent. UTF-8 JSON and CSV are str, anything else bytes.

    Raises InvalidPayload if the body is not UTF-8.
    """
    content_type = call.content_type or JSON
    if text_kind(content_type) not in TEXT:
        return call.body, content_type
    try:
        return call.body.decode("utf-8"), content_type
    except UnicodeDecodeError as error:
        raise InvalidPayload(f"Invalid UTF-8: byte {error.start} is 0x{call.body[error.start]:02x}.") from error


def accept_of(call: Call) -> str:
    """The type for output_fn: the Accept header as sent; JSON if missing."""
    return call.accept or JSON


def reply_of(result: Any, accept: str, context: Context) -> Reply:
    """bytes, str and (body, content type) are sent unchanged, anything else as the accepted type.

    Raises BadReply, or NotAcceptable for an unsupported type.
    """
    request = context.request_processor[0]
    status = _status(request.get_response_status_code())
    headers = _sendable(request.get_response_headers())
    chosen = next((headers.pop(name) for name in list(headers) if name.lower() == "content-type"), None)
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        result, chosen = result[0], _sendable({"content-type": result[1]})["content-type"]
    if isinstance(result, str):
        result = result.encode()
    if isinstance(result, (bytes, bytearray, memoryview)):
        return Reply(bytes(result), chosen or preferred(accept), status, headers)
    if chosen is None:
        wanted = preferred(accept)
        kind = chosen = wanted if text_kind(wanted) else answer_kind(accept)
    else:
        kind = text_kind(chosen) or JSON  # keep the user's content type
    return Reply(written(result, kind), chosen, status, headers)


def written(result: Any, kind: str) -> bytes:
    """Encode a value as JSON, JSON Lines or CSV. Raises BadReply if that is impossible."""
    try:
        return encode(result, kind)
    except Unwritable as error:
        raise BadReply(f"its result cannot be written as {kind}: {error}") from error
    except RecursionError as error:
        raise BadReply(f"its result cannot be written as {kind}: it is nested too deeply") from error


def _status(code: object) -> int:
    if isinstance(code, int) and 200 <= code <= 599:
        return int(code)
    raise BadReply(f"it set the status {cut(repr(code), 40)}; valid are 200 to 599")


def _sendable(headers: Mapping[Any, Any]) -> dict[str, str]:
    """The headers as text. Raises BadReply for an invalid one; the message does not repeat values."""
    found = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise BadReply(f"{cut(repr(name), 40)} is not a valid header name")
        if name.lower() in _SERVERS:
            raise BadReply(f"it set the header {name}, which only the server can set")
        text = str(value)
        if not text.isprintable() or not _latin(text):
            raise BadReply(f"the value that it set for the header {name} has invalid characters")
        found[name] = text
    return found


def _latin(text: str) -> bool:
    return all(ord(character) < 256 for character in text)


def guarded(step: str, path: Path, request_id: str, function: Callable[[], R]) -> R:
    """Call a user function. Exceptions become HandlerFailed and are logged; Mooring's errors pass.

    A ValueError of input_fn, or an InvalidPayload of any function, means a bad request.
    """
    try:
        return function()
    except MooringError:
        raise
    except InvalidPayload as error:
        raise _invalid(error) from error
    except ValueError as error:
        if step == "input_fn":
            raise _invalid(error) from error
        raise _failed(step, path, request_id, error) from error
    except (Exception, SystemExit) as error:  # Boundary: user code may raise anything.
        raise _failed(step, path, request_id, error) from error


def guarded_start(step: str, path: Path, context: Context, function: Callable[[], R]) -> R:
    """Call a user function while the model loads. Exceptions become HandlerError; a ModelError passes."""
    try:
        return function()
    except ModelError:
        raise
    except (Exception, SystemExit) as error:  # Boundary: user code may raise anything.
        said = f"{type(error).__name__}: {cut(text_of(error), START_LIMIT)} ({place_of(error, path)})"
        hint = advice(error, context.system_properties["model_dir"])
        raise HandlerError(f"{step} failed: {said}.", hint=hint) from error


def _invalid(error: Exception) -> RequestError:
    return RequestError(cut(text_of(error) or type(error).__name__, INVALID_LIMIT))


def _failed(step: str, path: Path, request_id: str, error: BaseException) -> HandlerFailed:
    for_caller, status = said_by(error)
    said = message_of(error, path)
    fields = {"at": place_of(error, path), "request_id": request_id}
    fields |= {name: text for name, text in (("message", said), ("hint", advice(error))) if text}
    log = structlog.get_logger("mooring.handler")
    # A status of 400 to 499 blames the request, so it is not a failure of the server.
    (log.warning if status is not None and status < 500 else log.error)(f"{step} failed", exc_info=error, **fields)
    if for_caller:
        return HandlerFailed(for_caller, status=status)
    reason = f": {error}" if isinstance(error, BadReply) else ""
    return HandlerFailed(
        f"The model's code failed in {step}{reason}.",
        hint="See the server log for file and line under this request id.",
        status=status,
    )


def said_by(error: BaseException) -> tuple[str, int | None]:
    """The message that user code wrote for the client, and its status; ("", None) for other exceptions."""
    for kind in type(error).__mro__:
        if (attribute := TOOLKIT_ERRORS.get(kind.__name__)) is not None:
            code = getattr(error, attribute, None)
            status = int(code) if isinstance(code, int) and 400 <= code < 600 else None
            return cut(text_of(getattr(error, "message", "")), SAID_LIMIT), status
    return "", None

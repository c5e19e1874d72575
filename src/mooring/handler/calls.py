"""A call in, the user's arguments out, and from what the user returned the reply. For `own.py` and `around.py`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import structlog

from mooring.errors import HandlerFailed, MooringError, RequestError
from mooring.handler.context import Context
from mooring.handler.load import place_of
from mooring.handler.payload import TEXT, InvalidPayload, encode
from mooring.web.media import JSON, SPELLINGS
from mooring.web.user_code import Call, Reply

R = TypeVar("R")

MESSAGE_LIMIT = 200


def essence(header: str, default: str) -> str:
    """A media type without parameters, in lower case; the name that it is known by where it has several.

    The first of a list; `default` for none or for anything.
    """
    name = header.split(",")[0].split(";")[0].strip().lower()
    return SPELLINGS.get(name, name) if name and name != "*/*" else default


def input_of(call: Call) -> tuple[Any, str]:
    """What input_fn gets: the body, as str for JSON and CSV, and its type. Raises InvalidPayload if it is not UTF-8."""
    kind = essence(call.content_type, JSON)
    if kind not in TEXT:
        return call.body, kind
    try:
        return call.body.decode("utf-8"), kind
    except UnicodeDecodeError as error:
        raise InvalidPayload(f"This is not UTF-8: byte {error.start} is 0x{call.body[error.start]:02x}.") from error


def reply_of(result: Any, accept: str, context: Context) -> Reply:
    """bytes and str go out as they are, (body, content type) too, anything else as the accepted type."""
    processor = context.request_processor[0]
    headers = dict(processor.response_headers)
    kind = next((headers.pop(name) for name in list(headers) if name.lower() == "content-type"), accept)
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        result, kind = result
    if isinstance(result, str):
        result = result.encode()
    body = bytes(result) if isinstance(result, (bytes, bytearray, memoryview)) else encode(result, kind)
    return Reply(body, kind, processor.status, headers)


def guarded(step: str, path: Path, request_id: str, function: Callable[[], R]) -> R:
    """Call a function of the user's. What it raises becomes HandlerFailed, logged with file and line; our errors stay.

    From input_fn a ValueError is the request's fault, as InvalidPayload is from any of them.
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
    except Exception as error:  # Border: it is the user's code, and may raise anything.
        raise _failed(step, path, request_id, error) from error


def _invalid(error: Exception) -> RequestError:
    text = str(error) or type(error).__name__
    return RequestError(text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…")


def _failed(step: str, path: Path, request_id: str, error: Exception) -> HandlerFailed:
    log = structlog.get_logger("mooring.handler")
    # Its message may repeat what was sent: it is logged at level debug alone, as everywhere.
    log.error(f"{step} failed", at=place_of(error, path), request_id=request_id, exc_info=error)
    # The stock server's PredictionException says its own status.
    code = getattr(error, "error_code", None)
    return HandlerFailed(
        f"The model's own code failed in {step}.",
        hint="The server's log has file and line under this request id.",
        status=code if isinstance(code, int) and 400 <= code < 600 else None,
    )

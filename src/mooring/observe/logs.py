"""Set up logging in one format for Mooring and other libraries. Called by the commands.

    2026-05-01T09:30:00Z info request method=POST route=/invocations status=200 ms=12.4 request_id=…
    {"time": "2026-05-01T09:30:00Z", "level": "info", "event": "request", "method": "POST", …}

Lines go to stderr. No line contains what a client sent: exceptions are shown by class and place, and their messages,
which may repeat a value, only at level debug. User code is the exception (`handler/raised.py`).
"""

import contextlib
import logging
import sys
import time
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, ExcInfo, Processor

LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}

QUIET = (
    "uvicorn",
    "asyncio",
    "huggingface_hub",
    "hf_xet",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "filelock",
    "urllib3",
)
"""Libraries that are too verbose at level info: shown from warning on."""


def configure_logs(
    level: str = "info", form: str = "auto", stream: TextIO | None = None, *, ours_only: bool = False
) -> None:
    """Set up logging for the process. `level` is one of `LEVELS`, `form` is auto, text or json.

    With `ours_only` the logging of other libraries is left alone, for use inside another program.
    """
    stream = stream or sys.stderr
    on_terminal = stream.isatty()
    as_text = form == "text" or (form == "auto" and on_terminal)
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _exceptions(with_messages=level == "debug"),
    ]
    last = _text(colours=on_terminal) if as_text else _json
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=_Streams(stream),
        cache_logger_on_first_use=False,
    )
    if not ours_only:
        # A log that cannot be written (no reader, a full disk) must not affect answers.
        logging.raiseExceptions = False
        _adopt(LEVELS[level], stream, shared, last)


def _adopt(level: int, stream: TextIO, shared: list[Processor], last: Processor) -> None:
    """Format standard library log records the same way."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
        logger.setLevel(logging.DEBUG if level <= logging.DEBUG else max(level, logging.WARNING))


class _Streams:
    """Makes loggers that all write to one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, *_: Any) -> structlog.WriteLogger:
        return _Writer(self._stream)


class _Writer(structlog.WriteLogger):
    """Drops a line that cannot be written instead of raising."""

    def msg(self, message: str) -> None:
        """Write and flush."""
        with contextlib.suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


def _exceptions(*, with_messages: bool) -> Processor:
    """Replace `exc_info` by text. structlog's own formatter shows local variables, which may hold request texts."""

    def process(_: Any, __: str, event: EventDict) -> EventDict:
        error = _error_of(event.pop("exc_info", None))
        if error is not None:
            event["error"] = type(error).__name__
            event["where"] = where(error)
            if with_messages:
                event["message"] = str(error)
        return event

    return process


def _error_of(exc_info: ExcInfo | BaseException | bool | None) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1]
    return sys.exc_info()[1] if exc_info else None


def timestamp() -> str:
    """Now, in UTC and to the second, e.g. "2026-05-01T09:30:00Z"."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def where(error: BaseException, frames: int = 5) -> str:
    """The innermost places of a traceback, the raising one last. No values."""
    found = traceback.extract_tb(error.__traceback__)[-frames:]
    return " > ".join(f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in found)


def _short(path: str) -> str:
    parts = path.replace("\\", "/").split("/")
    return "/".join(parts[-2:])


def _json(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    ordered = {"time": event.pop("time", None), "level": event.pop("level", None), "event": event.pop("event", None)}
    return msgspec.json.encode({**ordered, **event}, enc_hook=str).decode()


_COLOURS = {"debug": "\033[2m", "info": "\033[32m", "warning": "\033[33m", "error": "\033[31m", "critical": "\033[31m"}


def _text(*, colours: bool) -> Processor:
    """Format one text line. Control characters are escaped, so an event is always one line."""

    def render(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
        time, level, what = event.pop("time", ""), str(event.pop("level", "")), event.pop("event", "")
        shown = f"{_COLOURS.get(level, '')}{level}\033[0m" if colours else level
        fields = "".join(f" {name}={_value(value)}" for name, value in event.items())
        return f"{time} {shown} {_plain(str(what))}{fields}"

    return render


def _value(value: object) -> str:
    text = _plain(str(value))
    return f'"{text}"' if " " in text or not text else text


def _plain(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")

"""Make stdin, stdout and stderr safe to use: open, and able to encode any text.

`prepare` runs once, before anything else. After it:
- a stream that the caller closed (`>&-`) is /dev/null, so that no file or socket gets its number;
- characters that a stream's encoding lacks are replaced by ASCII instead of raising;
- errors of writing to stderr are ignored, because a message must not change what a command does.
"""

import codecs
import contextlib
import io
import json
import os
import sys
from collections.abc import MutableMapping

import click

SPELLED = {
    "«": "<<",
    "»": ">>",
    "…": "...",
    "✓": "+",
    "✗": "x",
    "→": "->",
    "×": "x",
    "−": "-",
    "–": "-",
    "·": "-",
    "─": "-",
    "│": "|",
    "├": "|",
    "└": "|",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
"""Replacements of our decorations and of quotes. Any other character becomes an escape: `\\xfc` for ü."""
ERRORS = "mooring-spelled"
ASCII = "mooring_ascii"


def prepare() -> None:
    """Replace the streams in `sys` where needed. Call it once in a process."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        _open_if_closed(number, name)
    codecs.register_error(ERRORS, _spell)
    codecs.register(_ascii_codec)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=_honest(stream.encoding), errors=ERRORS)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _Courtesy(sys.stderr)
    _forget_no_width(os.environ)


def write_json(document: object, indent: int | None = None) -> None:
    """Print JSON. It is UTF-8 by definition: in other encodings, and with lone surrogates, it is escaped to ASCII."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    try:
        text.encode()
        as_it_is = codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"
    except UnicodeEncodeError:
        as_it_is = False
    click.echo(text if as_it_is else json.dumps(document, indent=indent))


class _Courtesy(io.TextIOWrapper):
    """A stderr whose errors are ignored: a full disk, or a pipe that nobody reads."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        encoding, errors = stream.encoding, stream.errors
        super().__init__(stream.detach(), encoding, errors, line_buffering=True)

    def write(self, text: str, /) -> int:
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def _open_if_closed(number: int, name: str) -> None:
    if getattr(sys, name) is not None:
        return
    # The system gives the lowest free number: the stream's own, unless another file has it by now.
    null = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(null, null == number)
    setattr(sys, name, os.fdopen(null, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(SPELLED.get(c) or c.encode("ascii", "backslashreplace").decode() for c in text), error.end


def _honest(encoding: str) -> str:
    """The encoding to write. click takes "ascii" for a mistake and writes UTF-8, so ASCII gets another name."""
    return ASCII if codecs.lookup(encoding).name == "ascii" else encoding


def _ascii_codec(name: str) -> codecs.CodecInfo | None:
    if name != ASCII:
        return None
    known = codecs.lookup("ascii")
    stateless, streams = (known.encode, known.decode), (known.streamreader, known.streamwriter)
    return codecs.CodecInfo(*stateless, *streams, known.incrementalencoder, known.incrementaldecoder, ASCII)


def _forget_no_width(environ: MutableMapping[str, str]) -> None:
    """Unset a width of 0, which means unknown: rich would print nothing."""
    for name in ("COLUMNS", "LINES"):
        with contextlib.suppress(ValueError):
            if int(environ.get(name, "1")) <= 0:
                del environ[name]

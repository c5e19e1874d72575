"""Read the context of `moor ask`, and show an answer in its sentence."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

import click

from mooring.errors import UsageError, echo

MOST_BYTES = 100_000_000
"""Maximum size of a context; far more than can be answered in useful time."""
LOW_SCORE = 0.5
"""Below it, the model gives all other answers together more than this one."""
MARGIN = 200
"""Characters of the sentence shown on either side of an answer."""
_ENDS = ".!?。！？\n"
_SPACES = re.compile(r"\s+")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Direction overrides, which could display an answer backwards."""


def read_context(name: str | None) -> str:
    """The text of a file, or of stdin for "-". Raises UsageError if it cannot be read."""
    if sys.stdin is None and name in (None, "-"):
        raise UsageError("Cannot read the context: stdin is closed.", hint="Name a text file: --context FILE.")
    if name is None and sys.stdin.isatty():
        raise UsageError("No context was given.", hint="Name a text file, --context FILE, or pipe a text to stdin.")
    if name in (None, "-"):
        if sys.stdin.isatty():
            click.echo("Type or paste the context; end with Ctrl-D on an empty line.", err=True)
        raw, where = sys.stdin.buffer.read(), "stdin"
    else:
        raw, where = _read(str(name)), str(name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{where} is not UTF-8 text (byte {error.start}).", hint="Convert it, for example with iconv -t UTF-8."
        ) from error
    if not text.strip():
        raise UsageError(f"{where} is empty.", hint="The context must contain the text to answer from.")
    return text


def _read(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise UsageError(f"{echo(name)} is larger than {MOST_BYTES:,} bytes.", hint="Use a part of the text.")
        return data
    except OSError as error:
        hint = "--context takes a file name. To pass the text itself, use a pipe: echo … | moor ask … --context -"
        raise UsageError(f"Cannot read {echo(name)}: {error.strerror or error}.", hint=hint) from error


@dataclass(frozen=True, slots=True)
class Excerpt:
    """An answer in its sentence, on one line."""

    before: str
    answer: str
    after: str


def excerpt(context: str, start: int, end: int) -> Excerpt:
    """The sentence around `context[start:end]`, at most `MARGIN` characters on either side, cut at words."""
    left, right = _sentence_start(context, start), _sentence_end(context, end)
    before, after = context[left:start], context[end:right]
    if len(before) > MARGIN:
        before = "…" + before[-MARGIN:].partition(" ")[2]
    if len(after) > MARGIN:
        after = after[:MARGIN].rpartition(" ")[0] + "…"
    return Excerpt(printable(before).lstrip(), printable(context[start:end]), printable(after).rstrip())


def _sentence_start(context: str, start: int) -> int:
    """Index after the last sentence end before `start`. A full stop ends a sentence only before white space."""
    for at in range(start - 1, max(-1, start - 4 * MARGIN), -1):
        if context[at] in _ENDS and (context[at] != "." or context[at + 1 : at + 2].isspace()):
            return at + 1
    return max(0, start - 4 * MARGIN)


def _sentence_end(context: str, end: int) -> int:
    for at in range(end, min(len(context), end + 4 * MARGIN)):
        if context[at] in _ENDS and (context[at] != "." or not context[at + 1 : at + 2].strip()):
            return at + 1
    return min(len(context), end + 4 * MARGIN)


def low_score(score: float, more: str) -> str:
    """What to say of the best answer's score, and how to see other answers; "" if it is not low."""
    return f"low score: below {LOW_SCORE}, other answers together are more likely{more}" if score < LOW_SCORE else ""


def printable(text: str) -> str:
    """The text with single spaces, and � for control characters, which could control the terminal."""
    return "".join("�" if category(c) == "Cc" or c in _BIDI else c for c in _SPACES.sub(" ", text))

"""Read the lines of a requirements.txt as pip does: encoding, continuations, comments, options.

The rules are those of pip 24 to 26, documented under "Requirements File Format". Where the versions differ, anything
that one of them accepts is accepted.
"""

import codecs
import optparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
STRONG_HASHES = ("sha256", "sha384", "sha512")

_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")

_SWITCHES = ("--no-index", "--prefer-binary", "--require-hashes", "--no-require-hashes", "--pre")
_REPEATED = (
    ("-i", "--index-url", "--pypi-url"),
    ("--extra-index-url",),
    ("-f", "--find-links"),
    ("-r", "--requirement"),
    ("-c", "--constraint"),
    ("-e", "--editable"),
    ("--no-binary",),
    ("--only-binary",),
    ("--all-releases",),
    ("--only-final",),
    ("--trusted-host",),
    ("--use-feature",),
    ("--hash",),
    ("-C", "--config-settings"),
    ("--global-option",),
)
_NO_DASH = ("--no-binary", "--only-binary", "--all-releases", "--only-final")


class NotTaken(Exception):
    """pip refuses the file or the line, with this message."""


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line, joined from several physical lines that end in a backslash."""

    number: int
    text: str
    requirement: str
    """Text before the first option; "" if the line begins with one."""
    options: optparse.Values
    """By long name without dashes, such as `find_links`: a list or None, or a boolean for switches."""
    ignored: tuple[str, ...]
    """Words after an option's value, which pip ignores."""

    @property
    def variables(self) -> list[str]:
        """Environment variables that pip substitutes when it runs."""
        return _VARIABLE.findall(self.text)


def decode(data: bytes) -> str:
    """Decode by byte order mark, a coding comment in the first two lines, or else as UTF-8. Raises NotTaken."""
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    for line in data.split(b"\n", 2)[:2]:
        if line.startswith(b"#") and (found := _CODING.search(line)):
            return _decoded(data, found[1].decode("ascii"))
    return _decoded(data, "utf-8")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise NotTaken(f"its coding comment names {encoding!r}, which Python does not know") from error
    except UnicodeDecodeError as error:
        raise NotTaken(f"it is not {encoding.upper()}: byte {error.start} is 0x{data[error.start]:02x}") from error
    except ValueError as error:  # not a text codec
        raise NotTaken(f"it cannot be decoded as {encoding!r}") from error


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """First line number and text of each logical line that is not empty, without comments."""
    for number, joined in _joined(text):
        line = _COMMENT.sub("", joined).strip()
        if line:
            yield number, line


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Join lines that end in a backslash with the next one. A comment line ends a continuation."""
    first, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        comment = _COMMENT.match(line) is not None
        if not parts:
            first = number
        if line.endswith("\\") and not comment:
            parts.append(line.strip("\\"))
            continue
        parts.append(f" {line}" if comment else line)
        yield first, "".join(parts)
        parts = []
    if parts:
        yield first, "".join(parts)


def parse_line(number: int, text: str) -> Line:
    """The requirement and the options of a line. Raises NotTaken."""
    words = text.split(" ")
    count = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    try:
        arguments = shlex.split(" ".join(words[count:]))
    except ValueError as error:
        raise NotTaken(f"its options cannot be parsed: {error}") from error
    options, ignored = _parser().parse_args(arguments)
    for name in _NO_DASH:
        for value in getattr(options, _dest(name)) or ():
            if value.startswith("-"):
                raise NotTaken(f"{name} is followed by another option instead of a value")
    for value in options.hash or ():
        algorithm, colon, _ = value.partition(":")
        if not colon or algorithm not in STRONG_HASHES:
            raise NotTaken(f"--hash takes ALGORITHM:DIGEST with one of {', '.join(STRONG_HASHES)}")
    return Line(number, text, " ".join(words[:count]), options, tuple(ignored))


def _parser() -> optparse.OptionParser:
    """An optparse parser, like pip's, so that abbreviations and joined values mean the same."""
    parser = optparse.OptionParser(add_help_option=False)

    def refuse(message: str) -> None:
        raise NotTaken(message)

    parser.error = refuse  # type: ignore[method-assign,assignment]
    for names in _REPEATED:
        parser.add_option(*names, dest=_dest(names[1] if len(names) > 1 else names[0]), action="append")
    for name in _SWITCHES:
        parser.add_option(name, dest=_dest(name), action="store_true", default=False)
    return parser


def _dest(name: str) -> str:
    return name.removeprefix("--").replace("-", "_")

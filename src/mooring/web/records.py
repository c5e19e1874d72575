"""Split a body of JSON Lines or CSV into its records, one at a time. Used by `decode.py` and `batch.py`.

Work and memory are linear in the body: it may hold `most` records, and a caller that reads them one at a time holds one
at a time. Blank lines are skipped without a Python step for each.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from mooring.errors import InvalidRequest, PayloadTooLarge, RequestError, echo
from mooring.web.form import INPUTS, Form
from mooring.web.media import CSV
from mooring.web.text import read_json, read_text, unmarked

MOST_COLUMNS = 1000
SHOWN_COLUMNS = 20
"""Most names shown in an error message about the header."""

_DELIMITERS = {";": "semicolons (;)", "\t": "tabs", "|": "vertical bars (|)"}
"""Other delimiters in files called CSV → display name."""
_BLANK = re.compile(rb"\s*")

# The csv module's field limit of 128 KB is per process; the body's size limit has already been applied.
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True, slots=True)
class Record:
    """One request of a body, or the error of reading it."""

    value: object
    """The decoded value, or a RequestError."""
    line: int
    """Line number from 1; the last line of a multi-line row."""
    row: int = 0
    """CSV row number from 1 below the header; 0 in JSON Lines."""
    beside: Mapping[str, object] = field(default_factory=dict)
    """The other columns of a CSV row with a column `INPUTS`."""

    @property
    def place(self) -> str:
        """For error messages: "Line 3", "Row 2 (line 3)"."""
        return f"Row {self.row} (line {self.line})" if self.row else f"Line {self.line}"

    def located(self, error: InvalidRequest, pointer: str) -> InvalidRequest:
        """An error in this record, with its place; `pointer` is relative to the record."""
        field = pointer.removeprefix("/")
        part = "" if not field else f", column {field}" if self.row else f", /{field}"
        # The example of a JSON body is no help with CSV.
        hint = "Check the names of the columns." if self.row and error.hint.startswith("Send {") else error.hint
        return InvalidRequest(f"{self.place}{part}: {error.reason}", hint=hint)


def records(kind: str, data: bytes, form: Form, most: int) -> Iterator[Record]:
    """The records of a body of lines or rows, in order; an unreadable record has its error as value.

    Raises InvalidRequest if the body cannot be split into records, PayloadTooLarge after `most` of them.
    """
    data = unmarked(data)
    return _rows(data, form, most) if kind == CSV else _lines(data, form, most)


def check_count(kind: str, data: bytes, most: int) -> None:
    """Raise as `records` without decoding them, so that too many are refused before any work."""
    data = unmarked(data)
    for _ in _cells(data, most) if kind == CSV else _spans(data, most):
        pass


def _lines(data: bytes, form: Form, most: int) -> Iterator[Record]:
    for number, begin, end in _spans(data, most):
        try:
            yield Record(read_json(data[begin:end], form.hint, f"Line {number}: "), number)
        except RequestError as error:
            yield Record(error, number)


def _spans(data: bytes, most: int) -> Iterator[tuple[int, int, int]]:
    """(number, begin, end) of every line that is not blank."""
    at, number, found = 0, 1, 0
    while True:
        blank = _BLANK.match(data, at)
        assert blank is not None  # noqa: S101 - it also matches the empty string
        first = blank.end()
        if first == len(data):
            return
        number += data.count(b"\n", at, first)
        begin = data.rfind(b"\n", at, first) + 1 or at
        end = data.find(b"\n", first)
        end = len(data) if end < 0 else end
        found += 1
        if found > most:
            raise _too_many("lines", most)
        yield number, begin, end
        at = end


def _rows(data: bytes, form: Form, most: int) -> Iterator[Record]:
    """RFC 4180 with a header row: each row becomes an object, or the value of the column `INPUTS` if alone."""
    header: list[str] = []
    for row, line, cells in _cells(data, most):
        if not header:
            header = _header(cells, form)
        elif len(cells) != len(header):
            error = InvalidRequest(
                f"Row {row} (line {line}) has {len(cells)} fields, but the header has {len(header)}.",
                hint="Put fields with commas, quotes or line breaks in double quotes, and double the quotes in them.",
            )
            yield Record(error, line, row)
        else:
            value = dict(zip(header, cells, strict=True))
            if INPUTS in value:
                yield Record(value.pop(INPUTS), line, row, value)
            else:
                yield Record(value, line, row)


def _cells(data: bytes, most: int) -> Iterator[tuple[int, int, list[str]]]:
    """(row, line, cells) of every non-blank row; the header is row 0. Blank rows count towards `most`."""
    reader = csv.reader(io.StringIO(read_text(data), newline=""), strict=True)
    row = 0
    try:
        for count, cells in enumerate(reader):
            if count > most:
                raise _too_many("rows", most)
            if cells:
                yield row, reader.line_num, cells
                row += 1
    except csv.Error as error:
        raise InvalidRequest(
            f"Row {row} (line {reader.line_num}) is not valid CSV: {error}.",
            hint="Separate fields by commas, and double the quotes in a quoted field (RFC 4180).",
        ) from error


def _too_many(what: str, most: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body has more than {most} {what}, the limit for one request.",
        hint=f"Split it into several requests of at most {most} {what} each.",
    )


def _header(cells: list[str], form: Form) -> list[str]:
    """The column names: known ones in lower case, others as sent."""
    if len(cells) > MOST_COLUMNS:
        raise InvalidRequest(f"The CSV header has {len(cells)} columns; the limit is {MOST_COLUMNS}.")
    known = form.names
    names = [_name(cell, known) for cell in cells]
    shown = echo(", ".join(cell.strip() for cell in cells[:SHOWN_COLUMNS]))
    for name in (cell.strip().lower() for cell in cells):
        if name in form.not_csv:
            raise InvalidRequest(
                f"The CSV has the column {echo(name)} of {form.not_csv[name]}, whose requests contain lists.",
                hint="CSV cannot hold lists: send application/json or application/jsonlines.",
            )
    if not known.intersection(names):
        if used := _delimiter(cells[0][:1000], known):
            raise InvalidRequest(
                f"The CSV columns are separated by {used}: the first row is {shown}.",
                hint="Separate columns by commas (RFC 4180).",
            )
        raise InvalidRequest(
            f"The first CSV row must name the columns, but is {shown}.",
            hint=f"Name the columns {' and '.join(form.columns)}, or {INPUTS}.",
        )
    if len(set(names)) < len(names):
        raise InvalidRequest(f"The CSV header names a column twice: {shown}.")
    return names


def _name(cell: str, known: Set[str]) -> str:
    name = cell.strip()
    return name.lower() if name.lower() in known else name


def _delimiter(cell: str, known: Set[str]) -> str:
    """The delimiter, if it is not a comma and this first cell holds column names."""
    for mark, said in _DELIMITERS.items():
        if any(_name(part, known) in known for part in cell.split(mark)):
            return said
    return ""

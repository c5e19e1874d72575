"""A body's bytes and kind in, what the task parses out. Called by `invocations.py`; large bodies in a thread.

Every fault is an InvalidRequest that says where: a byte, a row or a line.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from mooring.errors import InvalidRequest, echo
from mooring.web.media import CSV, LINES

BOM = b"\xef\xbb\xbf"

COLUMNS = ("question", "context", "inputs")
"""A CSV body's header names at least one of these."""

EXAMPLE = 'Send {"inputs": {"question": "…", "context": "…"}}.'

# The csv module's own limit for a field is 128 KB and belongs to the process; a body's limit has been applied already.
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a body says."""

    body: object
    """As `Task.parse` takes it."""
    rows: int | None = None
    """How many requests a body of rows or lines holds, in order; None for a body of one request."""


def decode(kind: str, data: bytes) -> Decoded:
    """Decode a body of one of `media.KINDS`. Raises InvalidRequest."""
    data = data.removeprefix(BOM)
    if not data or data.isspace():
        raise InvalidRequest("The body is empty.", hint=EXAMPLE)
    if kind == CSV:
        return _csv(data)
    if kind == LINES:
        return _lines(data)
    return Decoded(_json(data))


def _json(data: bytes, where: str = "") -> object:
    try:
        value: object = msgspec.json.decode(data)
    except UnicodeDecodeError as error:
        raise _not_utf8(data, where) from error
    except RecursionError as error:
        raise InvalidRequest(f"{where}The JSON is nested too deeply.", hint=EXAMPLE) from error
    except msgspec.DecodeError as error:
        hint = EXAMPLE
        if "trailing" in str(error):
            hint = "One JSON value is wanted; several, one per line, are Content-Type: application/jsonlines."
        # msgspec's messages name bytes and kinds, never content.
        raise InvalidRequest(f"{where}This is not JSON: {_plain(error)}.", hint=hint) from error
    return value


def _plain(error: Exception) -> str:
    text = str(error).removeprefix("JSON is malformed: ")
    return "it ends too early" if text == "Input data was truncated" else text[:1].lower() + text[1:]


def _not_utf8(data: bytes, where: str = "") -> InvalidRequest:
    # Decoded again, since msgspec counts from the start of the string in which it met the fault.
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"byte {error.start} is 0x{data[error.start]:02x}"
        return InvalidRequest(f"{where}This is not UTF-8: {place}.", hint="Encode it as UTF-8.")
    return InvalidRequest(f"{where}This is not UTF-8.", hint="Encode it as UTF-8.")


def records(kind: str, data: bytes) -> Iterator[object | InvalidRequest]:
    """The requests of a body of lines or rows, one by one; one that cannot be read comes as its error.

    Raises InvalidRequest where the whole body cannot be told apart into records.
    """
    data = data.removeprefix(BOM)
    yield from _rows(data) if kind == CSV else (value for _, value in _each_line(data))


def _each_line(data: bytes) -> Iterator[tuple[int, object | InvalidRequest]]:
    """(number, value or error) of every line that is not blank."""
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line or line.isspace():
            continue
        try:
            yield number, _json(line, f"Line {number}: ")
        except InvalidRequest as error:
            yield number, error


def _lines(data: bytes) -> Decoded:
    """JSON Lines: a request per line, blank lines left out. Parameters hold for all lines and so must agree."""
    inputs: list[object] = []
    parameters: object = None
    for number, value in _each_line(data):
        if isinstance(value, InvalidRequest):
            raise value
        given: object = None
        if isinstance(value, dict):
            given = value.pop("parameters", None)
            value = value.get("inputs", value)
        if isinstance(value, list) or (isinstance(value, dict) and isinstance(value.get("question"), list)):
            raise InvalidRequest(
                f"Line {number}: a list where one request belongs.", hint="Give each of them a line of its own."
            )
        if inputs and given != parameters:
            raise InvalidRequest(
                f"Line {number}: its parameters differ from the first line's.",
                hint="Send lines with other parameters in another request.",
            )
        parameters = given
        inputs.append(value)
    body: dict[str, object] = {"inputs": inputs}
    if parameters is not None:
        body["parameters"] = parameters
    return Decoded(body, len(inputs))


def _csv(data: bytes) -> Decoded:
    """RFC 4180 with a header row: each row a request of its columns, or the value of the column `inputs` alone."""
    rows: list[object] = []
    for row in _rows(data):
        if isinstance(row, InvalidRequest):
            raise row
        rows.append(row)
    if not rows:
        raise InvalidRequest("The CSV has a header and no rows.", hint="Add a row for each question.")
    return Decoded({"inputs": rows}, len(rows))


def _rows(data: bytes) -> Iterator[object | InvalidRequest]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(data) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    count = 0
    try:
        for cells in reader:
            if not cells:
                continue
            if not header:
                header = _header(cells)
                continue
            count += 1
            if len(cells) != len(header):
                yield InvalidRequest(
                    f"Row {count} (line {reader.line_num}) has {len(cells)} fields, the header {len(header)}.",
                    hint='Put "quotes" around a field with commas, quotes or line breaks, and double the quotes in it.',
                )
                continue
            row = dict(zip(header, cells, strict=True))
            yield row.get("inputs", row)
    except csv.Error as error:
        raise InvalidRequest(
            f"Row {count + 1} (line {reader.line_num}) is not CSV: {error}.",
            hint="Fields are separated by commas, and quotes in a quoted field are doubled (RFC 4180).",
        ) from error


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if not set(names) & set(COLUMNS):
        raise InvalidRequest(
            f"The CSV's first row must name its columns, and is {echo(', '.join(names))}.",
            hint="The columns are question and context, or inputs.",
        )
    if len(set(names)) < len(names):
        raise InvalidRequest(f"The CSV's header names a column twice: {echo(', '.join(names))}.")
    return names

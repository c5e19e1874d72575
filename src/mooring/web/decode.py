"""Decode a body of JSON, JSON Lines or CSV into the task's input. Used by `protocols/`; large bodies in a thread.

Every error is an InvalidRequest that says where: a byte, a row or a line.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mooring.errors import InvalidRequest, RequestError
from mooring.tasks.body import pointed
from mooring.web.form import INPUTS, Form
from mooring.web.media import JSON
from mooring.web.records import Record, records
from mooring.web.text import read_json, unmarked

MOST_RECORDS = 250_000
"""Default limit of records. 6 MB of JSON Lines, a transform job's default, hold fewer."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded body."""

    body: object
    """The input of `Task.parse`."""
    records: Sequence[Record] | None = None
    """The records of a body of rows or lines, one request each; None for a body of one request."""
    beside: Mapping[str, Record] = field(default_factory=dict)
    """Key of `body` that is not `inputs` or `parameters` → the first record with that key or column."""

    @property
    def rows(self) -> int | None:
        """Number of rows or lines; None for a body of one request."""
        return None if self.records is None else len(self.records)

    def located(self, error: InvalidRequest) -> InvalidRequest:
        """An error of `Task.parse`, with the row or line instead of a pointer into the list of records."""
        if self.records is None:
            return error
        for key, record in self.beside.items():
            if error.pointer == f"/{pointed(key)}":
                return record.located(error, error.pointer)
        found = re.match(r"/inputs/(\d{1,9})(/|$)", error.pointer)
        if found is None:
            return error
        return self.records[int(found[1])].located(error, error.pointer[found.end(1) :])


def decode(kind: str, data: bytes, form: Form, most: int = MOST_RECORDS) -> Decoded:
    """Decode a body of one of `media.KINDS`. Raises InvalidRequest, or PayloadTooLarge for more than `most` records."""
    data = unmarked(data)
    if not data or data.isspace():
        raise InvalidRequest("The body is empty.", hint=form.hint)
    if kind == JSON:
        return Decoded(read_json(data, form.hint))
    inputs: list[object] = []
    found: list[Record] = []
    parameters: object = None
    beside: dict[str, object] = {}
    places: dict[str, Record] = {}
    for record in records(kind, data, form, most):
        if isinstance(record.value, RequestError):
            raise record.value
        value, given, others = (record.value, None, record.beside) if record.row else _line(record, form)
        for key, part in others.items():
            if key not in beside:
                beside[key], places[key] = part, record
        if found and given != parameters:
            raise InvalidRequest(
                f"{record.place}: the parameters differ from those of the first line.",
                hint="Send lines with different parameters in separate requests.",
            )
        parameters = given
        inputs.append(value)
        found.append(record)
    if not found:
        raise InvalidRequest("The CSV has a header but no rows.", hint="Add a row for each request.")
    body = {**beside, INPUTS: inputs} | ({} if parameters is None else {"parameters": parameters})
    return Decoded(body, found, places)


def _line(record: Record, form: Form) -> tuple[object, object, Mapping[str, object]]:
    """A line's inputs, its parameters, and its keys beside `inputs`, which `Task.parse` judges as in a JSON body.

    The parameters apply to all lines, so they must agree.
    """
    value, parameters = record.value, None
    others: Mapping[str, object] = {}
    if isinstance(value, dict):
        parameters = value.pop("parameters", None)
        if INPUTS in value:
            others = value
            value = value.pop(INPUTS)
    if form.several(value):
        raise InvalidRequest(
            f"{record.place}: expected one request, found a list.", hint="Put each request on its own line."
        )
    return value, parameters, others

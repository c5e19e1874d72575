"""Write an answer of dicts, lists, strings and numbers as JSON, JSON Lines or CSV. Used by `protocols/`."""

import csv
import io
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

from mooring.errors import NotAcceptable
from mooring.tasks.arrays import as_json
from mooring.web.media import CSV, LINES

ROW = "row"
"""The CSV column with the number of a request."""
ERROR = "error"
"""The CSV column with the error of a record."""


def encode(kind: str, answer: object, rows: int | None = None) -> bytes:
    """Write an answer as one of `media.KINDS`.

    `rows` is the number of requests received as rows or lines (None: one, or a JSON list): a JSON Lines response has as
    many lines, however many answers each has. In CSV, answers that are lists of objects have a row for each object,
    with the number of its request from 1 in the column `row`.
    Raises NotAcceptable for an answer that cannot be written as CSV rows.
    """
    if kind == CSV:
        return _csv(answer, rows)
    return _lines(answer, rows) if kind == LINES else as_json(answer)


def no_rows() -> NotAcceptable:
    """The error for answers that do not fit into CSV."""
    return NotAcceptable(
        "Several answers to each request do not fit into CSV rows.",
        hint="Ask for one answer each (top_k 1), or accept application/jsonlines.",
    )


def _lines(answer: object, rows: int | None) -> bytes:
    # A task answers a list of one request like that request alone; the one line may then hold a list.
    entries = answer if isinstance(answer, list | np.ndarray) and rows != 1 else [answer]
    return b"".join(as_json(entry) + b"\n" for entry in entries)


def encode_each(answers: Sequence[Any]) -> bytes:
    """Write the answers to separate requests as CSV, where some may be errors: objects with the key `error`.

    `error` is always a column. If an answer is a list of objects, all answers have their number from 1 in the column
    `row`. Each answer must pass `fits_csv`.
    """
    if any(_is_table(answer) for answer in answers):
        return _written(_numbered(answers), (ROW, ERROR))
    return _written(answers, (ERROR,))


def fits_csv(answer: object) -> bool:
    """Whether the answer to one request can be written as rows."""
    return _is_table(answer) or not _holds_objects(answer)


def _numbered(answers: Sequence[Any]) -> list[dict[str, object]]:
    """The objects of all answers, each with the number of its answer."""
    return [
        {ROW: number, **record}
        for number, answer in enumerate(answers, 1)
        for record in (answer if _is_table(answer) else [_record(answer)])
    ]


def _csv(answer: object, rows: int | None) -> bytes:
    entries: Sequence[Any] = _rows(answer)
    columns: tuple[str, ...] = ()
    if rows != 1 and entries and all(_is_table(entry) for entry in entries):
        columns, entries = (ROW,), _numbered(entries)
    if any(_holds_objects(entry) for entry in entries):
        raise no_rows()
    return _written(entries, columns)


def _record(entry: Any) -> dict[str, object]:
    return entry if isinstance(entry, dict) else {"answer": entry}


def _written(entries: Sequence[Any], columns: Sequence[str]) -> bytes:
    """A row for each entry; `columns` are always present."""
    records = [_record(entry) for entry in entries]
    # In the order of the task's keys, `score,start,end,answer`; keys of other answers follow.
    names = list(dict.fromkeys([*(name for record in sorted(records, key=_is_error) for name in record), *columns]))
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([_cell(record.get(name)) for name in names] for record in records)
    return sink.getvalue().encode()


def _rows(answer: object) -> Sequence[object]:
    """The rows of an answer; a vector is one."""
    if isinstance(answer, np.ndarray):
        return list(answer) if answer.ndim > 1 else [answer]
    return answer if isinstance(answer, list) and not isinstance(next(iter(answer), None), float) else [answer]


def _is_table(entry: object) -> TypeGuard[list[dict[str, object]]]:
    """Whether it is a list of objects, such as entities, or an empty one."""
    return isinstance(entry, list) and all(isinstance(part, dict) for part in entry)


def _holds_objects(entry: object) -> bool:
    """Whether it is a list of objects, or of lists of these. Numbers in lists fit into a cell."""
    return isinstance(entry, list) and any(isinstance(part, dict) or _holds_objects(part) for part in entry)


def _is_error(record: dict[str, object]) -> bool:
    return ERROR in record


def _cell(value: object) -> object:
    """Numbers and strings as they are, nested values as JSON."""
    return as_json(value).decode() if isinstance(value, (dict, list, bool, np.ndarray)) else value

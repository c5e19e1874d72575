"""An answer of dicts, lists, strings and numbers in, the response's bytes out. Called by `invocations.py`."""

import csv
import io
from collections.abc import Callable, Mapping

import msgspec

from mooring.errors import NotAcceptable
from mooring.web.media import CSV, JSON, LINES


def encode(kind: str, answer: object, rows: int | None = None) -> bytes:
    """Write an answer as one of `media.KINDS`.

    `rows` is how many requests came in as rows or lines (None: one, or a list in JSON): JSON Lines give back as many
    lines, however many answers each has. Raises NotAcceptable for an answer that has no rows to be written as CSV.
    """
    return _WRITERS[kind](answer, rows)


def _json(answer: object, rows: int | None) -> bytes:  # noqa: ARG001 - the table's signature
    return msgspec.json.encode(answer)


def _lines(answer: object, rows: int | None) -> bytes:
    # A task answers a list of one request as that request alone; the one line may then hold a list of its own.
    entries = answer if isinstance(answer, list) and rows != 1 else [answer]
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)


def _csv(answer: object, rows: int | None) -> bytes:  # noqa: ARG001
    entries = answer if isinstance(answer, list) else [answer]
    if any(isinstance(entry, list) for entry in entries):
        raise NotAcceptable(
            "Several answers to each of several questions do not fit into CSV rows.",
            hint="Ask for one answer each (top_k 1), or accept application/jsonlines.",
        )
    records = [entry if isinstance(entry, dict) else {"answer": entry} for entry in entries]
    # In the order in which the task makes an answer, `score,start,end,answer`; what only others have comes after.
    names = list(dict.fromkeys(name for record in sorted(records, key=_is_error) for name in record))
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([_cell(record.get(name)) for name in names] for record in records)
    return sink.getvalue().encode()


def _is_error(record: dict[str, object]) -> bool:
    return "error" in record


def _cell(value: object) -> object:
    """Numbers and strings as they are, anything deeper as JSON."""
    return msgspec.json.encode(value).decode() if isinstance(value, (dict, list, bool)) else value


_WRITERS: Mapping[str, Callable[[object, int | None], bytes]] = {JSON: _json, LINES: _lines, CSV: _csv}

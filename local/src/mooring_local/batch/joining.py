"""Filter payloads and join them with the model's predictions (contract §1.8). Pure.

Order: input filter, model, join, output filter.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mooring_local.batch.faults import BatchFault
from mooring_local.batch.jsonpath import Select, parse

INPUT, OUTPUT = "SageMakerInput", "SageMakerOutput"
_EVERYTHING = "$"


@dataclass(frozen=True, slots=True)
class Format:
    """Reads, writes and joins the records of one content type."""

    read: Callable[[bytes], list[Any]]
    write: Callable[[list[Any]], bytes]
    join: Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Processing:
    """A job's DataProcessing, parsed."""

    source: Format
    target: Format
    before: Select | None
    """None: payloads are sent unchanged."""
    after: Select | None
    join: bool

    def prepare(self, payload: bytes) -> bytes:
        """Apply the input filter. Raises BatchFault."""
        if self.before is None:
            return payload
        return self.source.write([self.before(record) for record in self.source.read(payload)])

    def finish(self, payload: bytes, answer: bytes) -> bytes:
        """Join the payload with the model's answer and apply the output filter. Raises BatchFault."""
        if not self.join and self.after is None:
            return answer
        answers = self.target.read(answer)
        if self.join:
            records = self.source.read(payload)
            if len(records) != len(answers):
                raise BatchFault(
                    f"Cannot join input and output: {len(records)} records were sent, {len(answers)} were returned.",
                    hint="Use BatchStrategy SingleRecord, or a container that returns one line per record.",
                    blame="AlgorithmError",
                )
            answers = [self.source.join(record, one) for record, one in zip(records, answers, strict=True)]
        return self.target.write([self.after(one) for one in answers] if self.after else answers)


def processing(given: Mapping[str, Any], content_type: str, accept: str, *, whole: bool) -> Processing:
    """Parse the job's `DataProcessing`; `whole`: an object is one record, however many lines it has.

    Raises BatchFault for invalid filters, and for content types without records.
    """
    before, after = (given.get(name) or _EVERYTHING for name in ("InputFilter", "OutputFilter"))
    join = given.get("JoinSource", "None") == "Input"
    needed_in = join or before != _EVERYTHING
    needed_out = join or after != _EVERYTHING
    return Processing(
        _format(content_type, "ContentType", whole) if needed_in else _AS_IT_IS,
        _format(accept or content_type, "Accept", whole) if needed_out else _AS_IT_IS,
        parse(before) if before != _EVERYTHING else None,
        parse(after) if after != _EVERYTHING else None,
        join,
    )


def _join_values(record: Any, answer: Any) -> Any:
    return {**record, OUTPUT: answer} if isinstance(record, dict) else {INPUT: record, OUTPUT: answer}


def _join_rows(record: Any, answer: Any) -> Any:
    return [*record, *answer]


def _read_document(body: bytes) -> list[Any]:
    return [_loads(body)]


def _read_lines(body: bytes) -> list[Any]:
    lines = [line for line in body.splitlines() if line.strip()]
    try:
        return [json.loads(line) for line in lines]
    except (ValueError, RecursionError):
        # One pretty-printed value, or one array for all records.
        return [_loads(body)]


def _read_rows(body: bytes) -> list[Any]:
    try:
        return [row for row in csv.reader(io.StringIO(body.decode())) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BatchFault(f"Invalid CSV data: {error}.") from error


def _loads(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BatchFault(f"Invalid JSON data: {error}.") from error


def _write_lines(values: list[Any]) -> bytes:
    return "\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in values).encode()


def _write_rows(values: list[Any]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(one if isinstance(one, list) else [one] for one in values)
    return text.getvalue().removesuffix("\n").encode()


def _no_records(*_: Any) -> Any:
    raise AssertionError("This is a bug: unfiltered data must not be parsed.")


_AS_IT_IS = Format(_no_records, _no_records, _no_records)
_DOCUMENT = Format(_read_document, _write_lines, _join_values)
_LINES = Format(_read_lines, _write_lines, _join_values)
_ROWS = Format(_read_rows, _write_rows, _join_rows)
_FORMATS: Mapping[str, Format] = {
    "application/json": _LINES,
    "application/jsonlines": _LINES,
    "application/jsonl": _LINES,
    "application/x-jsonlines": _LINES,
    "application/x-ndjson": _LINES,
    "text/csv": _ROWS,
}


def _format(content_type: str, member: str, whole: bool) -> Format:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _FORMATS:
        raise BatchFault(
            f"DataProcessing needs JSON, JSON Lines or CSV as {member}; it is {content_type or 'not set'!r}.",
            hint="Set it to application/json, application/jsonlines or text/csv.",
        )
    return _DOCUMENT if whole and kind == "application/json" else _FORMATS[kind]

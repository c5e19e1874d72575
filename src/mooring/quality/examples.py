"""Read files of examples, for the calibration and accuracy check of `moor build` and for `moor eval`.

Formats are detected by content, except that CSV is named .csv. Each task has its labeled format (`read_labelled`); any
task also accepts unlabeled requests as a client would send them, one per line or as one JSON array.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring.errors import InvalidRequest, UsageError, echo


@dataclass(frozen=True, slots=True)
class Example:
    """One request, labeled or not."""

    body: Any
    """The request as sent by a client. In a labeled format always the bare `inputs`."""
    label: Any = None
    """The label for the task's metric, or None."""
    id: str = ""
    group: str = ""
    """Examples of one group share a text; hold them out together if there are enough."""
    answerable: bool = True
    """False if the file says that no answer exists; the label then says how to answer."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that the task's metric needs, e.g. another shape of the answer. Only in a labeled format."""

    @property
    def request(self) -> Any:
        """The complete request."""
        return {"inputs": self.body, "parameters": dict(self.parameters)} if self.parameters else self.body

    @property
    def key(self) -> str:
        """A digest that is equal for identical requests."""
        return json.dumps(self.body, sort_keys=True, ensure_ascii=False)


ReadLabelled = Callable[[Path, Any], "list[Example] | None"]
"""(path, JSON value or list of JSON Lines values) → examples; None for another format.

Raises UsageError, with the place in the file, if the format matches but the file is invalid.
"""


@dataclass(frozen=True, slots=True)
class Format:
    """A task's labeled format."""

    expected: str
    """For hints, e.g. "SQuAD JSON"."""
    read: ReadLabelled
    request: str
    """An example request of the task, for hints."""
    scored: bool = True
    """Whether there is a labeled format at all."""

    @property
    def shapes(self) -> str:
        """The accepted formats, for hints."""
        return f"{self.expected}, or requests such as {self.request}, one per line"


@dataclass(frozen=True, slots=True)
class ExampleFile:
    """All usable examples of one file."""

    name: str
    sha256: str
    examples: tuple[Example, ...]
    labelled: bool
    """Whether all examples have labels."""
    skipped: int = 0
    """Number of examples left out because no answer exists."""


def read_examples(path: Path, known: Format, parse: Callable[[object], Any]) -> ExampleFile:
    """Read and check a file for calibration and accuracy checks. Each example must pass the task's `parse`.

    Raises UsageError if the file is unreadable, has an unknown format, is for another task, or is empty.
    """
    raw, value = load(path, known)
    found = known.read(path, value)
    if found is None:
        found = [_request(body) for body in (value if isinstance(value, list) else [value])]
    usable = [example for example in found if example.answerable]
    for number, example in enumerate(usable, 1):
        try:
            parse(example.request)
        except InvalidRequest as error:
            place = f"example {example.id}" if example.id else f"example {number}"
            raise UsageError(
                f"{path}, {place} is not a request for this model's task: {error.message}",
                hint=f"Calibration needs data for this task. The file must be {known.shapes}.",
            ) from error
    if not usable:
        raise UsageError(f"{path} contains no examples.", hint=f"It must be {known.shapes}.")
    labelled = all(example.label is not None for example in usable)
    return ExampleFile(path.name, hashlib.sha256(raw).hexdigest(), tuple(usable), labelled, len(found) - len(usable))


def read_labelled(path: Path, known: Format) -> list[Example]:
    """All examples of a labeled file, in order. Raises UsageError, also for an example without a label."""
    _, value = load(path, known)
    found = known.read(path, value)
    if not found:
        what = "contains no examples" if found == [] else "has no labels for this model's task"
        raise UsageError(f"{path} {what}.", hint=f"Expected {known.expected}.")
    for example in found:
        if example.label is None:
            raise UsageError(
                f"{path}: example {echo(example.id)} has no label.",
                hint=f"Evaluation needs a labeled file: {known.expected}.",
            )
    return found


def load(path: Path, known: Format) -> tuple[bytes, Any]:
    """The bytes of a file, and its JSON value or the values of its lines, or of its rows (.csv). Raises UsageError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        hint = "Check that the file exists and is readable."
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.", hint=hint) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = f"It must be {known.shapes}."
        raise UsageError(f"{path} is not valid UTF-8 (byte {error.start}).", hint=hint) from error
    if path.suffix.lower() == ".csv":
        return raw, list(_rows(path, text, known))
    try:
        return raw, json.loads(text)
    except (ValueError, RecursionError):
        return raw, list(_lines(path, text, known))


def _rows(path: Path, text: str, known: Format) -> Iterable[dict[str, str]]:
    """The rows of CSV (RFC 4180) with a header, as objects; empty cells are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    hint = f"Put texts with commas or quotes in double quotes. The file must be {known.shapes}."
    try:
        for cells in reader:
            if not header:
                header = cells
            elif len(cells) == len(header):
                yield {name: cell for name, cell in zip(header, cells, strict=True) if cell}
            elif cells:
                raise UsageError(
                    f"{path}, line {reader.line_num} has {len(cells)} fields, but the header has {len(header)}.",
                    hint=hint,
                )
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num} is not valid CSV: {error}.", hint=hint) from error


def _lines(path: Path, text: str, known: Format) -> Iterable[Any]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                hint = f"It must be {known.shapes}."
                raise UsageError(f"{path}, line {number} is not valid JSON: {echo(line)}.", hint=hint) from error


def _request(body: Any) -> Example:
    inputs = body.get("inputs", body) if isinstance(body, dict) else body
    texts = [text for text in inputs.values() if isinstance(text, str)] if isinstance(inputs, dict) else []
    # Requests with the same longest text share a passage.
    return Example(body, group=max(texts, key=len, default=json.dumps(inputs, sort_keys=True)))

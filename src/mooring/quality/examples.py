"""Read a file of examples: what `moor build` calibrates on and judges with, and what `moor eval` scores.

Formats are told apart by content, never by the file's name. A labelled format is the task's own (`read_labelled`); any
task takes requests as a client would send them, one a line or one JSON array, which have no labels.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import InvalidRequest, UsageError, echo


@dataclass(frozen=True, slots=True)
class Example:
    """One request, labelled or not."""

    body: Any
    """What a client would send. Of a labelled format always the bare `inputs`."""
    label: Any = None
    """What the task's metric compares with; None without one."""
    id: str = ""
    group: str = ""
    """Examples of one group share a text; hold them back together where there are enough."""
    answerable: bool = True
    """False where the file says that there is no right answer; then the label says how that is answered."""

    @property
    def key(self) -> str:
        """Equal for two examples that ask the same."""
        return json.dumps(self.body, sort_keys=True, ensure_ascii=False)


ReadLabelled = Callable[[Path, Any], "list[Example] | None"]
"""(where it came from, JSON value or list of the values of JSON Lines) → its examples; None for another format.

Raises UsageError, with the place in the file, where the format is this one and the file goes wrong.
"""


@dataclass(frozen=True, slots=True)
class Format:
    """A task's labelled format."""

    expected: str
    """For the hints of errors, e.g. "SQuAD JSON"."""
    read: ReadLabelled
    request: str
    """A request of the task, for the hints of errors."""

    @property
    def shapes(self) -> str:
        """What a file of examples may be."""
        return f"{self.expected}, or requests such as {self.request}, one a line"


@dataclass(frozen=True, slots=True)
class ExampleFile:
    """All usable examples of one file."""

    name: str
    sha256: str
    examples: tuple[Example, ...]
    labelled: bool
    """Every example has a label."""
    skipped: int = 0
    """Examples left out because they have no right answer."""


def read_examples(path: Path, known: Format, parse: Callable[[object], Any]) -> ExampleFile:
    """Read and check all of a file for calibrating and judging. `parse` is the task's: each example has to pass it.

    Raises UsageError when the file cannot be read, has no known shape, is of another task, or is empty.
    """
    raw, value = load(path, known)
    found = known.read(path, value)
    if found is None:
        found = [_request(body) for body in (value if isinstance(value, list) else [value])]
    usable = [example for example in found if example.answerable]
    for number, example in enumerate(usable, 1):
        try:
            parse(example.body)
        except InvalidRequest as error:
            place = f"example {example.id}" if example.id else f"example {number}"
            raise UsageError(
                f"{path}, {place} is not a request for this model's task: {error.message}",
                hint=f"Calibrating on another task's data would spoil the model. The file must be {known.shapes}.",
            ) from error
    if not usable:
        raise UsageError(f"{path} holds no example.", hint=f"It must be {known.shapes}.")
    labelled = all(example.label is not None for example in usable)
    return ExampleFile(path.name, hashlib.sha256(raw).hexdigest(), tuple(usable), labelled, len(found) - len(usable))


def read_labelled(path: Path, known: Format) -> list[Example]:
    """Every example of a labelled file, in its order. Raises UsageError, also for an example without a label."""
    _, value = load(path, known)
    found = known.read(path, value)
    if not found:
        what = "holds no example" if found == [] else "has no labels that this model's task knows"
        raise UsageError(f"{path} {what}.", hint=f"Expected {known.expected}.")
    for example in found:
        if example.label is None:
            raise UsageError(
                f"{path}: example {echo(example.id)} has no label to compare with.",
                hint=f"Evaluation needs a labelled file: {known.expected}.",
            )
    return found


def load(path: Path, known: Format) -> tuple[bytes, Any]:
    """The bytes of a file, and its JSON value or the list of the values of its lines. Raises UsageError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        hint = "Give a file that is there and that you may read."
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.", hint=hint) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = f"It must be {known.shapes}."
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start}).", hint=hint) from error
    try:
        return raw, json.loads(text)
    except (ValueError, RecursionError):
        return raw, list(_lines(path, text, known))


def _lines(path: Path, text: str, known: Format) -> Iterable[Any]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                hint = f"It must be {known.shapes}."
                raise UsageError(f"{path}, line {number} is not JSON: {echo(line)}.", hint=hint) from error


def _request(body: Any) -> Example:
    inputs = body.get("inputs", body) if isinstance(body, dict) else body
    texts = [text for text in inputs.values() if isinstance(text, str)] if isinstance(inputs, dict) else []
    # Requests that share their longest text share a passage.
    return Example(body, group=max(texts, key=len, default=json.dumps(inputs, sort_keys=True)))

"""A file of questions in, samples out: what `moor build` calibrates on and judges with.

Two shapes are read, told apart by content and not by the file's name: SQuAD (one JSON object with `data`, labelled) and
requests as a client would send them (one a line, or one JSON array; not labelled). Called by `pipeline.py`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import InvalidRequest, UsageError, echo

SHAPES = 'SQuAD JSON, or requests such as {"inputs": {"question": "…", "context": "…"}}, one a line'


@dataclass(frozen=True, slots=True)
class Sample:
    """One question, as a client would send it."""

    body: Any
    """What the task's `parse` takes."""
    answers: tuple[str, ...]
    """The right answers, any of which will do; empty where the file has no labels."""
    group: str
    """Samples with the same group share a passage; hold them back together where there are enough."""

    @property
    def key(self) -> str:
        """Equal for two samples that ask the same."""
        return json.dumps(self.body, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """All usable samples of one file."""

    name: str
    sha256: str
    samples: tuple[Sample, ...]
    labelled: bool
    """Every sample has at least one right answer."""
    skipped: int
    """Questions left out because the file says that they have no answer."""


def read_questions(path: Path, parse: Callable[[object], Any]) -> QuestionFile:
    """Read and check all of a file. `parse` is the task's: each sample has to pass it.

    Raises UsageError when the file cannot be read, has neither shape, is of another task, or is empty.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        hint = "Give a file that is there and that you may read."
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.", hint=hint) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start}).", hint=f"It must be {SHAPES}.") from error
    places, skipped = _samples(path, text)
    samples = tuple(_checked(path, place, sample, parse) for place, sample in places)
    if not samples:
        raise UsageError(f"{path} holds no question.", hint=f"It must be {SHAPES}.")
    labelled = all(sample.answers for sample in samples)
    return QuestionFile(path.name, hashlib.sha256(raw).hexdigest(), samples, labelled, skipped)


def _samples(path: Path, text: str) -> tuple[list[tuple[str, Sample]], int]:
    """(where, sample) pairs of whichever shape the text has, and how many questions without an answer were left out."""
    whole = _json_or_none(text)
    if isinstance(whole, dict) and "data" in whole:
        found = list(_squad(path, whole["data"]))
        return [(place, sample) for place, sample in found if sample], sum(sample is None for _, sample in found)
    if isinstance(whole, list):
        return [(f"item {number}", _request(body)) for number, body in enumerate(whole, 1)], 0
    if isinstance(whole, dict):
        return [("line 1", _request(whole))], 0
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return [(f"line {number}", _request(_line(path, number, line))) for number, line in lines], 0


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _line(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}, line {number} is not JSON: {echo(line)}.", hint=f"It must be {SHAPES}.") from error


def _request(body: Any) -> Sample:
    inputs = body.get("inputs", body) if isinstance(body, dict) else body
    context = inputs.get("context") if isinstance(inputs, dict) else None
    return Sample(body, (), context if isinstance(context, str) else json.dumps(inputs, sort_keys=True))


def _squad(path: Path, articles: Any) -> Iterator[tuple[str, Sample | None]]:
    """Every question with its place in the file; None for one that the file calls impossible (SQuAD 2)."""
    try:
        for article_number, article in enumerate(articles):
            for number, paragraph in enumerate(article["paragraphs"]):
                context = paragraph["context"]
                for question in paragraph["qas"]:
                    place = f"data/{article_number}/paragraphs/{number}, question {echo(question.get('id'))}"
                    body = {"question": question["question"], "context": context}
                    answers = tuple(dict.fromkeys(answer["text"] for answer in question.get("answers", ())))
                    impossible = question.get("is_impossible", False)
                    yield place, None if impossible else Sample(body, answers, context)
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} has `data` but is not shaped like SQuAD ({type(error).__name__}: {echo(str(error))}).",
            hint="Expected data → paragraphs → context and qas → question and answers → text.",
        ) from error


def _checked(path: Path, place: str, sample: Sample, parse: Callable[[object], Any]) -> Sample:
    try:
        parse(sample.body)
    except InvalidRequest as error:
        raise UsageError(
            f"{path}, {place} is not a request for this model's task: {error.message}",
            hint=f"Calibrating on another task's data would spoil the model. The file must be {SHAPES}.",
        ) from error
    return sample

"""Answers and the right answers in, exact match and F1 out; and the reader of SQuAD-shaped files.

EM and F1 as Rajpurkar et al. (2016), section 6.1, define them and as the official scripts compute them: after
normalisation, the best over the right answers, averaged over the questions. Pure, standard library only. Called by
`moor eval`, `moor bench` and the build's gate.
"""

import json
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import UsageError, echo

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)

EXPECTED = "Expected SQuAD's shape: data → paragraphs → context and qas → id, question and answers → text."


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a file."""

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    """The right answers, any of which will do. ("",) for a question without an answer (SQuAD 2); () if unlabelled."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One question's result; scores from 0 to 1."""

    id: str
    prediction: str
    exact_match: float
    f1: float


@dataclass(frozen=True, slots=True)
class Score:
    """Averages in percent over `questions`."""

    exact_match: float
    f1: float
    questions: int


def normalise(text: str) -> str:
    """Lower case, without ASCII punctuation, without the articles a, an and the, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction equals one of `answers` after normalisation, else 0.0. `answers` is not empty."""
    said = normalise(prediction)
    return float(any(said == normalise(answer) for answer in answers))


def f1_score(prediction: str, answers: Sequence[str]) -> float:
    """The best token F1 of the prediction against one of `answers`, 0 to 1. `answers` is not empty.

    Where one side has no tokens left, F1 is 1 if both have none, else 0: SQuAD 2's rule. SQuAD 1.1's script says 0 in
    both cases, which can only matter to an answer that is punctuation alone.
    """
    said = normalise(prediction).split()
    return max(_token_f1(said, normalise(answer).split()) for answer in answers)


def _token_f1(said: list[str], right: list[str]) -> float:
    if not said or not right:
        return float(said == right)
    same = sum((Counter(said) & Counter(right)).values())
    return 2 * same / (len(said) + len(right))


def score(questions: Iterable[Question], predictions: Iterable[str]) -> Iterator[Scored]:
    """Each question's scores, in order, as its prediction arrives. The questions are labelled."""
    for question, said in zip(questions, predictions, strict=False):
        yield Scored(question.id, said, exact_match(said, question.answers), f1_score(said, question.answers))


def summarise(scored: Sequence[Scored]) -> Score:
    """The averages; of no questions at all they are 0."""
    count = len(scored)
    if not count:
        return Score(0.0, 0.0, 0)
    return Score(
        exact_match=100 * sum(one.exact_match for one in scored) / count,
        f1=100 * sum(one.f1 for one in scored) / count,
        questions=count,
    )


def read_squad(path: Path, *, labelled: bool = True) -> list[Question]:
    """Every question of a SQuAD-shaped file (1.1 or 2.0), in its order.

    Raises UsageError saying where the file goes wrong; with `labelled`, also for a question without answers.
    """
    data = _load(path)
    if not isinstance(data, dict) or "data" not in data:
        raise UsageError(f"{path} holds {_kind(data)} without `data`.", hint=EXPECTED)
    questions = list(_questions(path, data["data"]))
    if not questions:
        raise UsageError(f"{path} holds no question.", hint=EXPECTED)
    if labelled:
        for question in questions:
            if not question.answers:
                raise UsageError(
                    f"{path}: question {echo(question.id)} has no answer to compare with.",
                    hint="Evaluation needs a labelled file, such as SQuAD's train or dev file.",
                )
    return questions


def _load(path: Path) -> Any:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        hint = "Give a file that is there and that you may read."
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.", hint=hint) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start}).", hint=EXPECTED) from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"{path} is not JSON{where}.", hint=EXPECTED) from error


def _questions(path: Path, articles: Any) -> Iterator[Question]:
    """Reads with the place at hand, so that a fault in a file of 30 MB can be found."""
    for at, article in _items(path, articles, "data"):
        for inside, paragraph in _items(path, _get(path, article, "paragraphs", at), f"{at}/paragraphs"):
            context = _text(path, paragraph, "context", inside)
            for place, entry in _items(path, _get(path, paragraph, "qas", inside), f"{inside}/qas"):
                yield Question(
                    id=str(entry.get("id", place)),
                    question=_text(path, entry, "question", place),
                    context=context,
                    answers=_answers(path, entry, place),
                )


def _answers(path: Path, entry: dict[str, Any], place: str) -> tuple[str, ...]:
    if entry.get("is_impossible") is True:
        return ("",)
    found = _items(path, entry.get("answers", []), f"{place}/answers")
    return tuple(dict.fromkeys(_text(path, answer, "text", where) for where, answer in found))


def _items(path: Path, value: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(value, list):
        raise UsageError(f"{path}: {place} is {_kind(value)}, not a list.", hint=EXPECTED)
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            raise UsageError(f"{path}: {place}/{number} is {_kind(item)}, not an object.", hint=EXPECTED)
        yield f"{place}/{number}", item


def _get(path: Path, item: dict[str, Any], key: str, place: str) -> Any:
    if key not in item:
        raise UsageError(f"{path}: {place} has no `{key}`.", hint=EXPECTED)
    return item[key]


def _text(path: Path, item: dict[str, Any], key: str, place: str) -> str:
    value = _get(path, item, key, place)
    if not isinstance(value, str) or not value.strip():
        what = "empty" if value == "" or isinstance(value, str) else _kind(value)
        raise UsageError(f"{path}: {place}/{key} is {what}, not text.", hint=EXPECTED)
    return value


def _kind(value: object) -> str:
    """JSON's name of the value's type, with its article."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")

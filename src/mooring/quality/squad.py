"""Read SQuAD files, and compute the SQuAD metric.

Exact match and F1 are as in Rajpurkar et al. (2016), section 6.1, and in the official scripts: after normalization, the
best over the correct answers, averaged over the questions.
"""

import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mooring.errors import UsageError
from mooring.quality.examples import Example, Format, load, read_labelled
from mooring.quality.metrics import Metric, Parts, percentage

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)

EXPECTED = "Expected the SQuAD format: data → paragraphs → context and qas → id, question and answers → text."


def normalise(text: str) -> str:
    """Normalize: lower case, no ASCII punctuation, no articles (a, an, the), single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction equals one of `answers` after normalization, else 0.0. `answers` is not empty."""
    said = normalise(prediction)
    return float(any(said == normalise(answer) for answer in answers))


def f1_score(prediction: str, answers: Sequence[str]) -> float:
    """The best token F1 of the prediction against one of `answers`, 0 to 1. `answers` is not empty.

    If one side has no tokens, F1 is 1 if both have none, else 0, as in SQuAD 2. The script of SQuAD 1.1 gives 0 in both
    cases, which only matters for an answer of punctuation only.
    """
    said = normalise(prediction).split()
    return max(_token_f1(said, normalise(answer).split()) for answer in answers)


def _token_f1(said: list[str], right: list[str]) -> float:
    if not said or not right:
        return float(said == right)
    same = sum((Counter(said) & Counter(right)).values())
    return 2 * same / (len(said) + len(right))


def squad_examples(path: Path, value: Any) -> list[Example] | None:
    """All questions of a SQuAD file (1.1 or 2.0), in order; None for another format.

    Labels are the acceptable answers: ("",) for a question without an answer (SQuAD 2). Raises UsageError naming the
    invalid place in the file.
    """
    if not isinstance(value, dict) or "data" not in value:
        return None
    return list(_questions(path, value["data"]))


SQUAD = Format(
    "SQuAD JSON (data → paragraphs → context and qas → id, question and answers → text)",
    squad_examples,
    '{"inputs": {"question": "…", "context": "…"}}',
)


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a file."""

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    """The acceptable answers; ("",) for a question without one (SQuAD 2), () if unlabeled."""


def read_squad(path: Path, *, labelled: bool = True) -> list[Question]:
    """All questions of a SQuAD file. Raises UsageError; with `labelled`, also for a question without answers."""
    found = read_labelled(path, SQUAD) if labelled else squad_examples(path, load(path, SQUAD)[1])
    if not found:
        what = "contains no questions" if found == [] else "has no `data`"
        raise UsageError(f"{path} {what}.", hint=EXPECTED)
    return [Question(one.id, one.body["question"], one.body["context"], one.label or ()) for one in found]


def _part(answer: Any, label: Any) -> tuple[float, ...]:
    said = " ".join(texts_of(answer))
    return f1_score(said, label), exact_match(said, label)


def _report(parts: Parts) -> dict[str, float]:
    f1, exact = 100 * parts.mean(axis=0)
    return {"exact_match": float(exact), "f1": float(f1)}


def _said(answer: Any) -> str:
    best = answer[0] if isinstance(answer, list) and answer else answer
    text = best.get("answer") if isinstance(best, dict) else None
    if not isinstance(text, str):
        raise ValueError("missing `answer`")
    return text


def texts_of(answer: Any) -> tuple[str, ...]:
    """The answer's text; of a list (several questions, or several answers to one) every text in order."""
    if isinstance(answer, dict):
        return (str(answer.get("answer", "")),)
    if isinstance(answer, list):
        return tuple(text for part in answer for text in texts_of(part))
    return ("" if answer is None else str(answer),)


def agreement(first: Any, second: Any) -> float:
    """Agreement of two answers, 0 to 1: token F1 of one against the other, averaged over the texts."""
    pairs = list(zip_longest(texts_of(first), texts_of(second), fillvalue=""))
    return sum(f1_score(right, (left,)) for left, right in pairs) / len(pairs) if pairs else 1.0


F1 = Metric("f1", "F1", max_drop=0.5, part=_part, total=percentage, agree=agreement, said=_said, report=_report)


def _questions(path: Path, articles: Any) -> Iterator[Example]:
    """Reads values and tracks the place, so that an error in a 30 MB file can be found."""
    for at, article in _items(path, articles, "data"):
        for inside, paragraph in _items(path, _get(path, article, "paragraphs", at), f"{at}/paragraphs"):
            context = _text(path, paragraph, "context", inside)
            for place, entry in _items(path, _get(path, paragraph, "qas", inside), f"{inside}/qas"):
                question, answers = _text(path, entry, "question", place), _answers(path, entry, place)
                yield Example(
                    {"question": question, "context": context},
                    answers or None,
                    str(entry.get("id", place)),
                    group=context,
                    answerable=answers != ("",),
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

"""Texts with labels, or with labels to choose from: the files, and the accuracy of a classifier."""

from pathlib import Path
from typing import Any

from mooring.errors import UsageError, echo
from mooring.quality.examples import Example, Format
from mooring.quality.metrics import Metric, Parts, percentage

EXPECTED = 'JSON Lines such as {"text": "…", "label": "POSITIVE"}, or CSV with the columns text and label'

CHOICES_EXPECTED = (
    'JSON Lines such as {"text": "…", "candidate_labels": ["sports", "politics"], "label": "sports"}, or CSV with '
    "these columns and commas between the labels"
)


def labelled_texts(path: Path, value: Any) -> list[Example] | None:
    """The texts of a file, or pairs with `text_pair`; None if the file has no labels.

    Raises UsageError for a text or label that is missing or invalid.
    """
    items = value if isinstance(value, list) else [value]
    # Labels among candidates are for zero-shot-classification.
    known = all(isinstance(item, dict) and "label" in item and "candidate_labels" not in item for item in items)
    if not items or not known:
        return None
    return [_example(path, number, item) for number, item in enumerate(items, 1)]


def _example(path: Path, number: int, item: dict[str, Any]) -> Example:
    body = {name: item.get(name) for name in ("text", "text_pair") if item.get(name) is not None}
    for name, text in {"text": None, **body, "label": item["label"]}.items():
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{path}, example {number}: invalid {name} {echo(text)}.", hint=f"Expected {EXPECTED}.")
    return Example(body, item["label"], str(item.get("id", number)), group=str(body["text"]))


def label_of(answer: Any) -> str:
    """The best label of an answer. Raises ValueError for an answer of another shape."""
    best = answer[0] if isinstance(answer, list) and answer else answer
    label = best.get("label") if isinstance(best, dict) else None
    if not isinstance(label, str):
        raise ValueError("missing `label`")
    return label


def _part(answer: Any, label: str) -> tuple[float, ...]:
    return (float(answer is not None and label_of(answer) == label),)


def labelled_choices(path: Path, value: Any) -> list[Example] | None:
    """Texts with candidate labels and the right one; None for another format. Raises UsageError for an invalid one."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(
        isinstance(item, dict) and "candidate_labels" in item and "label" in item for item in items
    ):
        return None
    return [_choice(path, number, item) for number, item in enumerate(items, 1)]


def _choice(path: Path, number: int, item: dict[str, Any]) -> Example:
    example = _example(path, number, {**item, "text_pair": None})
    given = item["candidate_labels"]
    labels = [label.strip() for label in given.split(",")] if isinstance(given, str) else given
    if not isinstance(labels, list) or example.label not in labels:
        raise UsageError(
            f"{path}, example {number}: the label {echo(example.label)} is not one of the candidate_labels "
            f"{echo(given)}.",
            hint=f"Expected {CHOICES_EXPECTED}.",
        )
    return Example(item["text"], example.label, example.id, item["text"], parameters={"candidate_labels": labels})


def chosen(answer: Any) -> str:
    """The best label of a zero-shot answer. Raises ValueError for an answer of another shape."""
    labels = answer.get("labels") if isinstance(answer, dict) else None
    if not isinstance(labels, list) or not labels:
        raise ValueError("missing `labels`")
    return str(labels[0])


def _choices_agree(exact: Any, candidate: Any) -> float:
    """The fraction of texts with the same best label."""
    pairs = list(zip(*(one if isinstance(one, list) else [one] for one in (exact, candidate)), strict=True))
    return sum(chosen(left) == chosen(right) for left, right in pairs) / len(pairs)


def _agree(exact: Any, candidate: Any) -> float:
    """The mean over the texts: 0 for different labels, else 1 less the difference of the scores, at least 0."""
    pairs = list(zip(*(one if isinstance(one, list) else [one] for one in (exact, candidate)), strict=True))
    return sum(_closeness(left, right) for left, right in pairs) / len(pairs)


def _closeness(exact: Any, candidate: Any) -> float:
    left, right = (one[0] if isinstance(one, list) else one for one in (exact, candidate))
    if label_of(left) != label_of(right):
        return 0.0
    # Labels alone say nothing about a model with a single label, which scores texts.
    return max(0.0, 1 - abs(float(left["score"]) - float(right["score"])))


def _report(parts: Parts) -> dict[str, float]:
    return {"accuracy": float(percentage(parts))}


ACCURACY = Metric("accuracy", "accuracy", 0.5, _part, percentage, _agree, label_of, _report)
LABELS = Format(EXPECTED, labelled_texts, '{"inputs": "…"}')

CHOICE = Metric(
    "accuracy",
    "accuracy",
    0.5,
    lambda answer, label: (float(answer is not None and chosen(answer) == label),),
    percentage,
    _choices_agree,
    chosen,
    _report,
)
CANDIDATES = Format(
    CHOICES_EXPECTED,
    labelled_choices,
    '{"inputs": "…", "parameters": {"candidate_labels": ["…"]}}',
)

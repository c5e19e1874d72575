"""Texts with labels: the files, and the accuracy of a classifier."""

from pathlib import Path
from typing import Any

from mooring.errors import UsageError, echo
from mooring.quality.examples import Example, Format
from mooring.quality.metrics import Metric, Parts, percentage

EXPECTED = 'JSON Lines such as {"text": "…", "label": "POSITIVE"}, or CSV with the columns text and label'


def labelled_texts(path: Path, value: Any) -> list[Example] | None:
    """The texts of a file, or pairs with `text_pair`; None if the file has no labels.

    Raises UsageError for a text or label that is missing or invalid.
    """
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, dict) and "label" in item for item in items):
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


def _agree(exact: Any, candidate: Any) -> float:
    """The fraction of texts with equal labels."""
    pairs = list(zip(*(one if isinstance(one, list) else [one] for one in (exact, candidate)), strict=True))
    return sum(label_of(left) == label_of(right) for left, right in pairs) / len(pairs)


def _report(parts: Parts) -> dict[str, float]:
    return {"accuracy": float(percentage(parts))}


ACCURACY = Metric("accuracy", "accuracy", 0.5, _part, percentage, _agree, label_of, _report)
LABELS = Format(EXPECTED, labelled_texts, '{"inputs": "…"}', columns=("text", "label"))

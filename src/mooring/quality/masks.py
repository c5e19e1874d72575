"""Texts with a mask and the word that belongs there: the files, and the accuracy of the top prediction."""

from pathlib import Path
from typing import Any

from mooring.errors import UsageError, echo
from mooring.quality.examples import Example, Format
from mooring.quality.metrics import Metric, Parts, percentage

EXPECTED = (
    'JSON Lines such as {"text": "Paris is the [MASK] of France.", "label": "capital"}, or CSV (.csv) with the '
    "columns text and label; with one mask in each text, written as the model's mask token"
)


def masked_texts(path: Path, value: Any) -> list[Example] | None:
    """The texts of a file; None if the file has no labels. Raises UsageError for a text or label that is invalid."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, dict) and "label" in item for item in items):
        return None
    return [_example(path, number, item) for number, item in enumerate(items, 1)]


def _example(path: Path, number: int, item: dict[str, Any]) -> Example:
    for name in ("text", "label"):
        if not isinstance(text := item.get(name), str) or not text.strip():
            raise UsageError(f"{path}, example {number}: invalid {name} {echo(text)}.", hint=f"Expected {EXPECTED}.")
    return Example(item["text"], item["label"], str(item.get("id", number)), group=item["text"])


def _top(answer: Any) -> list[str]:
    """The best token of each mask of an answer, in order. Raises ValueError for an answer of another shape."""
    if not isinstance(answer, list):
        raise ValueError("expected a list of predictions")
    if answer and isinstance(answer[0], dict):
        if not isinstance(token := answer[0].get("token_str"), str):
            raise ValueError("missing `token_str`")
        return [token]
    return [token for each in answer for token in _top(each)]


def _same(left: str, right: str) -> bool:
    """Whether two words are equal, ignoring case and spaces around them: tokens may have either."""
    return left.strip().casefold() == right.strip().casefold()


def _part(answer: Any, label: str) -> tuple[float, ...]:
    top = [] if answer is None else _top(answer)
    return (float(len(top) == 1 and _same(top[0], label)),)


def _agree(exact: Any, candidate: Any) -> float:
    """The fraction of masks with the same top prediction."""
    pairs = list(zip(_top(exact), _top(candidate), strict=True))
    return sum(left == right for left, right in pairs) / len(pairs)


def _said(answer: Any) -> str:
    return " ".join(token.strip() for token in _top(answer))


def _report(parts: Parts) -> dict[str, float]:
    return {"accuracy": float(percentage(parts))}


MASK_ACCURACY = Metric("accuracy", "accuracy", 0.5, _part, percentage, _agree, _said, _report)
MASKED = Format(EXPECTED, masked_texts, '{"inputs": "…"}')

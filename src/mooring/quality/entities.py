"""Texts with labeled entities: the files, and the entity-level F1 of a token classifier.

F1 is micro-averaged over all entities, as in seqeval and the CoNLL-2003 script: an entity is right if its span and its
type are exactly those of a labeled one.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mooring.errors import UsageError, echo
from mooring.quality.examples import Example, Format
from mooring.quality.metrics import Metric, Parts

EXPECTED = (
    'JSON Lines such as {"text": "Ada wrote it.", "entities": [{"start": 0, "end": 3, "label": "PER"}]} or '
    '{"tokens": ["Ada", "wrote"], "ner_tags": ["B-PER", "O"]}'
)
PARAMETERS = {"aggregation_strategy": "first"}
"""A word gets the label of its first token, the only one that most models are trained on."""

Span = tuple[int, int, str]
"""(start, end, type); start and end (exclusive) in the units of the sequence: characters or tokens."""


def labelled_entities(path: Path, value: Any) -> list[Example] | None:
    """The texts of a file; None if the file has no entities. Labels are tuples of spans in characters.

    Raises UsageError for a text, an entity or a tag that is missing or invalid.
    """
    items = value if isinstance(value, list) else [value]
    known = ("entities", "ner_tags")
    if not items or not all(isinstance(item, dict) and any(key in item for key in known) for item in items):
        return None
    return [_example(path, number, item) for number, item in enumerate(items, 1)]


def _example(path: Path, number: int, item: dict[str, Any]) -> Example:
    where = f"{path}, example {number}"
    text, spans = _of_tags(where, item) if "ner_tags" in item else _of_entities(where, item)
    label = tuple(sorted(set(spans)))
    return Example(text, label, str(item.get("id", number)), group=text, parameters=PARAMETERS)


def _of_entities(where: str, item: dict[str, Any]) -> tuple[str, list[Span]]:
    text, listed = item.get("text"), item["entities"]
    if not isinstance(text, str) or not text.strip():
        raise _invalid(where, "text", text)
    if not isinstance(listed, list):
        raise _invalid(where, "entities", listed)
    spans = []
    for entity in listed:
        start, end, label = (entity.get(key) if isinstance(entity, dict) else None for key in ("start", "end", "label"))
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise _invalid(where, "entity", entity, f"start and end must be characters of the text, 0 to {len(text)}")
        if not isinstance(label, str) or not label:
            raise _invalid(where, "entity", entity, "it has no label")
        spans.append((start, end, label))
    return text, spans


def _of_tags(where: str, item: dict[str, Any]) -> tuple[str, list[Span]]:
    """Tokens are joined by spaces."""
    tokens, tags = item.get("tokens"), item["ner_tags"]
    if not isinstance(tokens, list) or not tokens or not all(isinstance(one, str) and one.strip() for one in tokens):
        raise _invalid(where, "tokens", tokens)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise _invalid(where, "ner_tags", tags, "tags must be names such as B-PER, not numbers")
    if len(tags) != len(tokens):
        raise _invalid(where, "ner_tags", tags, f"{len(tokens)} tokens have {len(tags)} tags")
    ends = np.cumsum([len(token) + 1 for token in tokens]) - 1
    spans = [
        (int(ends[first]) - len(tokens[first]), int(ends[end - 1]), label) for first, end, label in spans_of_tags(tags)
    ]
    return " ".join(tokens), spans


def _invalid(where: str, name: str, value: object, why: str = "") -> UsageError:
    return UsageError(
        f"{where}: invalid {name} {echo(value)}" + (f": {why}." if why else "."), hint=f"Expected {EXPECTED}."
    )


def spans_of_tags(tags: Sequence[str]) -> list[Span]:
    """The entities of a tagged sequence, in tokens.

    Reads IOB2 (every entity begins with "B-") and IOB1 (only one that follows another of its type does). A tag without
    prefix, such as "PER", counts as "I-PER".
    """
    spans: list[Span] = []
    last = "O"
    for place, tag in enumerate(tags):
        begins, kind = tag.startswith("B-"), tag[2:] if tag.startswith(("B-", "I-")) else tag
        if kind == last != "O" and not begins:
            spans[-1] = (spans[-1][0], place + 1, kind)
        elif kind != "O":
            spans.append((place, place + 1, kind))
        last = kind
    return spans


def spans_of(answer: Any) -> set[Span]:
    """The spans of an answer to one text, in characters; of single tokens where it is not aggregated.

    Raises ValueError for an answer of another shape.
    """
    if not isinstance(answer, list):
        raise ValueError("expected a list of entities")
    return set(map(_span, answer))


def _span(entity: Any) -> Span:
    label = entity.get("entity_group", entity.get("entity")) if isinstance(entity, dict) else None
    if not isinstance(label, str) or type(entity.get("start")) is not int or type(entity.get("end")) is not int:
        raise ValueError("missing `entity_group`, `start` or `end`")
    return entity["start"], entity["end"], label


def _part(answer: Any, label: Iterable[Span]) -> tuple[float, ...]:
    """(right, predicted, labeled) entities."""
    found, wanted = set() if answer is None else spans_of(answer), set(label)
    return float(len(found & wanted)), float(len(found)), float(len(wanted))


def entity_f1(parts: Parts) -> npt.NDArray[np.float64]:
    """[..., n, 3] → [...]: micro-averaged F1 in percent; 100 if there is nothing to find and nothing is found."""
    right, predicted, labelled = np.moveaxis(parts.sum(axis=-2), -1, 0)
    both = predicted + labelled
    return np.where(both > 0, 200 * right / np.maximum(both, 1), 100.0)


def _agree(exact: Any, candidate: Any) -> float:
    """The F1 of one answer's spans against the other's, averaged over the texts."""
    scores = []
    for left, right in zip(_each(exact), _each(candidate), strict=True):
        one, other = spans_of(left), spans_of(right)
        scores.append(2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0)
    return sum(scores) / len(scores)


def _each(answer: Any) -> list[Any]:
    """An answer as a list of one answer per text."""
    return answer if isinstance(answer, list) and answer and isinstance(answer[0], list) else [answer]


def _said(answer: Any) -> str:
    """Such as "Ada (PER), London (LOC)"."""
    spans_of(answer)
    return ", ".join(f"{one.get('word', '')} ({one.get('entity_group', one.get('entity'))})" for one in answer)


def _report(parts: Parts) -> dict[str, float]:
    right, predicted, labelled = parts.sum(axis=0)
    nothing = float(predicted == labelled == 0)
    figures = {
        "precision": right / predicted if predicted else nothing,
        "recall": right / labelled if labelled else nothing,
    }
    return {**{name: float(100 * value) for name, value in figures.items()}, "f1": float(entity_f1(parts))}


ENTITY_F1 = Metric("f1", "entity F1", 0.5, _part, entity_f1, _agree, _said, _report)
ENTITIES = Format(EXPECTED, labelled_entities, '{"inputs": "…"}')

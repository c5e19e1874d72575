"""Texts ranked for a query: the files, nDCG and MRR, and the agreement of two orders."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from mooring.errors import UsageError, echo
from mooring.quality.examples import Example, Format
from mooring.quality.metrics import Metric, Parts, percentage

EXPECTED = (
    'JSON Lines such as {"query": "…", "texts": ["…", "…"], "labels": [1, 0]}, with the relevance of each text (0 or '
    "more)"
)
CUTOFF = 10
"""Texts of an answer that count."""


def labelled_rankings(path: Path, value: Any) -> list[Example] | None:
    """The queries of a file; None if the file has no labels. Raises UsageError for an invalid one."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, dict) and "labels" in item and "query" in item for item in items):
        return None
    return [_example(path, number, item) for number, item in enumerate(items, 1)]


def _example(path: Path, number: int, item: dict[str, Any]) -> Example:
    def refused(what: str) -> UsageError:
        return UsageError(f"{path}, example {number}: {what}.", hint=f"Expected {EXPECTED}.")

    query, texts, labels = item["query"], item.get("texts"), item["labels"]
    if not isinstance(query, str) or not query.strip():
        raise refused(f"invalid query {echo(query)}")
    if not isinstance(texts, list) or not texts:
        raise refused(f"invalid texts {echo(texts)}")
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise refused(f"invalid text {echo(text)}")
    if not isinstance(labels, list) or len(labels) != len(texts):
        found = f"{len(labels)} labels" if isinstance(labels, list) else echo(labels)
        raise refused(f"found {found} for {len(texts)} texts")
    for label in labels:
        if not isinstance(label, int | float) or not math.isfinite(label) or label < 0:
            raise refused(f"invalid label {echo(label)}")
    if not any(labels):
        raise refused("no text is relevant: all labels are 0")
    body = {"query": query, "texts": texts}
    return Example(body, tuple(map(float, labels)), str(item.get("id", number)), group=query)


def order_of(answer: Any) -> list[int]:
    """The indices of an answer, best first. Raises ValueError for an answer of another shape."""
    if not isinstance(answer, list) or not all(isinstance(one, dict) and "index" in one for one in answer):
        raise ValueError("missing `index`")
    return [int(one["index"]) for one in answer]


def _part(answer: Any, labels: tuple[float, ...]) -> tuple[float, ...]:
    """nDCG and reciprocal rank, both of the first `CUTOFF` texts, 0 to 1."""
    if answer is None:
        return 0.0, 0.0
    gains = [labels[index] for index in order_of(answer)[:CUTOFF]]
    first = next((place for place, gain in enumerate(gains, 1) if gain > 0), 0)
    return _gain(gains) / _gain(sorted(labels, reverse=True)[:CUTOFF]), 1 / first if first else 0.0


def _gain(gains: list[float]) -> float:
    """Discounted cumulative gain (Järvelin and Kekäläinen 2002), with linear gains and a logarithm of base 2."""
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))


def _agree(exact: Any, candidate: Any) -> float:
    """The fraction of pairs of texts that are in the same order: (1 + Kendall's τ) / 2. Texts left out come last."""
    if isinstance(exact[0], list):  # several queries
        return float(np.mean([_agree(one, other) for one, other in zip(exact, candidate, strict=True)]))
    orders = order_of(exact), order_of(candidate)
    indices = sorted(set(orders[0]) | set(orders[1]))
    if len(indices) < 2:
        return 1.0
    ranks = [{index: rank for rank, index in enumerate(order)} for order in orders]
    one, other = (np.array([rank.get(index, len(rank)) for index in indices]) for rank in ranks)
    later = np.triu_indices(len(indices), 1)
    signs = [np.sign(places[:, None] - places)[later] for places in (one, other)]
    return float(1 - np.abs(signs[0] - signs[1]).mean() / 2)


def _said(answer: Any) -> str:
    return " ".join(map(str, order_of(answer)))


def _report(parts: Parts) -> dict[str, float]:
    ndcg, mrr = 100 * parts.mean(axis=0)
    return {"ndcg_at_10": float(ndcg), "mrr_at_10": float(mrr)}


NDCG = Metric("ndcg_at_10", "nDCG@10", 0.5, _part, percentage, _agree, _said, _report)
RANKED = Format(EXPECTED, labelled_rankings, '{"inputs": {"query": "…", "texts": ["…", "…"]}}')

"""Judge vectors of texts: labeled pairs of sentences, Spearman's correlation, and agreement by cosine."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mooring.errors import UsageError, echo
from mooring.quality.examples import Example, Format
from mooring.quality.metrics import Metric, Parts

EXPECTED = (
    'JSON Lines or CSV with sentence1, sentence2 and score, such as {"sentence1": "…", "sentence2": "…", "score": 4}'
)
MAX_DISAGREEMENT = 1.0
"""Points that the cosine between exact and quantized vectors may lose without labels: 0.99 on average."""


def _pairs(path: Path, value: Any) -> list[tuple[str, str, float]] | None:
    """The labeled pairs of a file; None for another format. Raises UsageError for an invalid one."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, dict) and "score" in item and "sentence1" in item for item in items):
        return None
    found = []
    for number, item in enumerate(items, 1):
        one, two = item.get("sentence1"), item.get("sentence2")
        try:
            score = float(item["score"])
        except (TypeError, ValueError):
            score = float("nan")
        valid = all(isinstance(text, str) and text.strip() for text in (one, two)) and np.isfinite(score)
        if not valid:
            raise UsageError(f"{path}, example {number} is invalid: {echo(item)}.", hint=f"Expected {EXPECTED}.")
        found.append((one, two, score))
    return found


def _embedded(path: Path, value: Any) -> list[Example] | None:
    found = _pairs(path, value)
    if found is None:
        return None
    return [Example([one, two], score, str(n), group=one) for n, (one, two, score) in enumerate(found, 1)]


def _compared(path: Path, value: Any) -> list[Example] | None:
    found = _pairs(path, value)
    if found is None:
        return None
    return [
        Example({"source_sentence": one, "sentences": [two]}, score, str(n), group=one)
        for n, (one, two, score) in enumerate(found, 1)
    ]


def cosine(one: Any, two: Any) -> float:
    """The cosine of two vectors."""
    x, y = np.asarray(one, np.float64).ravel(), np.asarray(two, np.float64).ravel()
    return float(x @ y / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-12))


def spearman(parts: Parts) -> npt.NDArray[np.float64]:
    """Total: 100 times Spearman's rank correlation of the first two numbers of the examples; ties share their rank."""
    flat = parts.reshape(-1, *parts.shape[-2:])
    found = np.array([_correlation(_ranks(one[:, 0]), _ranks(one[:, 1])) for one in flat])
    return 100 * found.reshape(parts.shape[:-2])


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: npt.NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks


def _correlation(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64]) -> float:
    """Pearson's; 0 if one of them is constant."""
    x, y = one - one.mean(), two - two.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale else 0.0


def _part(answer: Any, label: float) -> tuple[float, ...]:
    return (0.0 if answer is None else cosine(answer[0], answer[1]), label)


def _agree(exact: Any, candidate: Any) -> float:
    """The mean cosine of the texts' vectors."""
    rows = [np.atleast_2d(np.asarray(answer, np.float64)) for answer in (exact, candidate)]
    return float(np.mean([cosine(one, two) for one, two in zip(*rows, strict=True)]))


def _tokens_agree(exact: Any, candidate: Any) -> float:
    """The mean cosine of the tokens' vectors."""
    pairs = zip(_tables(exact), _tables(candidate), strict=True)
    return float(np.mean([cosine(x, y) for one, two in pairs for x, y in zip(one, two, strict=True)]))


def _tables(answer: Any) -> list[Any]:
    """The [tokens, hidden] tables of an answer to one text or to several."""
    if isinstance(answer, np.ndarray):
        return [answer]
    return [table for part in answer for table in _tables(part)]


def _said(answer: Any) -> str:
    return f"{np.asarray(answer).shape}"


def _report(parts: Parts) -> dict[str, float]:
    return {"spearman": float(spearman(parts))}


SPEARMAN = Metric(
    "spearman", "Spearman", 1.0, _part, spearman, _agree, _said, _report, max_disagreement=MAX_DISAGREEMENT
)
PAIRS = Format(EXPECTED, _embedded, '{"inputs": "…"}')

SIMILARITY = Metric(
    "spearman",
    "Spearman",
    1.0,
    lambda answer, label: (0.0 if answer is None else float(answer[0]), label),
    spearman,
    lambda exact, candidate: 1 - float(np.abs(np.subtract(exact, candidate)).mean()),
    lambda answer: ", ".join(f"{value:.3f}" for value in answer),
    _report,
    max_disagreement=MAX_DISAGREEMENT,
)
SIMILARITY_PAIRS = Format(EXPECTED, _compared, '{"inputs": {"source_sentence": "…", "sentences": ["…"]}}')

TOKEN_VECTORS = Metric(
    "cosine",
    "cosine",
    1.0,
    lambda answer, _: (float(answer is not None),),
    lambda parts: 100 * parts[..., 0].mean(axis=-1),
    _tokens_agree,
    _said,
    lambda parts: {"answered": float(100 * parts[..., 0].mean())},
    max_disagreement=MAX_DISAGREEMENT,
)
UNLABELLED = Format("texts without labels", lambda _path, _value: None, '{"inputs": "…"}', scored=False)

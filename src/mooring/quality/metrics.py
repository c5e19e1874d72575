"""Define a task's metric, and score a set of answers with it.

A metric has parts per example and a total over parts. The total need not be their mean (entity F1 and Spearman's
correlation are not), so its uncertainty is estimated by resampling examples and recomputing the total.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Parts = npt.NDArray[np.float64]
"""[..., n, k]: k numbers of each of n examples."""

AGREEMENT_MAX_DROP = 5.0
"""Largest loss of agreement with fp32, in points. Wider than a limit with labels: without labels a better answer also
counts against the candidate."""


@dataclass(frozen=True, slots=True)
class Metric:
    """How answers of one task are scored. Totals are in points, from 0 to 100 if the metric is a fraction."""

    name: str
    """Name in the manifest and in messages, e.g. "f1"."""
    title: str
    """Display name, e.g. "F1"."""
    max_drop: float
    """Default largest drop of a quantized model, in points."""
    part: Callable[[Any, Any], tuple[float, ...]]
    """(answer, label) → the k numbers of one example."""
    total: Callable[[Parts], npt.NDArray[np.float64]]
    """[..., n, k] → [...]: the metric of n examples."""
    agree: Callable[[Any, Any], float]
    """(exact model's answer, candidate's) → agreement, 0 to 1. For examples without labels."""
    said: Callable[[Any], str]
    """An answer as one text. Raises ValueError for an answer of another shape."""
    report: Callable[[Parts], Mapping[str, float]]
    """[n, k] → all reported figures by name ("exact_match"), in points; n is at least 1."""
    max_disagreement: float = AGREEMENT_MAX_DROP
    """Default largest loss of agreement with fp32, in points, for examples without labels."""

    def parts(self, answers: Sequence[Any], labels: Sequence[Any]) -> Parts:
        """[n, k] for n answers and their labels."""
        pairs = zip(answers, labels, strict=True)
        return np.array([self.part(answer, label) for answer, label in pairs], np.float64)


def mean(parts: Parts) -> npt.NDArray[np.float64]:
    """A total: the mean of the examples' first numbers."""
    found: npt.NDArray[np.float64] = parts[..., 0].mean(axis=-1)
    return found


def percentage(parts: Parts) -> npt.NDArray[np.float64]:
    """Total: the mean of each example's first number, from 0 to 1, as a percentage."""
    return 100 * mean(parts)

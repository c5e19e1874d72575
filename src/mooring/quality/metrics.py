"""What a task's metric is, and how a set of answers is scored with one.

A metric has a part for every example and a total over parts. The total need not be their mean (entity F1 and Spearman's
correlation are not), so whoever estimates its uncertainty draws examples and computes the total anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Parts = npt.NDArray[np.float64]
"""[..., n, k]: k numbers of each of n examples."""


@dataclass(frozen=True, slots=True)
class Metric:
    """How answers of one task are scored. Totals are in points, from 0 to 100 where the measure is a share."""

    name: str
    """In the manifest and in messages, e.g. "f1"."""
    title: str
    """For people, e.g. "F1"."""
    max_drop: float
    """Points that a quantized model may lose by default."""
    part: Callable[[Any, Any], tuple[float, ...]]
    """(answer, label) → the k numbers of one example."""
    total: Callable[[Parts], npt.NDArray[np.float64]]
    """[..., n, k] → [...]: the metric of n examples."""
    agree: Callable[[Any, Any], float]
    """(exact model's answer, candidate's) → how far they say the same, 0 to 1. For examples without labels."""
    said: Callable[[Any], str]
    """What an answer says, as one text. Raises ValueError for an answer of another shape."""
    report: Callable[[Parts], Mapping[str, float]]
    """[n, k] → every figure worth telling, by name ("exact_match"), in points; n is at least 1."""

    def parts(self, answers: Sequence[Any], labels: Sequence[Any]) -> Parts:
        """[n, k] of as many answers as labels."""
        pairs = zip(answers, labels, strict=True)
        return np.array([self.part(answer, label) for answer, label in pairs], np.float64)


def mean(parts: Parts) -> npt.NDArray[np.float64]:
    """A total: the mean of the examples' first numbers."""
    found: npt.NDArray[np.float64] = parts[..., 0].mean(axis=-1)
    return found


AGREEMENT_MAX_DROP = 5.0
"""Points of agreement with fp32 that may be lost. Wider than a labelled limit: without labels a better answer counts
against the candidate too."""

"""Find the most likely spans of each window from its start and end logits. Pure numpy.

Called by `question_answering.py`. Shapes: W windows, L length of the longest, K spans. Semantics are those of
transformers 4.57's question-answering pipeline, without its n × n matrix of all spans: the work is linear in L.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mooring.backends.base import Floats

MASKED = np.float32(-10_000)
"""Value of the logits of tokens outside the context before the softmax, as in the pipeline."""

CANDIDATES = 1 << 20
"""Spans processed together: 30 MB of numbers."""

Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Spans:
    """Each [W, K], or [K] of one window; best first. A score of 0 marks a missing span: fewer than K exist."""

    starts: Indices
    ends: Indices
    """Last token, inclusive."""
    scores: Floats

    def of(self, window: int) -> "Spans":
        """One window's."""
        return Spans(self.starts[window], self.ends[window], self.scores[window])


@dataclass(frozen=True, slots=True)
class Probabilities:
    """start and end: [W, L]; summed to 1 before the first tokens' were set to 0."""

    start: Floats
    end: Floats
    nulls: Floats
    """[W]: score of "no answer" in each window: the probability that start and end are the first token."""


def probabilities(start_logits: Floats, end_logits: Floats, allowed: Flags, *, together: bool = False) -> Probabilities:
    """Softmax over each window, [W, L], or over all of them `together`, so that scores of windows are comparable.

    `allowed` marks the tokens that take part: the context and the CLS token.
    """
    axes = None if together else 1
    start, end = (_softmax(np.where(allowed, logits, MASKED), axes) for logits in (start_logits, end_logits))
    nulls = start[:, 0] * end[:, 0]
    start[:, 0] = end[:, 0] = 0
    return Probabilities(start, end, nulls)


def _softmax(logits: Floats, axis: int | None) -> Floats:
    powers: Floats = np.exp(logits - logits.max(axis=axis, keepdims=True))
    powers /= powers.sum(axis=axis, keepdims=True)
    return powers


def best_spans(start: Floats, end: Floats, count: int, longest: int) -> Spans:
    """The `count` spans with the largest start[s] · end[e], s ≤ e < s + `longest`, of each window; [W, L] each.

    Ties are broken by the earlier start, then the earlier end.
    """
    windows, length = start.shape
    longest = min(longest, length)
    rows = max(1, CANDIDATES // (min(count, length) * longest))
    parts = [_best_spans(start[at : at + rows], end[at : at + rows], count, longest) for at in range(0, windows, rows)]
    if len(parts) == 1:
        return parts[0]
    starts, ends, scores = ([getattr(part, name) for part in parts] for name in ("starts", "ends", "scores"))
    return Spans(np.concatenate(starts), np.concatenate(ends), np.concatenate(scores))


def _best_spans(start: Floats, end: Floats, count: int, longest: int) -> Spans:
    """The spans of a few windows, whose candidates fit into memory together."""
    windows, length = start.shape
    # The best `count` spans begin at the `count` tokens with the best best-spans.
    reach = start * _running_max(end, longest)
    firsts = np.argsort(-reach, axis=1, kind="stable")[:, : min(count, length)]
    firsts.sort(axis=1)
    lasts = firsts[:, :, None] + np.arange(longest)
    inside = lasts < length
    rows = np.arange(windows)[:, None]
    ends = np.where(inside, end[rows[:, :, None], np.where(inside, lasts, 0)], np.float32(0))
    scores = (start[rows, firsts][:, :, None] * ends).reshape(windows, -1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return Spans(firsts[rows, order // longest], lasts.reshape(windows, -1)[rows, order], scores[rows, order])


def _running_max(values: Floats, width: int) -> Floats:
    """max(values[:, i : i + width]) for every i, linear in L: blocks of `width`, scanned both ways (van Herk 1992)."""
    windows, length = values.shape
    blocks = -(-(length + width - 1) // width)
    padded = np.zeros((windows, blocks * width), values.dtype)
    padded[:, :length] = values
    by_block = padded.reshape(windows, blocks, width)
    onward = np.maximum.accumulate(by_block, axis=2).reshape(windows, -1)
    backward = np.maximum.accumulate(by_block[:, :, ::-1], axis=2)[:, :, ::-1].reshape(windows, -1)
    return np.maximum(backward[:, :length], onward[:, width - 1 : width - 1 + length])

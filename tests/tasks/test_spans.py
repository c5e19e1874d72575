"""Spans against the plain search over all n × n of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.tasks import spans as spans_module
from mooring.tasks.spans import best_spans, probabilities


def searched(start: np.ndarray, end: np.ndarray, count: int, longest: int) -> list[tuple[int, int, float]]:
    """The best spans of one window, by looking at every pair; ties by where they begin, then end."""
    every = [
        (s, e, float(np.float32(start[s] * end[e])))
        for s in range(len(start))
        for e in range(s, min(len(start), s + longest))
    ]
    return sorted(every, key=lambda span: (-span[2], span[0], span[1]))[:count]


@given(
    length=st.integers(1, 40),
    windows=st.integers(1, 3),
    count=st.integers(1, 60),
    longest=st.integers(1, 60),
    levels=st.integers(2, 50),
    seed=st.integers(0, 2**32 - 1),
)
def test_they_are_those_of_the_full_search(
    length: int, windows: int, count: int, longest: int, levels: int, seed: int
) -> None:
    """Starts, ends, scores and order, with many ties where there are few levels; zeros stand for no span."""
    rng = np.random.default_rng(seed)
    start, end = (rng.integers(0, levels, (windows, length)).astype(np.float32) / np.float32(levels) for _ in (0, 1))

    spans = best_spans(start, end, count, longest)

    for window in range(windows):
        found = [
            (int(s), int(e), float(score))
            for s, e, score in zip(*(part[window] for part in (spans.starts, spans.ends, spans.scores)), strict=True)
            if score > 0
        ]
        assert found == [span for span in searched(start[window], end[window], count, longest) if span[2] > 0]


def test_probabilities_are_a_softmax_over_the_allowed_tokens() -> None:
    """Others get exactly 0, the first token gets 0 afterwards, and its share is reported."""
    start = np.array([[1, 5, 2, 3], [0, 0, 9, 9]], np.float32)
    end = np.array([[2, 1, 1, 4], [0, 0, 9, 9]], np.float32)
    allowed = np.array([[True, False, True, True], [True, True, False, False]])
    chances = probabilities(start, end, allowed)

    shares = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    assert np.allclose(chances.start[0], [0, 0, shares[1], shares[2]])
    assert np.allclose(chances.start[1], [0, 0.5, 0, 0])
    first = shares[0] * (np.exp(2) / np.exp([2, 1, 4]).sum())
    assert chances.nulls.min() == pytest.approx(min(first, 0.25))


def test_huge_logits_do_not_overflow() -> None:
    """The largest is taken off before the exponential."""
    logits = np.array([[0, 80_000, 79_999]], np.float32)
    chances = probabilities(logits, logits, np.ones((1, 3), bool))
    assert np.isfinite(chances.start).all()
    assert chances.start[0].sum() == pytest.approx(1)


def test_windows_in_parts_are_windows_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few candidates may be in memory at a time."""
    rng = np.random.default_rng(3)
    start, end = (rng.random((7, 20), np.float32) for _ in (0, 1))
    together = best_spans(start, end, 5, 10)
    monkeypatch.setattr(spans_module, "CANDIDATES", 100)
    apart = best_spans(start, end, 5, 10)
    for name in ("starts", "ends", "scores"):
        assert (getattr(apart, name) == getattr(together, name)).all()

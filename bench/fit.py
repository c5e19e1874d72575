"""How something grows: the exponent of y = c · xᵖ, by least squares over logarithms. Pure."""

import math
from collections.abc import Sequence

LINEAR = (0.9, 1.1)
"""Exponents that are called linear."""


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """Over the upper half of x, at least three points of it: below, what is constant hides the growth.

    `x` ascends, all values are above 0, and there are at least two. Raises ValueError otherwise.
    """
    if len(x) != len(y) or len(x) < 2 or min(*x, *y) <= 0:
        raise ValueError(f"no power law goes through {list(zip(x, y, strict=False))}; give two points above 0 or more")
    kept = max(min(3, len(x)), math.ceil(len(x) / 2))
    a, b = [math.log(one) for one in x[-kept:]], [math.log(one) for one in y[-kept:]]
    middle, height = sum(a) / kept, sum(b) / kept
    along = sum((one - middle) ** 2 for one in a)
    return sum((one - middle) * (other - height) for one, other in zip(a, b, strict=True)) / along


def said(power: float) -> str:
    """The exponent in words."""
    words = (word for most, word in ((LINEAR[0], "less than linear"), (LINEAR[1], "linear")) if power <= most)
    return f"{next(words, 'more than linear')} (exponent {power:.2f})"

"""Fit one temperature on held-back questions, by which the logits of start and end are divided (Guo et al. 2017).

Folded into the head's weights, it needs nothing of a server: transformers and Mooring give the same, calibrated
scores for the folder. The best span stays the best; "no answer" keeps its rank in each window.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mooring_training.layers import Dropout
from mooring_training.losses import span_loss
from mooring_training.network import Network
from mooring_training.objectives import allowed_of, padded
from mooring_training.windows import Window, plan

LOW, HIGH = 0.2, 10.0
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Fit:
    """The temperature, and the mean loss before and after."""

    temperature: float
    before: float
    after: float
    windows: int


def fit_temperature(network: Network, windows: Sequence[Window], tokens: int = 4096) -> Fit:
    """The temperature with the smallest cross-entropy of start and end on these windows, by golden-section search.

    The loss has one minimum in 1/T, because it is convex there. Raises ValueError without windows.
    """
    if not windows:
        raise ValueError("no windows to calibrate on")
    network = replace(network, dropout=Dropout())
    batches = plan([len(window) for window in windows], tokens, np.random.default_rng(0))
    known = [_logits(network, [windows[place] for place in batch]) for batch in batches]

    def loss(temperature: float) -> float:
        sums: list[float] = [
            span_loss(logits / temperature, targets, allowed).item() * len(logits) for logits, targets, allowed in known
        ]
        return sum(sums) / len(windows)

    low, high = np.log(1 / HIGH), np.log(1 / LOW)
    while high - low > 1e-3:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if loss(float(np.exp(-left))) < loss(float(np.exp(-right))):
            high = right
        else:
            low = left
    best = float(np.exp(-(low + high) / 2))
    return Fit(best, loss(1.0), loss(best), len(windows))


def _logits(network: Network, windows: Sequence[Window]) -> tuple[Tensor, Tensor, Tensor]:
    device = network.device
    with torch.no_grad():
        logits = network.spans(padded(windows, device))
    targets = torch.tensor([[window.start, window.end] for window in windows], device=device)
    return logits, targets, allowed_of(windows, device)

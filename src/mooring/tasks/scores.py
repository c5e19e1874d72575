"""Turn logits into probabilities."""

import numpy as np

from mooring.backends.base import Floats


def softmax(logits: Floats) -> Floats:
    """Probabilities over the last axis, in float32."""
    powers: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + e^−x) of each number, in float32, without overflow."""
    scores: Floats = np.exp(-np.logaddexp(np.float32(0), -logits)).astype(np.float32)
    return scores

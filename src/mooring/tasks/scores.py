"""Turn logits into probabilities."""

import numpy as np

from mooring.backends.base import Floats


def softmax(logits: Floats) -> Floats:
    """Probabilities over the last axis, in float32."""
    powers: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers

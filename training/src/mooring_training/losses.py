"""The losses. Each is a mean, so that weights do not depend on the size of a batch.

Shapes: B windows, L tokens, N selected tokens, H hidden size, V vocabulary.
"""

from torch import Tensor
from torch.nn import functional

UNREACHABLE = -10_000.0
"""Logit of tokens that take no part: question, separators, padding. The served softmax uses the same."""


def allowed_logits(logits: Tensor, allowed: Tensor) -> Tensor:
    """Logits of start and end [B, L, 2], with those of tokens that are not `allowed` [B, L] out of reach."""
    return logits.masked_fill(~allowed[:, :, None], UNREACHABLE)


def span_loss(logits: Tensor, targets: Tensor, allowed: Tensor) -> Tensor:
    """Cross-entropy of start and end, averaged. `targets` [B, 2] are token positions; [0, 0] means "no answer"."""
    masked = allowed_logits(logits, allowed)
    return (
        functional.cross_entropy(masked[:, :, 0], targets[:, 0])
        + functional.cross_entropy(masked[:, :, 1], targets[:, 1])
    ) / 2


def soft_span_loss(student: Tensor, teacher: Tensor, allowed: Tensor, temperature: float) -> Tensor:
    """KL(teacher ‖ student) of start and end at a temperature, averaged and multiplied by its square."""
    pair = [allowed_logits(each, allowed).transpose(1, 2).flatten(0, 1) for each in (student, teacher)]
    return distillation_loss(pair[0], pair[1], temperature)


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL(teacher ‖ student) of softened predictions [N, V], times T² (Hinton et al. 2015).

    The factor keeps the size of the gradients independent of the temperature.
    """
    said, right = (functional.log_softmax(logits / temperature, dim=-1) for logits in (student, teacher))
    return functional.kl_div(said, right, reduction="batchmean", log_target=True) * temperature**2


def masked_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the masked tokens: logits [N, V], labels [N]."""
    return functional.cross_entropy(logits, labels)


def cosine_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """1 − cosine of hidden states [N, H], averaged: 0 for the same directions, 2 for opposite ones."""
    return (1 - functional.cosine_similarity(student, teacher, dim=-1)).mean()

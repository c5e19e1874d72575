"""Each loss against numbers that were computed by hand."""

import math

import pytest
import torch

from mooring_training.losses import cosine_loss, distillation_loss, masked_loss, soft_span_loss, span_loss


def softmax(*logits: float) -> list[float]:
    powers = [math.exp(logit) for logit in logits]
    return [power / sum(powers) for power in powers]


def test_span_loss_is_the_mean_of_both_cross_entropies() -> None:
    """Of tokens that take part: the second one, with the largest logit, does not."""
    logits = torch.tensor([[[1.0, 0.0], [50.0, 50.0], [2.0, 3.0]]])
    allowed = torch.tensor([[True, False, True]])
    start, end = -math.log(softmax(1, 2)[1]), -math.log(softmax(0, 3)[0])
    assert span_loss(logits, torch.tensor([[2, 0]]), allowed).item() == pytest.approx((start + end) / 2, abs=1e-6)


def test_soft_span_loss_is_the_divergence_from_the_teacher() -> None:
    """At temperature 2, times 4; the same logits for start and end."""
    student, teacher = (
        torch.tensor([[[0.0] * 2, [9.0] * 2, [2.0] * 2]]),
        torch.tensor([[[1.0] * 2, [-9.0] * 2, [1.0] * 2]]),
    )
    said, right = softmax(0, 1), softmax(0.5, 0.5)
    expected = 4 * sum(q * math.log(q / p) for p, q in zip(said, right, strict=True))
    loss = soft_span_loss(student, teacher, torch.tensor([[True, False, True]]), 2.0)
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_distillation_loss_is_averaged_over_rows() -> None:
    """One row differs from the teacher's, one does not."""
    student, teacher = torch.tensor([[0.0, 2.0], [1.0, 1.0]]), torch.tensor([[2.0, 0.0], [5.0, 5.0]])
    said, right = softmax(0, 1), softmax(1, 0)
    expected = 4 * sum(q * math.log(q / p) for p, q in zip(said, right, strict=True)) / 2
    assert distillation_loss(student, teacher, 2.0).item() == pytest.approx(expected, abs=1e-6)


def test_masked_loss_is_the_cross_entropy_of_the_hidden_words() -> None:
    """Averaged."""
    expected = -(math.log(softmax(1, 0, 0)[0]) + math.log(softmax(0, 0, 3)[1])) / 2
    logits = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    assert masked_loss(logits, torch.tensor([0, 1])).item() == pytest.approx(expected, abs=1e-6)


def test_cosine_loss() -> None:
    """0 for the same direction, 1 for a right angle, 2 for the opposite one; 1 − 0.6 for (1, 0) and (3, 4)."""
    student = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    teacher = torch.tensor([[5.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [3.0, 4.0]])
    assert cosine_loss(student, teacher).item() == pytest.approx((0 + 1 + 2 + 0.4) / 4, abs=1e-6)

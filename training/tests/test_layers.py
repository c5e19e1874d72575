"""What only training has in the layers: dropout. The rest is compared with the served graph in test_network.py."""

import torch

from mooring_training.layers import dropped


def test_a_tenth_is_dropped_and_the_mean_is_kept() -> None:
    """And the gradient flows through what is kept, with the same factor."""
    torch.manual_seed(0)
    x = torch.ones(1000, 101, requires_grad=True)  # not a multiple of four values
    out = dropped(x, 0.1)
    kept = out > 0
    assert abs(kept.float().mean() - 0.9) < 0.005
    torch.testing.assert_close(out[kept], torch.full_like(out[kept], 1 / 0.9))
    out.sum().backward()
    assert torch.equal(x.grad > 0, kept)
    torch.testing.assert_close(x.grad, out.detach())


def test_the_seed_decides_what_is_dropped() -> None:
    """A step that is done again drops the same."""
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(dropped(torch.ones(50, 3), 0.5))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_nothing_is_dropped_by_default() -> None:
    """A network that is judged has no dropout."""
    x = torch.ones(5)
    assert dropped(x, 0.0) is x

"""Names of images, with everything that may stand before and behind them."""

import pytest

from mooring_local.runners.images import kind_of

ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("mooring", "mooring"),
        ("mooring:1.2.3", "mooring"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/mooring:latest", "mooring"),
        ("localhost:5000/team/mooring", "mooring"),
        (f"mooring@sha256:{'0' * 64}", "mooring"),
        (f"{ECR}/huggingface-pytorch-inference:2.6.0-transformers4.51.3-cpu-py312-ubuntu22.04", "stock"),
        (f"{ECR}/huggingface-pytorch-inference-neuron:1.13", "stock"),
        (f"{ECR}/huggingface-tensorflow-inference:2.11", "stock"),
        (f"{ECR}/huggingface-pytorch-training:2.1", None),
        ("mooring-extras:1", None),
        ("mooring/other", None),
        ("", None),
    ],
)
def test_an_image_is_known_by_its_name(image: str, kind: str | None) -> None:
    """Registry, tag and digest do not matter."""
    assert kind_of(image) == kind

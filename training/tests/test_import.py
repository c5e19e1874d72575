"""What the commands load: help and `moor distil judge` do without PyTorch."""

import pytest

from tests.support.loaded import modules_after


@pytest.mark.parametrize(
    "statement",
    [
        *(
            f"from mooring.cli import run; assert run(['distil', {name} '--help']) == 0"
            for name in ("", "'train',", "'judge',")
        ),
        "import mooring_training.judge, mooring_training.negatives, mooring_training.questions",
    ],
)
def test_no_torch(statement: str) -> None:
    """Its import takes seconds."""
    loaded = {name.partition(".")[0] for name in modules_after(statement)}
    assert "mooring_training" in loaded
    assert "torch" not in loaded

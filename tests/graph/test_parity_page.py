"""docs/parity.md has a row for every model type and head, and no error beyond the limit."""

import re
from pathlib import Path

from tests.support.golden_inputs import HEADS, MODEL_TYPES
from tests.support.parity import TOLERANCE

PAGE = Path(__file__).parents[2] / "docs" / "parity.md"


def test_every_row_is_there() -> None:
    """If this fails: make parity."""
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (\d[\d.e-]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(model_type, head) for model_type, head, _ in rows] == [(m, h) for m in MODEL_TYPES for h in HEADS]
    assert all(float(error) < TOLERANCE for *_, error in rows)

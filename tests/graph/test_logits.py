"""Our graphs against transformers: the same logits, to 1e-4, from the same weights."""

from pathlib import Path

import numpy as np
import pytest

from mooring.backends.base import ShapeGrid, Window
from mooring.backends.openvino import OpenVinoBackend
from tests.support.golden_inputs import FAMILIES, LENGTHS, PADDED, sequence
from tests.support.graphs import given, graph_of

TOLERANCE = 1e-4
GOLDEN = Path(__file__).parents[1] / "golden" / "logits.npz"
GRID = ShapeGrid(lengths=(*LENGTHS,), batches=(1, 2, 4), tokens=512)


def open_tiny(family: str, folder: Path, grid: ShapeGrid = GRID, precision: str = "fp32") -> OpenVinoBackend:
    """The family's tiny model on the real engine."""
    FAMILIES[family](folder)
    return OpenVinoBackend(given(graph_of(folder)), precision=precision, grid=grid, threads=1)


def window(length: int) -> Window:
    return Window(*sequence(length))


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_match_transformers_at_every_length(family: str, tmp_path: Path) -> None:
    """A single sequence of 1 to 512 tokens gives transformers' logits within 1e-4."""
    backend = open_tiny(family, tmp_path)
    golden = np.load(GOLDEN)

    worst = {
        length: float(np.abs(np.stack(backend.run([window(length)])[0]) - golden[f"{family}/{length}"][:, 0]).max())
        for length in LENGTHS
    }

    assert max(worst.values()) < TOLERANCE, worst


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_changes_nothing(family: str, tmp_path: Path) -> None:
    """Rows of different lengths in one padded batch give transformers' logits, cut to each row's own length."""
    backend = open_tiny(family, tmp_path)
    golden = np.load(GOLDEN)[f"{family}/padded"]

    rows = backend.run([window(length) for length in PADDED])

    for index, (row, length) in enumerate(zip(rows, PADDED, strict=True)):
        assert [logits.shape for logits in row] == [(length,), (length,)]
        assert np.abs(np.stack(row) - golden[:, index, :length]).max() < TOLERANCE


@pytest.mark.parametrize("family", FAMILIES)
def test_a_length_between_two_buckets_is_padded_up(family: str, tmp_path: Path) -> None:
    """A grid that holds only 512 gives the same logits for short sequences as exact shapes do."""
    backend = open_tiny(family, tmp_path, ShapeGrid(lengths=(512,), batches=(1,), tokens=512))
    golden = np.load(GOLDEN)

    for length in (1, 17, 257):
        row = backend.run([window(length)])[0]
        assert np.abs(np.stack(row) - golden[f"{family}/{length}"][:, 0]).max() < TOLERANCE

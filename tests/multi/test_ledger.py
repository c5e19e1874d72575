"""Whether another model fits: refused before the kernel has to kill."""

from pathlib import Path

import pytest

from mooring.errors import NoMemory
from mooring.multi.ledger import FACTORS, SHAPES_BYTES, Ledger, estimate


def model(folder: Path, name: str, size: int) -> Path:
    """A folder with so many bytes of weights."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"\0" * size)
    (folder / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize(("name", "suffix"), [("openvino_model.bin", ".bin"), ("model.safetensors", ".safetensors")])
def test_the_estimate_is_by_weights_and_shapes(tmp_path: Path, name: str, suffix: str) -> None:
    """Other files do not count."""
    assert estimate(model(tmp_path, name, 1000)) == SHAPES_BYTES + int(1000 * FACTORS[suffix])


def test_what_does_not_fit_is_refused_with_the_figures(tmp_path: Path) -> None:
    """Need and room."""
    ledger = Ledger(lambda: SHAPES_BYTES)
    with pytest.raises(NoMemory, match=r"needs about 80 MB, 76 MB are free"):
        ledger.reserve("a", model(tmp_path, "model.safetensors", 10))


def test_what_is_loading_counts_until_it_is_there(tmp_path: Path) -> None:
    """Its memory does not show yet, but is promised."""
    folder = model(tmp_path, "model.safetensors", 10)
    ledger = Ledger(lambda: 2 * SHAPES_BYTES)
    ledger.reserve("a", folder)
    with pytest.raises(NoMemory):
        ledger.reserve("b", folder)
    ledger.settle("a")
    ledger.reserve("b", folder)


def test_where_nothing_is_known_everything_fits(tmp_path: Path) -> None:
    """On a machine that does not say how much memory is free."""
    Ledger(lambda: None).reserve("a", model(tmp_path, "model.safetensors", 10))

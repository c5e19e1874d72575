"""Whether another model fits: refused before the kernel has to kill."""

from pathlib import Path

import pytest

from mooring.errors import NoMemory
from mooring.multi import ledger
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


def test_the_estimate_of_any_folder_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller may name "/": so many files are looked at and no more, and none far below."""
    monkeypatch.setattr(ledger, "MOST_FILES", 5)
    for number in range(20):
        model(tmp_path, f"{number}.bin", 1000)
    assert estimate(tmp_path) <= SHAPES_BYTES + 5 * 1000 * FACTORS[".bin"]
    deep = tmp_path / "a" / "b" / "c" / "d" / "e"
    deep.mkdir(parents=True)
    (tmp_path / "a" / "one.bin").write_bytes(b"x" * 10)
    (deep / "two.bin").write_bytes(b"x" * 1000)
    assert estimate(tmp_path / "a") == SHAPES_BYTES + int(10 * FACTORS[".bin"])


def test_a_file_that_cannot_be_looked_at_counts_nothing(tmp_path: Path) -> None:
    """Opening the model names it."""
    (tmp_path / "gone.bin").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop.bin").symlink_to(tmp_path / "loop.bin")
    assert estimate(tmp_path) == SHAPES_BYTES


def test_what_does_not_fit_is_refused_with_the_figures(tmp_path: Path) -> None:
    """Need and room."""
    book = Ledger(lambda: SHAPES_BYTES)
    with pytest.raises(NoMemory, match=r"needs about 80 MB, but 76 MB are free"):
        book.reserve("a", model(tmp_path, "model.safetensors", 10))


def test_what_is_loading_counts_until_it_is_there(tmp_path: Path) -> None:
    """Its memory does not show yet, but is promised."""
    folder = model(tmp_path, "model.safetensors", 10)
    book = Ledger(lambda: 2 * SHAPES_BYTES)
    book.reserve("a", folder)
    with pytest.raises(NoMemory):
        book.reserve("b", folder)
    book.settle("a")
    book.reserve("b", folder)


def test_where_nothing_is_known_everything_fits(tmp_path: Path) -> None:
    """On a machine that does not say how much memory is free."""
    Ledger(lambda: None).reserve("a", model(tmp_path, "model.safetensors", 10))

"""Writing the artefact: whole or not at all."""

from pathlib import Path

import pytest

from mooring.build.artefact import check_target, copy_companions, size_of, staged
from mooring.errors import BuildError


def names(folder: Path) -> list[str]:
    """What is in the folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def test_a_good_end_leaves_exactly_the_artefact(tmp_path: Path) -> None:
    """The staging folder becomes the target with everybody's usual rights, and nothing else stays."""
    out = tmp_path / "out"
    with staged(out, force=False) as staging:
        (staging.artefact / "mooring.json").write_text("{}")
        (staging.attempts / "junk").write_text("x")
        assert not out.exists()
    assert names(tmp_path) == ["out"]
    assert names(out) == ["mooring.json"]
    (tmp_path / "usual").mkdir()
    assert out.stat().st_mode == (tmp_path / "usual").stat().st_mode


def fail(folder: Path, *, force: bool = False, error: Exception) -> None:
    """Begin an artefact and run into `error` half-way."""
    with staged(folder, force=force) as staging:
        (staging.artefact / "half").write_text("x")
        raise error


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """Whatever goes wrong, the disk is as it was."""
    with pytest.raises(RuntimeError, match="boom"):
        fail(tmp_path / "out", error=RuntimeError("boom"))
    assert names(tmp_path) == []


def test_a_failed_replacement_keeps_the_old_one(tmp_path: Path) -> None:
    """--force replaces only at the very end."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "mooring.json").write_text("old")
    with pytest.raises(RuntimeError, match="boom"):
        fail(out, force=True, error=RuntimeError("boom"))
    assert (out / "mooring.json").read_text() == "old"
    with staged(out, force=True) as staging:
        (staging.artefact / "mooring.json").write_text("new")
    assert (out / "mooring.json").read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_an_existing_artefact_is_kept_without_force(tmp_path: Path) -> None:
    """The hint names --force."""
    (tmp_path / "mooring.json").write_text("{}")
    with pytest.raises(BuildError, match="already exists") as caught:
        check_target(tmp_path, force=False)
    assert "--force" in caught.value.hint
    check_target(tmp_path, force=True)


@pytest.mark.parametrize("force", [True, False])
def test_what_is_not_ours_is_never_replaced(tmp_path: Path, force: bool) -> None:
    """A folder without mooring.json, or a file, stays even with --force."""
    (tmp_path / "thesis.tex").write_text("years")
    for target in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(BuildError, match="not made by"):
            check_target(target, force=force)


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path) -> None:
    """It is filled; a missing parent is named."""
    out = tmp_path / "out"
    out.mkdir()
    with staged(out, force=False) as staging:
        (staging.artefact / "a").write_text("1")
    assert names(out) == ["a"]
    with pytest.raises(BuildError, match="does not exist"):
        check_target(tmp_path / "no" / "out", force=False)


def test_a_full_disk_is_a_message(tmp_path: Path) -> None:
    """An OSError while writing becomes a BuildError that says what to do."""
    with pytest.raises(BuildError, match="No space left") as caught:
        fail(tmp_path / "out", error=OSError(28, "No space left on device"))
    assert "Free some space" in caught.value.hint
    assert names(tmp_path) == []


def test_card_licences_and_tokenizer_travel_along(tmp_path: Path) -> None:
    """Weights and code stay behind; whatever may decide on token ids goes along."""
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    given = ("config.json", "tokenizer.json", "vocab.txt", "README.md", "LICENSE-data", "model.safetensors", "x.py")
    for name in given:
        (source / name).write_text(name)
    copy_companions(source, out)
    assert names(out) == ["LICENSE-data", "README.md", "config.json", "tokenizer.json", "vocab.txt"]
    assert size_of(out) == sum(len(name) for name in names(out))

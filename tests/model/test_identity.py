"""Which model is served, as digests, and what is said of another."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mooring.errors import ModelChanged
from mooring.model.identity import code_digest, identity_of, refuse_another


def test_the_identity_is_the_model_and_its_own_code() -> None:
    """As far as they have digests: weights that user code reads by itself have none."""
    assert identity_of({"model": {"digest": "a"}}) == {"model": "a"}
    assert identity_of({"model": {"name": "x"}, "code_digest": "b"}) == {"code": "b"}
    assert identity_of({"multi_model": True}) == {}


@pytest.mark.parametrize(("expected", "found"), [({}, {}), ({}, {"model": "a"}), ({"model": "a"}, {"model": "a"})])
def test_the_same_is_accepted_and_so_is_anything_where_nothing_is_expected(
    expected: dict[str, str], found: dict[str, str]
) -> None:
    """The first worker decides."""
    refuse_another(expected, found)


@pytest.mark.parametrize("found", [{"model": "b"}, {}, {"model": "a", "code": "c"}])
def test_another_is_refused_with_both_digests_and_what_to_do(found: dict[str, str]) -> None:
    """Also where it has none any more, or the code alone is another."""
    with pytest.raises(ModelChanged, match="on disk is not the one being served") as caught:
        refuse_another({"model": "a", "code": "d"}, found)
    assert "Restart the whole service" in caught.value.hint
    if found.get("model") == "b":
        assert "digest b on disk, a being served" in caught.value.message


def test_the_codes_digest_follows_every_python_file_and_nothing_else(tmp_path: Path) -> None:
    """What it imports counts as well."""
    program = tmp_path / "inference.py"
    program.write_text("import more")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "more.py").write_text("1")
    before = code_digest(program)
    (tmp_path / "notes.txt").write_text("x")
    assert code_digest(program) == before
    (tmp_path / "deep" / "more.py").write_text("2")
    assert code_digest(program) != before


@pytest.mark.parametrize("spoil", [lambda p: p.symlink_to("nowhere"), os.mkfifo, Path.mkdir])
def test_a_file_that_cannot_be_read_does_not_stop_a_model(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    """Editors leave such links; the code imports none of them."""
    program = tmp_path / "inference.py"
    program.write_text("pass")
    before = code_digest(program)
    spoil(tmp_path / ".#inference.py")
    assert code_digest(program) == code_digest(program)
    assert before.startswith("sha256:")

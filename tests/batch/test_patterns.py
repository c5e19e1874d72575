"""Which files a pattern of `moor batch` means."""

import os
from pathlib import Path

import pytest

from mooring.batch.formats import SUFFIXES
from mooring.batch.patterns import pattern_of
from mooring.batch.places import place_of
from mooring.batch.plan import find
from mooring.errors import UsageError
from tests.support.corpora import order_of

FILES = ("a.jsonl", "b/c.jsonl", "b/d/e.jsonl", "_b/f.jsonl", ".g/h.jsonl", "b/.i.jsonl", "b/j.csv")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jsonl", ["a.jsonl"]),
        ("*/*.jsonl", ["_b/f.jsonl", "b/c.jsonl"]),
        ("**/*.jsonl", ["_b/f.jsonl", "a.jsonl", "b/c.jsonl", "b/d/e.jsonl"]),
        ("b/**", ["b/c.jsonl", "b/d/e.jsonl", "b/j.csv"]),
        ("**/d/**/*", ["b/d/e.jsonl"]),
        ("?/[cj].*", ["b/c.jsonl", "b/j.csv"]),
        (".*/*.jsonl", [".g/h.jsonl"]),
        ("b/.*", ["b/.i.jsonl"]),
        ("*/x/*", []),
    ],
)
def test_files_that_match(pattern: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk by an absolute and a relative path, and by the rule that S3's keys follow."""
    for name in FILES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path / "in")
    for prefix in (f"{tmp_path}/in/", "", "./"):
        found = place_of(prefix).find(prefix + pattern, SUFFIXES)
        assert [os.path.relpath(file.path) for file in found] == expected
    inside = pattern_of(f"in/{pattern}")
    top = len(inside.folder.split("/"))
    matching = [name for name in FILES if f"in/{name}".startswith(f"{inside.folder}/")]
    assert sorted(n for n in matching if inside.matches(f"in/{n}".split("/")[top:])) == expected


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only if the pattern leads into it. Tests may run as root, whom permissions do not stop."""
    (tmp_path / "shut").mkdir()
    (tmp_path / "a.jsonl").touch()
    scan = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert len(place_of("").find(f"{tmp_path}/*.jsonl", SUFFIXES)) == 1
    for pattern in ("**", "**/*.jsonl", "*/*.jsonl"):
        with pytest.raises(UsageError, match=r"Cannot read .*/shut: Permission denied"):
            place_of("").find(f"{tmp_path}/{pattern}", SUFFIXES)


def test_links_are_followed_where_the_pattern_ends(tmp_path: Path) -> None:
    """A circle of links does not: `**` leaves links alone."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").touch()
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    assert len(place_of("").find(f"{tmp_path}/in/*/*.jsonl", SUFFIXES)) == 1
    assert len(place_of("").find(f"{tmp_path}/in/**/*.jsonl", SUFFIXES)) == 1


def test_a_pattern_without_files_is_explained(tmp_path: Path) -> None:
    """The file is deeper than the pattern."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.jsonl").touch()
    with pytest.raises(UsageError, match=r"no files in .*\*\.jsonl\.(.|\n)*\*\* for any number of folders"):
        find(order_of(tmp_path / "in" / "*.jsonl", tmp_path / "out"))

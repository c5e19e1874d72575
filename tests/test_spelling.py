"""The one place that compares words, and its bounds."""

from pathlib import Path

from mooring.spelling import LONGEST, nearest


def test_a_misspelt_word_finds_the_one_that_was_meant() -> None:
    """The most similar first; nothing for a word that is like none."""
    assert nearest("topk", ("top_k", "doc_stride")) == ["top_k"]
    assert nearest("serv", ("serve", "server", "build"), count=2) == ["serve", "server"]
    assert nearest("zzz", ("top_k",)) == []


def test_long_words_are_not_compared() -> None:
    """Neither as the question nor among the known ones."""
    assert nearest("x" * (LONGEST + 1), ("x" * LONGEST,)) == []
    assert nearest("x" * LONGEST, ("x" * (LONGEST + 1),)) == []
    assert nearest(None, ("None",)) == []


def test_nobody_else_compares_words() -> None:
    """Comparing takes time quadratic in the length: its bounds are in one place."""
    root = Path(__file__).resolve().parents[1]
    files = [path for folder in ("src", "local/src") for path in (root / folder).rglob("*.py")]
    assert [path.name for path in files if "difflib" in path.read_text()] == ["spelling.py"]

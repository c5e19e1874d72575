"""Contexts from files and stdin, and answers shown in their sentence."""

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.cli.passage import Excerpt, excerpt, printable, read_context
from mooring.errors import UsageError

TEXT = "It rained. Ada, born in 1815, wrote v1.2 of it!  Then\nshe left."


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("1815", Excerpt("Ada, born in ", "1815", ", wrote v1.2 of it!")),
        ("It rained", Excerpt("", "It rained", ".")),
        ("she", Excerpt("", "she", " left.")),
        ("Then", Excerpt("", "Then", "")),
    ],
)
def test_an_answer_is_shown_in_its_sentence(answer: str, shown: Excerpt) -> None:
    """A full stop inside a number ends no sentence, a line break does."""
    start = TEXT.index(answer)
    assert excerpt(TEXT, start, start + len(answer)) == shown


def test_a_long_sentence_is_cut_at_words_on_both_sides() -> None:
    """Two hundred characters are enough."""
    context = "word " * 200 + "answer" + " word" * 200
    shown = excerpt(context, 1000, 1006)
    assert shown.before.startswith("…word")
    assert shown.after.endswith("word…")
    assert len(shown.before) <= 202
    assert len(shown.after) <= 202


@given(st.text(max_size=60), st.data())
def test_any_answer_in_any_text_can_be_shown(context: str, data: st.DataObject) -> None:
    """Without line breaks and control characters."""
    start = data.draw(st.integers(0, len(context)))
    end = data.draw(st.integers(start, len(context)))
    shown = excerpt(context, start, end)
    line = shown.before + shown.answer + shown.after
    assert "\n" not in line
    assert "\x1b" not in line
    assert shown.answer == printable(context[start:end])


def test_control_characters_do_not_reach_the_terminal() -> None:
    """Escape sequences and direction overrides in a text are the text's, not ours; emoji stay whole."""
    assert printable("a\x1b[2Jb\u202ec \t d 👩\u200d🚀") == "a�[2Jb�c d 👩\u200d🚀"


def test_a_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    """CRLF stays: offsets count in the text as it is."""
    path = tmp_path / "c.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    assert read_context(str(path)) == "one\r\ntwo"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"caf\xe9", r"is not UTF-8 text \(byte 3\)"), (b" \n", "is empty"), (None, "No such file")],
)
def test_a_context_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Latin-1, nothing at all, or no file."""
    path = tmp_path / "c.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_context(str(path))


class Terminal(io.StringIO):
    """A stdin at which somebody sits."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_without_a_context_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """`moor ask "…"` alone says what is missing."""
    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(UsageError, match="No context was given"):
        read_context(None)


def test_a_pipe_is_read_without_being_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cat letter.txt | moor ask "…"`."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Ünï.".encode())))
    assert read_context(None) == "Ünï."

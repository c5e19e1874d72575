"""Lines in, the same lines out, and never more than a bounded heap of files."""

from pathlib import Path

import pytest

from mooring_local.fleet import logbook
from mooring_local.fleet.logbook import Event, Logbook, endpoint_group

GROUP = endpoint_group("qa")
STREAM = "AllTraffic/i-0123"


@pytest.fixture
def book(tmp_path: Path) -> Logbook:
    """With a clock that stands still."""
    return Logbook(tmp_path / "logs", clock=lambda: 1000.5)


def test_lines_come_back_in_order_with_their_times(book: Logbook) -> None:
    """In milliseconds; the clock's, or the one given."""
    book.append(GROUP, STREAM, "first")
    book.append(GROUP, STREAM, "zwölf\nlines", at=1001)
    assert book.events(GROUP, STREAM) == [Event(1_000_500, "first"), Event(1_001_000, "zwölf\nlines")]
    assert book.tail(GROUP, STREAM, 1) == ["zwölf\nlines"]


def test_groups_and_streams_keep_their_names(book: Logbook) -> None:
    """Slashes, and names that would climb out of the folder."""
    book.append(GROUP, STREAM, "x")
    book.append("../../up", "../..", "y")
    assert book.groups() == ["../../up", GROUP]
    assert book.groups("/aws/") == [GROUP]
    assert [stream.name for stream in book.streams(GROUP)] == [STREAM]
    assert [stream.name for stream in book.streams("../../up")] == ["../.."]


def test_nothing_is_known_of_what_was_never_said(book: Logbook) -> None:
    """No group, no stream, no error."""
    assert book.groups() == []
    assert book.streams(GROUP) == []
    assert book.events(GROUP, STREAM) == []


def test_a_stream_is_bounded(book: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest lines go; the newest stay, and the stream is one all the same."""
    monkeypatch.setattr(logbook, "LARGEST_FILE", 1000)
    for number in range(200):
        book.append(GROUP, STREAM, f"line {number}")
    (stream,) = book.streams(GROUP)
    messages = [event.message for event in book.events(GROUP, STREAM)]
    assert stream.size < 2200
    assert messages == [f"line {number}" for number in range(200 - len(messages), 200)]


def test_a_group_is_bounded(book: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instances come and go; their streams do not pile up for ever."""
    monkeypatch.setattr(logbook, "MOST_STREAMS", 3)
    for number in range(6):
        book.append(GROUP, f"AllTraffic/i-{number}", "hello")
    assert len(book.streams(GROUP)) == 3


def test_a_long_message_is_cut(book: Logbook) -> None:
    """And says how long it was."""
    book.append(GROUP, STREAM, "x" * 300_000)
    (event,) = book.events(GROUP, STREAM)
    assert event.message.endswith("… (300000 characters)")


def test_a_line_cut_off_by_a_kill_is_left_out(book: Logbook, tmp_path: Path) -> None:
    """The ones before it are whole."""
    book.append(GROUP, STREAM, "whole")
    (path,) = (tmp_path / "logs").rglob("*.jsonl")
    path.write_text(path.read_text(encoding="utf-8") + '[1000, "ha', encoding="utf-8")
    assert [event.message for event in book.events(GROUP, STREAM)] == ["whole"]


def test_what_cannot_be_written_is_lost_and_nobody_fails_for_it(book: Logbook, tmp_path: Path) -> None:
    """A full disk must not end the task that hears a container: it would stand still at its pipe."""
    (tmp_path / "logs").touch()
    for _ in range(2):
        book.append(GROUP, STREAM, "lost")
    (tmp_path / "logs").unlink()
    book.append(GROUP, STREAM, "kept")
    assert book.tail(GROUP, STREAM, 9) == ["kept"]


def test_the_end_of_a_stream_is_read_from_its_end(book: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its lines are, and across the two files that it may be."""
    monkeypatch.setattr(logbook, "LARGEST_FILE", 3000)
    monkeypatch.setattr(logbook, "_BLOCK", 7)
    for number in range(100):
        book.append(GROUP, STREAM, f"{number}" + "é" * (number % 50))
    events = book.events(GROUP, STREAM)
    assert len(events) < 100
    for count in (0, 1, 2, 30, len(events), 1000):
        assert book.last(GROUP, STREAM, count) == events[len(events) - min(count, len(events)) :]
    assert book.last(GROUP, "none", 5) == []


def test_a_stream_is_read_from_a_time_on(book: Logbook, tmp_path: Path) -> None:
    """From the first line of that time, with all behind it, and without one that a kill cut off."""
    for at in (1, 2, 2, 1, 3):
        book.append(GROUP, STREAM, f"at {at}", at=at)
    (path,) = (tmp_path / "logs").rglob("*.jsonl")
    path.write_text(path.read_text(encoding="utf-8") + "[30", encoding="utf-8")
    assert [event.message for event in book.since(GROUP, STREAM, 2000)] == ["at 2", "at 2", "at 1", "at 3"]
    assert list(book.since(GROUP, "none", 0)) == []

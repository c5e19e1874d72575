"""What a line of the log looks like, and what is never in one."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from mooring.observe.logs import configure_logs, where


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        """It is not, but says so."""
        return True


def last(stream: io.StringIO) -> dict[str, Any]:
    """The last line, decoded."""
    found: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return found


def fail(text: str) -> None:
    """With a local variable and a message that hold the text."""
    words = text.split()
    raise ValueError(f"cannot read {words}")


def test_a_json_line_has_time_level_and_event_first() -> None:
    """Then the fields, in the order given; letters stay letters."""
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    structlog.get_logger().info("request", status=200, answer="海")
    line = last(stream)
    assert list(line) == ["time", "level", "event", "status", "answer"]
    assert (line["level"], line["event"], line["status"]) == ("info", "request", 200)
    assert line["time"].endswith("Z")
    assert "海" in stream.getvalue()


def test_a_text_line_is_words() -> None:
    """Values with blanks are quoted, control characters escaped: a line stays a line."""
    stream = io.StringIO()
    configure_logs("info", "text", stream)
    structlog.get_logger().info("request", status=200, reason="two words", path="a\nb")
    line = stream.getvalue()
    assert line.endswith(' info request status=200 reason="two words" path=a\\nb\n')
    assert line.count("\n") == 1


def test_auto_is_text_on_a_terminal_and_json_elsewhere() -> None:
    """With colours on the terminal alone."""
    terminal, file = Terminal(), io.StringIO()
    configure_logs("info", "auto", terminal)
    structlog.get_logger().warning("hello")
    configure_logs("info", "auto", file)
    structlog.get_logger().warning("hello")
    assert "\033[33mwarning\033[0m hello" in terminal.getvalue()
    assert last(file)["event"] == "hello"


@pytest.mark.parametrize(("level", "events"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_below_the_level_nothing_is_said(level: str, events: int) -> None:
    """By our own loggers and by the standard library's."""
    ours, theirs = io.StringIO(), io.StringIO()
    configure_logs(level, "json", ours)
    for say in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger(), say)("x")
    configure_logs(level, "json", theirs)
    for say in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("mooring.engine"), say)("x")
    assert (len(ours.getvalue().splitlines()), len(theirs.getvalue().splitlines())) == (events, events)


def test_the_standard_librarys_lines_have_the_same_shape() -> None:
    """With their arguments put in."""
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    logging.getLogger("uvicorn.error").warning("Invalid %s.", "request")
    assert (last(stream)["level"], last(stream)["event"]) == ("warning", "Invalid request.")


def test_chatty_libraries_are_heard_from_warning_on() -> None:
    """Nobody asked for the process's number."""
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    logging.getLogger("uvicorn.error").info("Started server process")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("theirs", [False, True])
def test_an_exception_is_its_class_and_its_places(form: str, theirs: bool) -> None:
    """Neither its message nor its variables, which hold what somebody sent."""
    stream = io.StringIO()
    configure_logs("info", form, stream)
    log = logging.getLogger("asyncio") if theirs else structlog.get_logger()
    try:
        fail("secret words")
    except ValueError as error:
        log.error("broken", exc_info=error)
        log.error("broken", exc_info=True)
    for line in stream.getvalue().splitlines():
        assert "ValueError" in line
        assert "test_logs.py" in line
        assert "fail" in line
        assert "secret" not in line


def test_at_level_debug_the_message_is_there() -> None:
    """For those who look for the fault."""
    stream = io.StringIO()
    configure_logs("debug", "json", stream)
    try:
        fail("these words")
    except ValueError as error:
        structlog.get_logger().error("broken", exc_info=error)
    assert "these" in last(stream)["message"]


def test_places_are_the_innermost_ones() -> None:
    """The raising one last."""

    def deep(depth: int) -> None:
        if depth:
            deep(depth - 1)
        else:
            fail("x")

    try:
        deep(20)
    except ValueError as error:
        places = where(error).split(" > ")
    assert len(places) == 5
    assert places[-1].endswith("fail")
    assert all(place.startswith("observe/test_logs.py:") for place in places)


class Broken(io.StringIO):
    """A disk that is full, or a pipe that nobody reads."""

    def write(self, _: str) -> int:
        """Takes nothing."""
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_changes_nothing() -> None:
    """Whoever wanted to say something goes on, through either way to the log."""
    configure_logs("info", "json", Broken())
    structlog.get_logger().warning("ping is unhealthy", reason="x")
    logging.getLogger("another").warning("it happened")


@pytest.mark.parametrize("library", ["httpx", "httpx2", "httpcore2", "huggingface_hub"])
def test_libraries_are_heard_from_warning_on(library: str) -> None:
    """A line for each call to the Hub is nothing that anybody asked for."""
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    logging.getLogger(library).info("HTTP Request: GET /")
    assert stream.getvalue() == ""

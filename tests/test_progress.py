"""Steps as lines."""

import io

import pytest

from mooring.cli.progress import counting_bar, shown
from mooring.progress import Lines, duration, stage
from mooring.testing import ManualClock


class Closed(io.StringIO):
    """Whose reader has gone."""

    def write(self, _: str) -> int:
        """As a pipe says it."""
        raise BrokenPipeError


def test_a_line_a_step() -> None:
    """With its note and its time; shares of bytes are left out."""
    stream = io.StringIO()
    lines = Lines(stream)
    lines.begin("Packing")
    lines.detail("10 %")
    lines.detail("Creating")
    lines.end("2 MB")
    lines.note("Mind this.")
    said = stream.getvalue().splitlines()
    assert [said[0], said[2]] == ["  … Packing: Creating", "  ! Mind this."]
    assert said[1].startswith("  ✓ Packing, 2 MB  0.")


def test_nobody_reading_is_no_reason_to_stop() -> None:
    """`moor deploy … 2>&1 | head -1` would leave something half-made."""
    Lines(Closed()).note("for nobody")


def test_a_build_announces_its_stages(capsys: pytest.CaptureFixture[str]) -> None:
    """Each ends the one before; the last ends with the build, and none of them twice."""
    with shown(build=True) as progress:
        stage(progress, "Reading", 2)
        progress.advance(3)
        stage(progress, "Writing")
        progress.end()
    said = capsys.readouterr().err.splitlines()
    assert [line.rpartition(" 0.")[0] or line for line in said] == [
        "  Reading …", "✓ Reading", "  Writing …", "✓ Writing",
    ]  # fmt: skip


def test_a_long_step_of_a_build_says_how_far_it_is() -> None:
    """Every ten seconds, with the time that is left by the speed after the first part, which includes the warm-up.

    A deployment, whose steps have states of their own, does not.
    """
    for announce, expected in (
        (True, ["  … 100 of 400", "  … 300 of 400, about 5 s left"]),
        (False, []),
    ):
        stream, clock = io.StringIO(), ManualClock()
        lines = Lines(stream, announce=announce, clock=clock)
        lines.begin("Checking", 400)
        for parts, seconds in ((100, 12), (100, 1), (100, 9), (100, 30)):
            clock.advance(seconds)
            lines.advance(parts)
        assert [line for line in stream.getvalue().splitlines() if " of 400" in line] == expected


def test_an_evaluation_without_a_terminal_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On stderr; a short one is silent."""
    clock = ManualClock()
    with counting_bar("Asking", 1000, clock) as show:
        for done in (100, 200):
            show(done)
            clock.advance(11)
    assert capsys.readouterr().err == "Asking: 200 of 1,000, about 88 s left\n"


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5390, "1 h 30 min")])
def test_durations_are_rough(seconds: float, said: str) -> None:
    """Nobody needs the seconds of an hour."""
    assert duration(seconds) == said

"""Steps as lines."""

import io

import pytest

from mooring.cli.progress import shown
from mooring.progress import Lines, stage


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

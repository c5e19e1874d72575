"""Charts: drawn by matplotlib, self-contained, with whatever is written on them as text."""

import re
from xml.etree import ElementTree as ET

import pytest

from mooring.charts import Axis, Bin, Line, Series, histogram, line_chart, number, require, svg
from mooring.errors import UsageError
from tests.support.no_matplotlib import hide_matplotlib

EVIL = "<b>$x^2$ & co</b>"


def test_lines_have_names_and_axes_units() -> None:
    """A single line needs no key."""
    two = [Series("p50", [(1, 20.0), (10, 40.0)]), Series("p99", [(1, 90.0), (10, 900.0)])]
    chart = line_chart("t", Axis("clients", log=True, ticks=(1, 10)), Axis("latency, ms", log=True), two)
    written = ["".join(node.itertext()) for node in ET.fromstring(chart).iter("{http://www.w3.org/2000/svg}text")]
    assert {"clients", "latency, ms", "p50", "p99", "1", "10", "100"} <= set(written)
    assert "p50" not in line_chart("t", Axis("clients"), Axis("ms"), two[:1])


def test_a_histogram_names_its_lines() -> None:
    """Percentiles, above the bars."""
    bins = [Bin(1, 2, 5), Bin(2, 4, 9), Bin(4, 8, 1)]
    chart = histogram("t", Axis("latency, ms", log=True), Axis("answers"), bins, [Line(3, "p50"), Line(7.9, "p99")])
    assert all(f">{words}</text>" in chart for words in ("p50", "p99", "answers", "latency, ms"))


@pytest.mark.parametrize("log", [False, True])
def test_one_point_is_a_chart_too(log: bool) -> None:
    """A sweep of one step, or one that was interrupted after it."""
    assert "nan" not in line_chart("t", Axis("x", log=log), Axis("y", log=log), [Series("s", [(3.0, 7.0)])])


def test_a_line_beyond_the_points_is_on_the_chart() -> None:
    """The best throughput lies above the rates that were tried."""
    chart = line_chart("t", Axis("rate"), Axis("ms"), [Series("s", [(1.0, 7.0), (2.0, 8.0)])], Line(400, "best"))
    assert ">best</text>" in chart
    assert ">400</text>" in chart


def test_text_stays_text() -> None:
    """It is escaped, and no formula."""
    chart = svg(EVIL, (4, 3), lambda axes: axes.set_title(EVIL))
    assert "<b>" not in chart
    assert ET.fromstring(chart).get("aria-label") == EVIL
    assert EVIL in ["".join(node.itertext()) for node in ET.fromstring(chart).iter()]


def test_a_chart_needs_nothing_from_elsewhere() -> None:
    """The namespaces apart; and the same figures make the same file."""
    charts = [line_chart("t", Axis("x"), Axis("y"), [Series("s", [(1.0, 7.0), (2.0, 8.0)])]) for _ in range(2)]
    assert charts[0] == charts[1]
    assert "<script" not in charts[0]
    assert charts[0].count("http") == charts[0].count("http://www.w3.org/")
    assert set(re.findall(r'(?:href="|url\()(.)', charts[0])) <= {"#"}


def test_what_is_missing_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is measured."""
    require("--plot")
    hide_matplotlib(monkeypatch)
    with pytest.raises(UsageError, match="--plot needs matplotlib") as seen:
        require("--plot")
    assert seen.value.hint == "Install it: pip install '.[plots]'"


def test_numbers_for_people() -> None:
    """As many digits as say something."""
    shown = [number(value) for value in (0, 0.126, 7.25, 48.06, 156.4, 12345.6, 2)]
    assert shown == ["0", "0.13", "7.25", "48.1", "156", "12\u202f346", "2"]

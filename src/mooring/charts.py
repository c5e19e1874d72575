"""SVG charts for `moor bench --report` and `moor build --explore --plot`.

matplotlib is an extra (`plots`) and is imported only to draw. Charts have their own white background, so that they look
the same in a browser, in a README and on paper. Their text stays text and is never parsed as a formula.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from io import StringIO
from typing import TYPE_CHECKING, Any

from mooring.errors import UsageError
from mooring.installation import install_command

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0f766e", "#2563a8", "#b45309", "#a3275f")
MARKS = ("o", "s", "D", "^")
"""So that lines differ by shape as well as by colour."""
SOFT, INK, GRID, BAR = "#51646d", "#14242b", "#d5dde0", "#5fa8a0"
STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis. A logarithmic one needs values above 0."""

    label: str
    """With its unit."""
    log: bool = False
    ticks: tuple[float, ...] = ()
    """Positions of the numbers; by default round values."""


@dataclass(frozen=True, slots=True)
class Line:
    """A value marked with a line across the chart."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a histogram."""

    low: float
    high: float
    count: float


def missing() -> str:
    """The command that installs what charts need; "" if it is installed."""
    return "" if find_spec("matplotlib") else install_command("plots")


def require(what: str) -> None:
    """Raise UsageError if matplotlib is missing. `what` needs it, and starts the sentence."""
    if command := missing():
        raise UsageError(f"{what} needs matplotlib, which is not installed.", hint=f"Install it: {command}")


def number(value: float) -> str:
    """Format a number briefly, with a thin space between thousands."""
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 or float(value).is_integer() else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}".replace(",", "\u202f")
    return text.rstrip("0").rstrip(".") if digits else text


def line_chart(title: str, x: Axis, y: Axis, series: Sequence[Series], line: Line | None = None) -> str:
    """A line chart with markers. At least one series must have a point."""

    def draw(axes: "Axes") -> None:
        for place, one in enumerate(series):
            across, up = zip(*one.points, strict=True)
            colour, mark = COLOURS[place % len(COLOURS)], MARKS[place % len(MARKS)]
            axes.plot(across, up, marker=mark, color=colour, label=one.name, markersize=4.5)
        if line:
            _rule(axes, line)
        _scale(axes, x, y)
        if len(series) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(series))

    return svg(title, (6.2, 3.4), draw)


def histogram(title: str, x: Axis, y: Axis, bins: Sequence[Bin], lines: Sequence[Line]) -> str:
    """A histogram with marked values, such as percentiles. Needs at least one bin."""

    def draw(axes: "Axes") -> None:
        lows, widths = [one.low for one in bins], [one.high - one.low for one in bins]
        axes.bar(lows, [one.count for one in bins], widths, align="edge", color=BAR, edgecolor="white", linewidth=0.5)
        for place, one in enumerate(lines):
            _rule(axes, one, row=place)
        _scale(axes, x, y)

    return svg(title, (6.2, 3.4), draw)


def svg(title: str, inches: tuple[float, float], draw: "Callable[[Axes], object]") -> str:
    """The chart that `draw` draws, as an SVG element for a file or an HTML page; "" without matplotlib.

    The output is deterministic.
    """
    if missing():
        return ""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    written = StringIO()
    style: Any = {**STYLE, "svg.hashsalt": title}
    with rc_context(style):
        figure = Figure(figsize=inches, layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    _, _, text = written.getvalue().partition("<svg ")
    # The page sets sizes, and ids of groups would not be unique in a page with several charts.
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r'<g id="[\w.]+_\d+">', "<g>", text)
    return f'<svg class="chart" role="img" aria-label="{escape(title)}" {text.strip()}\n'


def _scale(axes: "Axes", x: Axis, y: Axis) -> None:
    """Set labels, tick numbers and where the axes begin."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    for axis, side, scale in ((x, axes.xaxis, axes.set_xscale), (y, axes.yaxis, axes.set_yscale)):
        side.set_label_text(axis.label)
        if axis.log:
            scale("log")
            side.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
            side.set_minor_formatter(NullFormatter())
        if axis.ticks:
            side.set_ticks(list(axis.ticks))
            side.set_minor_locator(NullLocator())
        side.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    if not x.log:
        axes.set_xlim(left=0)
    if not y.log:
        axes.set_ylim(bottom=0)


def _rule(axes: "Axes", line: Line, row: int = 0) -> None:
    """A vertical line with its label above the plot. Rows keep labels of neighbours apart."""
    axes.axvline(line.at, color=INK, linestyle=(0, (3, 4)), linewidth=0.9)
    where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    axes.annotate(line.label, (line.at, 1), (0, 3 + 11 * row), ha="center", fontweight="bold", **where)

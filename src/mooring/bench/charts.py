"""Numbers in, SVG out: the plots of a report, drawn without a library and without a script. Called by `page.py`.

Colours are classes: the page's style sheet has them for light, dark and paper. Every point says its value when it is
pointed at, and the page has every plot's numbers as a table beside it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 600, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 22, 40, 48
MARKS = ("circle", "square", "diamond", "triangle")


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """What is drawn along a side. A logarithmic one is for values above 0."""

    label: str
    log: bool = False
    ticks: tuple[float, ...] = ()
    """Where to write numbers; by default at round ones."""


@dataclass(frozen=True, slots=True)
class Line:
    """A value worth a line across the plot."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a histogram."""

    low: float
    high: float
    count: float


class Scale:
    """Values to pixels."""

    def __init__(self, axis: Axis, values: Sequence[float], start: float, end: float) -> None:
        """`start` and `end` are the pixels of the smallest and the largest value."""
        low, high = min(values), max(values)
        if axis.log:
            self._low, self._high = math.log10(low), math.log10(high)
            if self._high - self._low < 0.1:
                self._low, self._high = self._low - 0.3, self._high + 0.3
        else:
            self._low, self._high = min(0.0, low), high or 1.0
        self._log = axis.log
        self._start, self._end = start, end
        self.ticks = [tick for tick in axis.ticks or self._round() if low <= tick <= high or not axis.ticks]

    def __call__(self, value: float) -> float:
        """The pixel."""
        at = math.log10(value) if self._log else value
        return self._start + (self._end - self._start) * (at - self._low) / (self._high - self._low)

    def _round(self) -> list[float]:
        return _decades(self._low, self._high) if self._log else _steps(self._low, self._high)


def _steps(low: float, high: float, most: int = 6) -> list[float]:
    """Round values, at even distances."""
    rough = (high - low) / most
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * part for part in (1, 2, 2.5, 5, 10) if size * part >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade; only powers of ten where those are many. Bounds are logarithms."""
    parts: tuple[int, ...] = (1, 2, 5) if high - low <= 3 else (1,)
    values = [part * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for part in parts]
    return [value for value in values if low - 1e-9 <= math.log10(value) <= high + 1e-9]


def number(value: float) -> str:
    """Short, with a thin space between thousands."""
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 or float(value).is_integer() else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}".replace(",", "\u202f")
    return text.rstrip("0").rstrip(".") if digits else text


def line_chart(title: str, x: Axis, y: Axis, series: Sequence[Series], line: Line | None = None) -> str:
    """Lines with marks. At least one series has a point."""
    xs = [point[0] for one in series for point in one.points]
    ys = [point[1] for one in series for point in one.points]
    across = Scale(x, [*xs, *([line.at] if line else [])], LEFT, WIDTH - RIGHT)
    up = Scale(y, [*ys, max(ys) * (1.2 if y.log else 1.02)], HEIGHT - BOTTOM, TOP)
    parts = [_frame(x, y, across, up)]
    if line:
        parts.append(_across(across(line.at), line.label))
    for place, one in enumerate(series):
        path = " ".join(f"{across(px):.1f},{up(py):.1f}" for px, py in one.points)
        parts.append(f'<polyline class="line s{place}" points="{path}"/>')
        for px, py in one.points:
            said = f"{one.name}: {number(py)} {y.label} at {number(px)} {x.label}"
            parts.append(_mark(place, across(px), up(py), said))
    return _svg(title, "".join(parts), labelled=line is not None)


def histogram(title: str, x: Axis, y: Axis, bins: Sequence[Bin], lines: Sequence[Line]) -> str:
    """Bars between their bounds, and lines where percentiles are. At least one bin."""
    across = Scale(x, [bins[0].low, bins[-1].high, *(line.at for line in lines)], LEFT, WIDTH - RIGHT)
    up = Scale(y, [1.12 * max(one.count for one in bins)], HEIGHT - BOTTOM, TOP)
    parts = [_frame(x, y, across, up)]
    for one in bins:
        left, right, top = across(one.low), across(one.high), up(one.count)
        said = f"{number(one.low)} to {number(one.high)} {x.label}: {number(one.count)}"
        box = f'x="{left:.1f}" y="{top:.1f}" width="{max(1.0, right - left - 0.8):.1f}"'
        height = HEIGHT - BOTTOM - top
        parts.append(f'<rect class="bar" {box} height="{height:.1f}"><title>{escape(said)}</title></rect>')
    shown, row = -math.inf, 0
    for line in lines:
        at = across(line.at)
        row = (row + 1) % 3 if at - shown < 48 else 0
        parts.append(_across(at, line.label, row))
        shown = at
    return _svg(title, "".join(parts), labelled=True)


def legend(names: Sequence[str]) -> str:
    """Marks and names, as HTML: text that wraps and can be read aloud."""
    items = []
    for place, name in enumerate(names):
        sign = f'<svg class="key" viewBox="0 0 26 12" aria-hidden="true"><line class="line s{place}" x1="1" y1="6" '
        items.append(f'<li>{sign}x2="25" y2="6"/>{_mark(place, 13, 6, "")}</svg>{escape(name)}</li>')
    return f'<ul class="legend">{"".join(items)}</ul>'


def _frame(x: Axis, y: Axis, across: Scale, up: Scale) -> str:
    """Grid, numbers and names of the axes."""
    parts = []
    for tick in up.ticks:
        at = up(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{at + 4:.1f}">{number(tick)}</text>')
    floor = HEIGHT - BOTTOM
    for tick in across.ticks:
        at = across(tick)
        parts.append(f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{floor}" y2="{floor + 5}"/>')
        parts.append(f'<text class="tick mid" x="{at:.1f}" y="{floor + 19}">{number(tick)}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="name mid" x="{middle}" y="{HEIGHT - 8}">{escape(x.label)}</text>')
    at = (TOP + floor) / 2
    parts.append(f'<text class="name mid" transform="translate(14 {at}) rotate(-90)">{escape(y.label)}</text>')
    return "".join(parts)


def _across(at: float, label: str, row: int = 0) -> str:
    """A line from the floor up to its label, which stands above the plot."""
    top = TOP - 4 - 12 * row
    side = "end" if at > WIDTH - 120 else "mid"
    return (
        f'<line class="rule" x1="{at:.1f}" x2="{at:.1f}" y1="{top + 2}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="note {side}" x="{at + (RIGHT / 2 if side == "end" else 0):.1f}" y="{top}">{escape(label)}</text>'
    )


def _mark(place: int, x: float, y: float, said: str) -> str:
    """Series differ by shape as well as by colour."""
    shape = _SHAPES[MARKS[place % len(MARKS)]](x, y)
    title = f"<title>{escape(said)}</title>" if said else ""
    return f'<{shape[0]} class="mark s{place}" {shape[1]}>{title}</{shape[0]}>'


_SHAPES: dict[str, Callable[[float, float], tuple[str, str]]] = {
    "circle": lambda x, y: ("circle", f'cx="{x:.1f}" cy="{y:.1f}" r="4"'),
    "square": lambda x, y: ("rect", f'x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" width="7.2" height="7.2"'),
    "diamond": lambda x, y: ("path", f'd="M{x:.1f} {y - 5:.1f}l5 5-5 5-5-5z"'),
    "triangle": lambda x, y: ("path", f'd="M{x:.1f} {y - 4.8:.1f}l4.8 8.4h-9.6z"'),
}


def _svg(title: str, inside: str, *, labelled: bool) -> str:
    """The picture. The room above the plot is for labels of lines; without any it is cut off."""
    cut = 0 if labelled else TOP - 12
    box = f"0 {cut} {WIDTH} {HEIGHT - cut}"
    return f'<svg class="chart" viewBox="{box}" role="img" aria-label="{escape(title)}">{inside}</svg>'

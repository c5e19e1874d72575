"""What was explored in, one SVG file out: loss against speed, with both intervals. Called by `cli/build.py`.

Drawn without a library, and self-contained: its own colours on its own ground, so that it reads the same in a browser,
in a README and on paper. Candidates are numbered in the plot and named in the key beside it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from mooring.build.candidates import Candidate
from mooring.build.explore import Explored

WIDTH, KEY = 1000, 590
"""Pixels; where the key begins."""
LEFT, RIGHT, TOP, BOTTOM = 64, 560, 48, 440
ROW = 30
"""Height of a line of the key."""

STYLE = """
text { font: 13px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #14242b; }
.soft { fill: #51646d; } .end { text-anchor: end; } .mid { text-anchor: middle; } .title { font-weight: 600; }
.grid { stroke: #d5dde0; } .axis { stroke: #51646d; } .limit { stroke: #b3261e; stroke-dasharray: 5 4; }
.over { fill: #b3261e; } .number { font-size: 10px; font-weight: 600; text-anchor: middle; fill: #ffffff; }
.exact { fill: #2563a8; stroke: #2563a8; } .passed { fill: #0f766e; stroke: #0f766e; }
.undecided { fill: #b45309; stroke: #b45309; } .failed { fill: #b3261e; stroke: #b3261e; }
.span { stroke-width: 1.6; opacity: 0.55; } .ring { fill: none; stroke: #14242b; stroke-width: 2; }
"""


@dataclass(frozen=True, slots=True)
class Span:
    """An axis: values from `low` to `high` on pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel; of what lies outside, the nearer end's."""
        inside = min(max(value, self.low), self.high)
        return self.start + (self.end - self.start) * (inside - self.low) / (self.high - self.low)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values inside, at even distances."""
        rough = (self.high - self.low) / most
        size = 10 ** math.floor(math.log10(rough))
        step = next(size * part for part in (1, 2, 5, 10) if size * part >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def span_of(values: Iterable[float], start: float, end: float) -> Span:
    """Room for all of `values` and a little more on both sides."""
    seen = list(values)
    low, high = min(seen), max(seen)
    room = 0.06 * (high - low) or 0.5
    return Span(low - room, high + room, start, end)


def draw(explored: Explored) -> str:
    """The plot. Candidates that could not be built are left out."""
    shown = [candidate for candidate in explored.candidates if candidate.outcome != "error"]
    paces = [candidate.pace for candidate in shown if candidate.pace]
    drops = [candidate.judgement.drop for candidate in shown if candidate.judgement]
    limit = explored.rules.max_drop
    across = span_of([bound for pace in paces for bound in (pace.lowest, pace.highest)], LEFT, RIGHT)
    up = span_of([0.0, limit, *(bound for drop in drops for bound in (drop.lower, drop.upper))], BOTTOM, TOP)
    metric = explored.title
    parts = [*_frame(across, up, metric), *_limit(up, limit)]
    parts += [_span(candidate, across, up) for candidate in shown]
    parts += [_point(number, candidate, across, up) for number, candidate in enumerate(shown, 1)]
    parts += _key(shown, explored.best)
    height = max(BOTTOM + 60, TOP + ROW * len(shown) + 24)
    questions = max(drop.questions for drop in drops)
    title = f"Points of {metric} lost against speed, {questions:,} questions, 95 % intervals"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><style>{STYLE}</style><rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )


def _frame(across: Span, up: Span, metric: str) -> list[str]:
    parts = []
    for tick in up.ticks():
        y = up(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="soft end" x="{LEFT - 8}" y="{y + 4:.1f}">{tick:g}</text>')
    for tick in across.ticks():
        x = across(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{BOTTOM}" y2="{BOTTOM + 5}"/>')
        parts.append(f'<text class="soft mid" x="{x:.1f}" y="{BOTTOM + 20}">{tick:g}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{BOTTOM}" y2="{BOTTOM}"/>')
    middle, centre = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
    parts.append(f'<text class="mid" x="{middle}" y="{BOTTOM + 42}">speed, fp32 beside it = 1 (faster is right)</text>')
    name = f"points of {metric} lost (better is down)"
    parts.append(f'<text class="mid" transform="translate(18 {centre}) rotate(-90)">{escape(name)}</text>')
    return parts


def _limit(up: Span, limit: float) -> list[str]:
    y = up(limit)
    return [
        f'<line class="limit" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
        f'<text class="over end" x="{RIGHT}" y="{y - 5:.1f}">limit {limit:g}</text>',
    ]


def _span(candidate: Candidate, across: Span, up: Span) -> str:
    """Both intervals, as a cross."""
    if candidate.judgement is None or candidate.pace is None:
        return ""
    drop, pace, kind = candidate.judgement.drop, candidate.pace, candidate.outcome
    x, y = across(pace.ratio), up(drop.mean)
    ends = f'x1="{across(pace.lowest):.1f}" x2="{across(pace.highest):.1f}" y1="{y:.1f}" y2="{y:.1f}"'
    bounds = f'x1="{x:.1f}" x2="{x:.1f}" y1="{up(drop.lower):.1f}" y2="{up(drop.upper):.1f}"'
    return f'<line class="span {kind}" {ends}/><line class="span {kind}" {bounds}/>'


def _point(number: int, candidate: Candidate, across: Span, up: Span) -> str:
    if candidate.judgement is None or candidate.pace is None:
        return ""
    x, y = across(candidate.pace.ratio), up(candidate.judgement.drop.mean)
    return _disc(number, candidate, x, y)


def _disc(number: int, candidate: Candidate, x: float, y: float) -> str:
    said = escape(f"{candidate.attempt.name}: {_figures(candidate)}")
    return (
        f'<circle class="{candidate.outcome}" cx="{x:.1f}" cy="{y:.1f}" r="8"><title>{said}</title></circle>'
        f'<text class="number" x="{x:.1f}" y="{y + 3.6:.1f}">{number}</text>'
    )


def _key(shown: Sequence[Candidate], best: Candidate | None) -> list[str]:
    parts = []
    for number, candidate in enumerate(shown, 1):
        y = TOP + ROW * (number - 1) + 8
        if candidate is best:
            parts.append(f'<circle class="ring" cx="{KEY}" cy="{y}" r="11"/>')
        parts.append(_disc(number, candidate, KEY, y))
        mark = " (best)" if candidate is best else ""
        parts.append(f'<text x="{KEY + 18}" y="{y - 1}">{escape(candidate.attempt.name + mark)}</text>')
        parts.append(f'<text class="soft" x="{KEY + 18}" y="{y + 13}">{escape(_figures(candidate))}</text>')
    return parts


def _figures(candidate: Candidate) -> str:
    if candidate.judgement is None or candidate.pace is None:
        return candidate.failure
    drop, pace = candidate.judgement.drop, candidate.pace
    return (
        f"{drop.mean:+.2f} ({drop.lower:+.2f} to {drop.upper:+.2f}) at {pace.ratio:.2f} "
        f"({pace.lowest:.2f} to {pace.highest:.2f}), {candidate.outcome}"
    )

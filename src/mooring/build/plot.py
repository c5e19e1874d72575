"""Plot an exploration as one SVG: accuracy loss against speed, with both intervals. Called by `cli/build.py`.

Candidates are numbered in the plot and named in the legend beside it.
"""

from collections.abc import Sequence
from typing import Any

from mooring.build.candidates import Candidate
from mooring.build.explore import Explored
from mooring.charts import svg

Axes = Any
"""matplotlib's."""
COLOURS = {"exact": "#2563a8", "passed": "#0f766e", "undecided": "#b45309", "failed": "#b3261e"}
"""By outcome."""
LIMIT, SOFT, INK = "#b3261e", "#51646d", "#14242b"
ROW = 0.3
"""Height in inches of a candidate's two lines in the legend."""


def draw(explored: Explored) -> str:
    """The plot. Candidates that could not be built are left out."""
    shown = [one for one in explored.candidates if one.outcome != "error" and one.judgement and one.pace]
    metric = explored.title
    questions = max(one.judgement.drop.questions for one in shown if one.judgement)
    title = f"Loss of {metric} (points) against speed, {questions:,} questions, 95 % intervals"

    def fill(axes: Axes) -> None:
        axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
        axes.set_xlabel("speed relative to fp32 (right is faster)")
        axes.set_ylabel(f"loss of {metric} in points (lower is better)")
        limit = explored.rules.max_drop
        axes.axhline(limit, color=LIMIT, linestyle="--", linewidth=1)
        axes.annotate(
            f"limit {limit:g}", (1, limit), (0, 3), ("axes fraction", "data"), "offset points", color=LIMIT, ha="right"
        )
        for number, candidate in enumerate(shown, 1):
            _point(axes, number, candidate)
        _key(axes, shown, explored.best)

    return svg(title, (11.0, max(4.8, 1.0 + ROW * len(shown))), fill)


def _point(axes: Axes, number: int, candidate: Candidate) -> None:
    """A numbered disc with both intervals as error bars."""
    if candidate.judgement is None or candidate.pace is None:
        return
    drop, pace, colour = candidate.judgement.drop, candidate.pace, COLOURS[candidate.outcome]
    axes.errorbar(
        pace.ratio,
        drop.mean,
        xerr=[[pace.ratio - pace.lowest], [pace.highest - pace.ratio]],
        yerr=[[drop.mean - drop.lower], [drop.upper - drop.mean]],
        ecolor=(colour, 0.55),
        fmt="none",
        elinewidth=1.4,
    )
    axes.plot(pace.ratio, drop.mean, marker="o", color=colour, markersize=11, gid=f"candidate {number}")
    where = {"ha": "center", "va": "center_baseline", "fontsize": 7, "fontweight": "bold"}
    axes.annotate(str(number), (pace.ratio, drop.mean), color="white", **where)


def _key(axes: Axes, shown: Sequence[Candidate], best: Candidate | None) -> None:
    """The legend right of the plot: name and figures of each number."""
    for number, candidate in enumerate(shown, 1):
        mark = " (best)" if candidate is best else ""
        down = -72 * ROW * (number - 1)
        for text, right, below, look in (
            (str(number), 14, 0, {"color": COLOURS[candidate.outcome], "fontweight": "bold"}),
            (f"{candidate.attempt.name}{mark}", 32, 0, {"color": INK, "fontweight": "bold" if mark else "normal"}),
            (figures(candidate), 32, -10, {"color": SOFT, "fontsize": 7.5}),
        ):
            axes.annotate(text, (1, 1), (right, down + below), "axes fraction", "offset points", va="top", **look)


def figures(candidate: Candidate) -> str:
    """Loss, speed and outcome as text, intervals in brackets."""
    if candidate.judgement is None or candidate.pace is None:
        return candidate.failure
    drop, pace = candidate.judgement.drop, candidate.pace
    return (
        f"{drop.mean:+.2f} ({drop.lower:+.2f} to {drop.upper:+.2f}) at {pace.ratio:.2f} "
        f"({pace.lowest:.2f} to {pace.highest:.2f}), {candidate.outcome}"
    )

"""Output of `moor build --explore`: table, JSON and chart."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mooring.charts import require
from mooring.cli.build_output import MEGABYTE
from mooring.cli.facts import titled
from mooring.errors import UsageError, echo

if TYPE_CHECKING:
    from rich.table import Table

    from mooring.build.candidates import Candidate
    from mooring.build.explore import Explored

WIDE = 160
"""Line width, in characters, when stdout is not a terminal."""


def check_options(options: dict[str, Any]) -> None:
    """Raise UsageError for options of `moor build` that contradict each other, before any work is done."""
    if not options["explore"]:
        if options["out"] is None:
            raise UsageError("No output folder was given.", hint="Name one with -o. Only --explore works without.")
        if options["plot"] is not None:
            raise UsageError("--plot needs --explore.", hint="Add --explore, or leave out --plot.")
        return
    told = {"--precision": options["precision"] != "auto", "--recipe": options["recipe"] is not None}
    for flag in (flag for flag, given in told.items() if given):
        raise UsageError(
            f"--explore tries every precision and recipe, so {flag} has no effect.",
            hint=f"Leave out --explore or {flag}.",
        )
    if options["no_gate"]:
        raise UsageError("--explore checks accuracy; --no-gate skips the check.", hint="Leave out one of them.")
    if options["calibration"] is None:
        raise UsageError(
            "--explore needs questions to calibrate int8 on.",
            hint="Add --calibration FILE: labeled examples for the task, or one JSON request per line.",
        )
    if options["plot"] is not None:
        require("--plot")
        _check_file(options["plot"])


def _check_file(path: Path) -> None:
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"Cannot write a chart to {echo(str(path))}.", hint="Name a file in a writable folder.")


def write_whole(path: Path, text: str) -> None:
    """Write the file completely, or leave the existing one unchanged."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def report(explored: "Explored") -> dict[str, Any]:
    """The JSON report."""
    return {
        "metric": explored.metric,
        "max_drop": explored.rules.max_drop,
        "calibrated": explored.calibrated,
        "fast_int8": explored.fast_int8,
        "dot_products": explored.dot_products,
        "seconds": round(explored.seconds, 1),
        "interrupted": explored.interrupted,
        "best": explored.best.attempt.name if explored.best else None,
        "candidates": [_row(candidate) for candidate in explored.candidates],
    }


def _row(candidate: "Candidate") -> dict[str, Any]:
    attempt, judged, pace = candidate.attempt, candidate.judgement, candidate.pace
    row: dict[str, Any] = {
        "name": attempt.name,
        "precision": attempt.precision,
        "recipe": None if attempt.exact else attempt.recipe.name,
        "outcome": candidate.outcome,
    }
    if judged is None or pace is None:
        return {**row, "failure": candidate.failure}
    return {
        **row,
        "score": round(judged.drop.candidate, 4),
        "drop": round(judged.drop.mean, 4),
        "interval": [round(judged.drop.lower, 4), round(judged.drop.upper, 4)],
        "figures": {name: round(value, 4) for name, value in judged.figures[1].items()} if judged.figures else None,
        "questions": judged.drop.questions,
        "bytes": candidate.size,
        "questions_per_second": round(pace.per_second, 1),
        "speed": round(pace.ratio, 3),
        "speed_interval": [round(pace.lowest, 3), round(pace.highest, 3)],
        "excluded": list(candidate.excluded),
        "warnings": list(candidate.warnings),
    }


def show(explored: "Explored") -> None:
    """The table and its notes, on stdout."""
    from rich.console import Console

    # A file gets wide lines: at a terminal's width, recipe names would wrap.
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(table(explored))
    for note in notes(explored):
        console.print(note, highlight=False, markup=False)


def table(explored: "Explored") -> "Table":
    """One row per candidate, the best one marked."""
    from rich.table import Table

    others = _others(explored)
    rows = Table(box=None, pad_edge=False, header_style="dim")
    rows.add_column("")
    rows.add_column("precision")
    rows.add_column("recipe", overflow="fold")
    rows.add_column(explored.title, justify="right")
    for name in others:
        rows.add_column(titled(name), justify="right")
    rows.add_column("drop (95 % interval)", justify="right")
    rows.add_column("MB", justify="right")
    rows.add_column("questions/s", justify="right")
    rows.add_column("× fp32", justify="right")
    rows.add_column("check")
    for candidate in explored.candidates:
        best = candidate is explored.best
        rows.add_row("→" if best else "", *_cells(candidate, others), style="bold" if best else None)
    return rows


def _others(explored: "Explored") -> list[str]:
    """Names of the figures other than the metric."""
    figures = (row.judgement.figures for row in explored.candidates if row.judgement and row.judgement.figures)
    return [name for name in next((dict(both[1]) for both in figures), {}) if name != explored.metric]


def _cells(candidate: "Candidate", others: list[str]) -> Iterator[str]:
    attempt, judged, pace = candidate.attempt, candidate.judgement, candidate.pace
    yield attempt.precision
    yield "" if attempt.exact else attempt.recipe.name
    if judged is None or pace is None:
        yield from [""] * (5 + len(others))
        yield "failed to build"
        return
    yield f"{judged.drop.candidate:.2f}"
    for name in others:
        yield f"{judged.figures[1][name]:.2f}" if judged.figures else ""
    yield f"{judged.drop.mean:+.2f} ({judged.drop.lower:+.2f} to {judged.drop.upper:+.2f})"
    yield f"{candidate.size / MEGABYTE:.1f}"
    yield f"{pace.per_second:.1f}"
    yield f"{pace.ratio:.2f}"
    yield _VERDICTS[candidate.outcome]


_VERDICTS = {"exact": "not needed", "passed": "passed", "failed": "failed", "undecided": "undecided"}


def notes(explored: "Explored") -> Iterator[str]:
    """Notes below the table: how to read it, and the next command."""
    questions = max(row.judgement.drop.questions for row in explored.candidates if row.judgement)
    yield (
        f"All rows use the same {questions:,} questions, none of them among the {explored.calibrated} used for "
        f"calibration. The accuracy check allows {explored.rules.max_drop:g} points at the upper bound of the "
        "interval. Speed is the median of several turns, alternating with fp32; compare the column × fp32."
    )
    undecided = sum(candidate.outcome == "undecided" for candidate in explored.candidates)
    if undecided:
        yield (
            f"{undecided} of {len(explored.candidates)} are undecided: the limit lies inside the interval. Use more "
            "questions (--questions N, or all)."
        )
    if not explored.fast_int8:
        yield (
            "This CPU has no int8 dot products, so int8 is slow here. The accuracy is that of CPUs that have them; the "
            "speed is not. The best is chosen by precision, not by speed."
        )
    elif not explored.dot_products:
        yield (
            "This CPU has AVX2 but no int8 dot products (VNNI). The accuracy of int8 is that of CPUs with VNNI; the "
            "speed is this CPU's. The build checks the best again, with the fewer int8 levels of this CPU."
        )
    for candidate in explored.candidates:
        if candidate.outcome == "error":
            yield f"{candidate.attempt.name}: {candidate.failure}"
        elif candidate.attempt.exact:
            yield from (f"{candidate.attempt.name}: {warning}" for warning in candidate.warnings)
    yield next_step(explored)


def next_step(explored: "Explored") -> str:
    """The command that builds the best candidate."""
    best = explored.best
    if best is None:
        return "No candidate passed the accuracy check."
    so_far = "Best so far" if explored.interrupted else "Best"
    if best.attempt.exact:
        return f"{so_far}: moor build … --precision {best.attempt.precision}"
    return f"{so_far}: moor build … --precision int8 --recipe {best.attempt.recipe.name}"

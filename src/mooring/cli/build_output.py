"""The result of `moor build`, as a table or as JSON."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mooring.cli.facts import titled

if TYPE_CHECKING:
    from rich.table import Table

    from mooring.build.pipeline import Built

MEGABYTE = 1_000_000


def report(built: "Built") -> dict[str, Any]:
    """The build's JSON report: the table's values and the whole manifest."""
    import msgspec

    last = built.tried[-1].judgement
    return {
        "folder": str(built.folder),
        "bytes": built.size,
        "seconds": round(built.seconds, 1),
        "peak_memory_bytes": built.peak,
        "fp32_questions_per_second": _rounded(built.reference_per_second),
        "built_questions_per_second": _rounded(built.tried[-1].per_second),
        "interval": [round(last.drop.lower, 4), round(last.drop.upper, 4)] if last else None,
        "tried": [
            {
                "precision": trial.attempt.precision,
                "excluded": list(trial.excluded),
                "accepted": trial.accepted,
                "drop": round(trial.judgement.drop.mean, 4) if trial.judgement else None,
                "drop_upper": round(trial.judgement.drop.upper, 4) if trial.judgement else None,
                "questions": trial.judgement.drop.questions if trial.judgement else 0,
            }
            for trial in built.tried
        ],
        "manifest": msgspec.to_builtins(built.manifest),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def table(built: "Built") -> "Table":
    """The build's result as a table: size, accuracy, speed."""
    from rich.table import Table

    last = built.tried[-1]
    rows = Table(title=f"{built.folder}", show_header=False, title_justify="left", box=None, pad_edge=False)
    rows.add_column(style="dim")
    rows.add_column()
    left_out = f", {len(last.excluded)} operations in fp32" if last.excluded else ""
    rows.add_row("precision", f"[bold]{last.attempt.precision}[/]{left_out}")
    rows.add_row("size", f"{built.size / MEGABYTE:.1f} MB")
    for name, value in _judged_rows(built):
        rows.add_row(name, value)
    if built.peak is not None:
        rows.add_row("peak memory", f"{built.peak / MEGABYTE:,.0f} MB")
    rows.add_row("took", f"{built.seconds:.0f} s")
    rows.add_row("next", f"moor serve {shlex.quote(str(built.folder))}")
    return rows


def _judged_rows(built: "Built") -> Iterator[tuple[str, str]]:
    last = built.tried[-1]
    judged = last.judgement
    if judged is None:
        skipped = "skipped (--no-gate)" if not last.attempt.exact else "not needed, nothing was measured"
        yield "accuracy check", skipped
        return
    drop, name = judged.drop, built.manifest.precision
    if judged.figures is not None:
        exact, candidate = judged.figures
        for figure in candidate:
            yield titled(figure), f"{candidate[figure]:.2f}  (fp32 {exact[figure]:.2f})"
    else:
        yield judged.title, f"{drop.candidate:.2f} %"
    yield (
        "drop",
        f"{drop.mean:+.2f} points, 95 % interval {drop.lower:+.2f} to {drop.upper:+.2f}, {drop.questions:,} questions",
    )
    gate = built.manifest.gate
    if gate is not None and gate.max_drop is not None and not last.attempt.exact:
        yield "accuracy check", f"passed: {gate.drop_upper:+.2f} is within the limit of {gate.max_drop:g}"
        if gate.narrow is not None and not gate.narrow.passed:
            yield "with AVX2 only", f"failed ({gate.narrow.drop_upper:+.2f}): such CPUs compute in fp32"
        elif gate.narrow is not None:
            yield "with AVX2 only", f"passed: {gate.narrow.drop_upper:+.2f}, with the fewer int8 levels of such CPUs"
    elif last.attempt.exact:
        yield "accuracy check", f"not needed for {name}"
    if last.per_second is not None:
        yield "speed", f"{last.per_second:.1f} questions/s  (fp32 {built.reference_per_second or 0:.1f})"

"""`moor build FOLDER -o OUT`: arguments in, one call of the pipeline, a table or JSON out.

Progress goes to stderr, the result to stdout. Registered lazily by the command group.
"""

import json
import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.options import setting_options, settings_from

if TYPE_CHECKING:
    from rich.table import Table

    from mooring.build.pipeline import Built
    from mooring.build.progress import Progress

MEGABYTE = 1_000_000
SETTINGS = ("threads", "revision", "cache_dir", "hub_endpoint", "offline")


def _question_count(_context: click.Context, _parameter: click.Parameter, value: str) -> int | None:
    """A whole number from 1, or None for "all"."""
    if value == "all":
        return None
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"{value!r} is neither a whole number from 1 nor 'all'.")


def _finite(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """Not nan, with which every comparison fails."""
    if value is not None and math.isnan(value):
        raise click.BadParameter(f"{value} is no limit.")
    return value


@click.command("build", short_help="Make a fast model folder and prove that it still answers right.")
@click.argument("model")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The folder to write.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "int8", "bf16", "fp32"]),
    default="auto",
    show_default=True,
    help="auto: int8, or mixed, or bf16, whichever first passes the gate.",
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    help="Real questions that int8 is calibrated on: SQuAD JSON, or requests, one JSON a line.",
)
@click.option("--calibration-samples", type=click.IntRange(min=1), default=300, show_default=True)
@click.option(
    "--judge", type=click.Path(path_type=Path), help="Questions for the gate; else held back from --calibration."
)
@click.option(
    "--questions",
    default="2000",
    show_default=True,
    callback=_question_count,
    metavar="N|all",
    help="Questions the gate asks at first; more while it is undecided.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    callback=_finite,
    help="Points that may be lost, at the bad end of the 95 % interval.  [default: 0.5 F1; 5 agreement without labels]",
)
@click.option("--no-gate", is_flag=True, help="Do not compare with fp32 (recorded in the manifest).")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which questions are drawn.")
@click.option("--force", is_flag=True, help="Replace OUT if it is an artefact of `moor build`.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
@setting_options(*SETTINGS)
def command(**options: Any) -> None:
    """Build MODEL (a folder, a .tar.gz or a Hub id) into the folder OUT, which `moor serve OUT` serves.

    int8 needs --calibration. Before it is written its answers are held against fp32's on questions that calibration has
    not seen; a model that loses too much is built in mixed precision or bf16 instead.
    """
    with _shown(quiet=options["as_json"] and not sys.stderr.isatty()) as progress:
        built = _run(options, progress)
    if options["as_json"]:
        click.echo(json.dumps(report(built), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        Console().print(table(built))


def _run(options: dict[str, Any], progress: "Progress") -> "Built":
    # Here and not above: `moor --help` must not load numpy and OpenVINO.
    from mooring.build.pipeline import Order, build
    from mooring.model.source import resolve
    from mooring.wiring.model import make_task
    from mooring.wiring.source import source_options

    settings = settings_from({name: options[name] for name in SETTINGS})
    progress.stage("Finding the model")
    order = Order(
        model=resolve(options["model"], source_options(settings)),
        out=options["out"],
        precision=options["precision"],
        calibration=options["calibration"],
        samples=options["calibration_samples"],
        judge=options["judge"],
        questions=options["questions"],
        max_drop=options["max_drop"],
        gate=not options["no_gate"],
        seed=options["seed"],
        force=options["force"],
        threads=settings.threads,
    )
    return build(order, make_task, progress)


@contextmanager
def _shown(*, quiet: bool) -> Iterator["Progress"]:
    """Stages on stderr, each with its bar while it runs and its time when it has ended."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True, quiet=quiet)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        stages = _Stages(bars, console.print)
        yield stages
        stages.end()


class _Stages:
    """The pipeline's progress, drawn by rich."""

    def __init__(self, bars: Any, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._bars = bars
        self._say = say
        self._clock = clock
        self._running: Any = None
        self._title = ""
        self._began = 0.0

    def stage(self, title: str, total: int | None = None) -> None:
        """End the stage before and begin this one."""
        self.end()
        self._title, self._began = title, self._clock()
        self._running = self._bars.add_task(title, total=total)

    def advance(self, steps: int = 1) -> None:
        """Draw the steps; the bar grows when there are more of them than was said."""
        self._bars.advance(self._running, steps)
        task = next(task for task in self._bars.tasks if task.id == self._running)
        if task.total is not None and task.completed > task.total:
            self._bars.update(self._running, total=task.completed)

    def note(self, text: str) -> None:
        """A line that stays."""
        self._say(f"[yellow]![/] {text}")

    def end(self) -> None:
        """Leave a line with the stage's time."""
        if self._running is not None:
            self._say(f"[green]✓[/] {self._title} [dim]{self._clock() - self._began:.1f} s[/]")
            self._bars.remove_task(self._running)
            self._running = None


def report(built: "Built") -> dict[str, Any]:
    """What the table says, as plain values; the manifest whole."""
    import msgspec

    last = built.tried[-1].judgement
    return {
        "folder": str(built.folder),
        "bytes": built.size,
        "seconds": round(built.seconds, 1),
        "peak_memory_bytes": built.peak,
        "fp32_questions_per_second": _rounded(built.reference_per_second),
        "built_questions_per_second": _rounded(last.per_second if last else None),
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
    """The result for people: what was written, how good and how fast it is."""
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
        skipped = "left out (--no-gate)" if not last.attempt.exact else "not needed; nothing was measured"
        yield "gate", skipped
        return
    drop, name = judged.drop, built.manifest.precision
    if judged.exact_match is not None:
        yield "exact match", f"{judged.exact_match[1]:.2f}  (fp32 {judged.exact_match[0]:.2f})"
        yield "F1", f"{drop.candidate:.2f}  (fp32 {drop.reference:.2f})"
    else:
        yield "agreement with fp32", f"{drop.candidate:.2f} %"
    yield (
        "drop",
        f"{drop.mean:+.2f} points, 95 % interval {drop.lower:+.2f} to {drop.upper:+.2f}, {drop.questions:,} questions",
    )
    gate = built.manifest.gate
    if gate is not None and gate.max_drop is not None and not last.attempt.exact:
        yield "gate", f"passed: {gate.drop_upper:+.2f} is within {gate.max_drop:g}"
    elif last.attempt.exact:
        yield "gate", f"{name} has none to pass"
    yield "speed", f"{judged.per_second:.1f} questions/s  (fp32 {built.reference_per_second or 0:.1f})"

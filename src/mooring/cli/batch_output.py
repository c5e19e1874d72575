"""What `moor batch` shows: progress with rate and remaining time on stderr, and the summary on stdout."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from mooring.cli.facts import served_line
from mooring.cli.streams import write_json
from mooring.progress import Report

if TYPE_CHECKING:
    from mooring.batch.job import Summary

LINE_EVERY_S = 30.0
"""Between two lines of progress without a terminal."""


class Meter(Protocol):
    """Shows progress."""

    def advance(self, records: int) -> None:
        """That many more records were answered."""


@contextmanager
def meter(total: int, done: int) -> Iterator[Meter]:
    """A bar on a terminal, else a line now and then. `done` records were answered in earlier runs."""
    if not sys.stderr.isatty():
        yield Lines(total, done)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn("Answering"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as bars:
        yield _Bar(bars, bars.add_task("", total=total, completed=done, rate=""))


class _Bar:
    def __init__(self, bars: Any, task: Any) -> None:
        self._bars = bars
        self._task = task

    def advance(self, records: int) -> None:
        self._bars.advance(self._task, records)
        speed = self._bars.tasks[0].speed
        if speed:
            self._bars.update(self._task, rate=f"{speed:,.1f}/s")


class Lines:
    """Progress as lines. Time and rate are those of this run, without the warm-up."""

    def __init__(self, total: int, done: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._done = done
        self._report = Report(total, clock, LINE_EVERY_S)

    def advance(self, records: int) -> None:
        """See `Meter.advance`."""
        self._done += records
        if state := self._report.at(self._done):
            rate = f", {self._report.per_second:,.1f} per second" if self._report.per_second else ""
            click.echo(f"Answering: {state}{rate}", err=True)


def lasting(seconds: float) -> str:
    """A duration in two units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def show(
    output: str, summary: "Summary", facts: Mapping[str, Any], *, as_json: bool, max_errors: int | None = None
) -> None:
    """Print the summary. `facts` are those of the model, as in `/info`."""
    total, model = summary.total, facts.get("model") or {}
    rate = summary.answered / summary.seconds if summary.answered and summary.seconds else 0.0
    if as_json:
        write_json(
            {
                "output": output,
                "records": total.records,
                "of": summary.records,
                "windows": total.windows,
                "errors": total.errors,
                "truncated": total.truncated,
                "parts": summary.parts - summary.left,
                "left": summary.left,
                "unreadable": [error.message for error in summary.unreadable],
                "answered": summary.answered,
                "seconds": round(summary.seconds, 2),
                "per_second": round(rate, 1),
                "model": {name: model.get(name) for name in ("name", "task", "precision", "digest")},
            },
            indent=2,
        )
        return
    of = f" of {summary.records:,}" if summary.left else ""
    if not summary.answered:
        run = "none in this run"
    else:
        run = f"{summary.answered:,} in this run, " if summary.answered != total.records else ""
        run += f"{lasting(summary.seconds)}, {rate:,.1f} per second"
    lines = [("records", f"{total.records:,}{of} ({run})"), ("windows", f"{total.windows:,}")]
    lines += [("errors", f"{total.errors:,}")]
    lines += [("truncated", f"{total.truncated:,}")] if total.truncated else []
    lines += [("model", served_line(facts)), ("digest", str(model.get("digest") or "unknown"))]
    lines += [("output", f"{output}, {summary.parts - summary.left:,} of {summary.parts:,} parts")]
    for name, value in lines:
        click.echo(f"{name:<11}{value}")
    if summary.left:
        then = "run the same command again to continue"
        if max_errors is not None and total.errors > max_errors:
            then = f"there are {total.errors:,} errors: to continue, raise --max-errors {max_errors}"
        click.echo(f"moor: {summary.left:,} parts are missing; {then}", err=True)

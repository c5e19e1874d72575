"""Progress on stderr: bars for downloads and evaluations, and the steps of a build or a deployment.

rich is imported only when there is something to draw.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from mooring.progress import Lines, Progress, Report, Silent


@contextmanager
def download_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yields `progress(done, total)` in bytes. Without a terminal it prints a line for each 10 %."""
    bar = _Bar(what) if sys.stderr.isatty() else _Lines(what)
    try:
        yield bar.show
    finally:
        bar.close()


class _Bar:
    def __init__(self, what: str) -> None:
        self._what = what
        self._bars: Any = None
        self._task: Any = None

    def show(self, done: int, total: int) -> None:
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

            columns = (
                "{task.description}",
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
            )
            self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bars.start()
            self._task = self._bars.add_task(f"Downloading {self._what}", total=total)
        self._bars.update(self._task, completed=done, total=total)

    def close(self) -> None:
        if self._bars is not None:
            self._bars.stop()


class _Lines:
    def __init__(self, what: str) -> None:
        self._what = what
        self._tenth = -1

    def show(self, done: int, total: int) -> None:
        tenth = 10 * done // total if total else 10
        if tenth > self._tenth:
            self._tenth = tenth
            print(f"Downloading {self._what}: {done / 1e6:.0f} of {total / 1e6:.0f} MB", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing to close."""


@contextmanager
def counting_bar(
    title: str, total: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int], None]]:
    """Yields `show(done)`. Draws four times a second, to disturb the measured time little; else a line now and then."""
    if not sys.stderr.isatty():
        report = Report(total, clock)

        def line(done: int) -> None:
            if state := report.at(done):
                click.echo(f"{title}: {state}", err=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as bars:
        task = bars.add_task(title, total=total)
        yield lambda done: bars.update(task, completed=done)


@contextmanager
def shown(*, quiet: bool = False, build: bool = False) -> Iterator[Progress]:
    """Show steps on stderr: a bar or a spinner while one runs on a terminal, and a line when it ends.

    Without a terminal, a build also announces its steps, since some take minutes. `quiet` leaves only a deployment's
    notes.
    """
    indent = "" if build else "  "
    if quiet:
        yield Silent() if build else _Notes()
    elif not sys.stderr.isatty():
        lines = Lines(indent=indent, announce=build)
        yield lines
        lines.end()
    else:
        steps = _Steps(indent)
        try:
            yield steps
            steps.end()
        finally:
            steps.close()


class _Notes:
    """Prints notes only."""

    def begin(self, title: str, total: int | None = None) -> None: ...

    def advance(self, parts: int = 1) -> None: ...

    def detail(self, text: str) -> None: ...

    def end(self, note: str = "") -> None: ...

    def note(self, text: str) -> None:
        """Print a line; a closed stderr is ignored."""
        with suppress(BrokenPipeError):
            click.echo(f"moor: {text}", err=True)


class _Steps:
    """Draws the step that runs, with its state and its duration so far."""

    def __init__(self, indent: str) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._indent = indent
        self._bars: Any = None
        self._title = ""
        self._began = 0.0

    def begin(self, title: str, total: int | None = None) -> None:
        """Start the bar, or the spinner if the total is unknown."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.close()
        self._title, self._began = title, time.monotonic()
        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()]
        if total is not None:
            columns[2:] = [BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()]
        self._bars = Progress(*columns, console=self._console, transient=True)
        self._bars.start()
        self._bars.add_task(title, total=total)

    def advance(self, parts: int = 1) -> None:
        """Draw the parts."""
        self._bars.update(self._bars.tasks[0].id, advance=parts)

    def detail(self, text: str) -> None:
        """Show `text` beside the title."""
        if self._bars is not None:
            self._bars.update(self._bars.tasks[0].id, description=f"{self._title}: {text}")

    def end(self, note: str = "") -> None:
        """Stop, and print the step with its duration."""
        if self._bars is not None:
            self.close()
            self._line("✓", "green", f"{self._title}{f', {note}' if note else ''}", time.monotonic() - self._began)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self._line("!", "yellow", text)

    def close(self) -> None:
        """Stop drawing."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _line(self, sign: str, colour: str, text: str, seconds: float | None = None) -> None:
        from rich.text import Text

        line = Text.assemble(self._indent, (sign, colour), f" {text}")
        if seconds is not None:
            line.append(f"{self._indent or ' '}{seconds:.1f} s", "dim")
        self._console.print(line)

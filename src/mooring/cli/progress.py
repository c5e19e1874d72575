"""Progress bars on stderr for downloads and evaluations. rich is imported only when there is something to draw."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


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
def counting_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields `show(done)`. Draws only on a terminal and four times a second, to disturb the measured time little."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as bars:
        task = bars.add_task(title, total=total)
        yield lambda done: bars.update(task, completed=done)

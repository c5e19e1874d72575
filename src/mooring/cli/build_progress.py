"""Progress of a build on stderr, drawn by rich."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mooring.build.progress import Progress


@contextmanager
def shown(*, quiet: bool) -> Iterator["Progress"]:
    """Show stages on stderr: a progress bar while one runs, and its duration when it ends.

    If stderr is not a terminal, a line announces each stage instead, since some take minutes.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    console = Console(stderr=True, quiet=quiet)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        stages = _Stages(bars, console.print, announce=not console.is_terminal)
        yield stages
        stages.end()


class _Stages:
    """The build's `Progress`, drawn by rich."""

    def __init__(
        self,
        bars: Any,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        announce: bool = False,
    ) -> None:
        self._announce = announce
        self._bars = bars
        self._say = say
        self._clock = clock
        self._running: Any = None
        self._title = ""
        self._began = 0.0

    def stage(self, title: str, total: int | None = None) -> None:
        """End the previous stage and begin this one."""
        self.end()
        self._title, self._began = title, self._clock()
        if self._announce:
            self._say(f"  {title} …")
        self._running = self._bars.add_task(title, total=total)

    def advance(self, steps: int = 1) -> None:
        """Draw the steps. The total grows if there are more steps than announced."""
        self._bars.advance(self._running, steps)
        task = next(task for task in self._bars.tasks if task.id == self._running)
        if task.total is not None and task.completed > task.total:
            self._bars.update(self._running, total=task.completed)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self._say(f"[yellow]![/] {text}")

    def end(self) -> None:
        """End the stage and print its duration."""
        if self._running is not None:
            self._say(f"[green]✓[/] {self._title} [dim]{self._clock() - self._began:.1f} s[/]")
            self._bars.remove_task(self._running)
            self._running = None

"""How a build and a deployment report their progress: `Progress`, and one that writes lines. `cli/` has one to draw."""

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO

EVERY_S = 10.0
"""Seconds between two lines about a step that is still running."""


class Progress(Protocol):
    """Receives the progress of each step."""

    def begin(self, title: str, total: int | None = None, /) -> None:
        """A step of `total` parts begins. One that has not ended was interrupted, and is dropped."""

    def advance(self, parts: int = 1) -> None:
        """That many more parts are done."""

    def detail(self, text: str) -> None:
        """The state of the step: a status, or a percentage."""

    def end(self, note: str = "") -> None:
        """The step is done. Without a step, nothing happens."""

    def note(self, text: str) -> None:
        """A message that stays on the screen."""


def stage(progress: Progress, title: str, total: int | None = None) -> None:
    """End the step before, if there is one, and begin this one."""
    progress.end()
    progress.begin(title, total)


class Report:
    """What to print about a long step without a terminal: a line every `every_s` seconds."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic, every_s: float = EVERY_S) -> None:
        self._total = total
        self._clock = clock
        self._every_s = every_s
        self.per_second = 0.0
        """Rate at the last line; 0 until it can be measured."""
        self._said = clock()
        self._first: tuple[float, int] | None = None

    def at(self, done: int) -> str | None:
        """The state after `done` parts, with the time left; None if it is not time for a line."""
        now = self._clock()
        if self._first is None:
            self._first = now, done  # the time until here includes the warm-up
        if now - self._said < self._every_s or not 0 < done < self._total:
            return None
        self._said = now
        began, before = self._first
        if done == before or now == began:
            return f"{done:,} of {self._total:,}"
        self.per_second = (done - before) / (now - began)
        left = (self._total - done) / self.per_second
        return f"{done:,} of {self._total:,}, about {duration(left)} left"


def duration(seconds: float) -> str:
    """A rough duration: "40 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Silent:
    """Writes nothing and keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def begin(self, title: str, total: int | None = None) -> None: ...

    def advance(self, parts: int = 1) -> None: ...

    def detail(self, text: str) -> None: ...

    def end(self, note: str = "") -> None: ...

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)


class Lines:
    """Writes a line per step to stderr, for notebooks, logs and pipes.

    `announce` adds one when a step begins and every `EVERY_S` seconds after that, for steps of minutes.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        indent: str = "  ",
        announce: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Notebooks show stderr like an error.
        self._stream = stream or (sys.stdout if _in_notebook() else None)
        self._indent, self._announce = indent, announce
        self._clock = clock
        self._title = ""
        self._began = 0.0
        self._done = 0
        self._report: Report | None = None

    def begin(self, title: str, total: int | None = None) -> None:
        """Remember title and time."""
        self._title, self._began, self._done = title, self._clock(), 0
        self._report = None
        if self._announce:
            self._write(f"  {title} …")
            self._report = None if total is None else Report(total, self._clock)

    def advance(self, parts: int = 1) -> None:
        """Write how far the step is, from time to time."""
        self._done += parts
        if self._report is not None and (state := self._report.at(self._done)):
            self._write(f"  … {state}")

    def detail(self, text: str) -> None:
        """Write statuses, but not percentages, which would be a line each."""
        if not text.endswith("%"):
            self._write(f"{self._indent}… {self._title}: {text}")

    def end(self, note: str = "") -> None:
        """Write the step with its duration."""
        if self._title:
            said = f"{self._title}{f', {note}' if note else ''}{self._indent or ' '}"
            self._write(f"{self._indent}✓ {said}{self._clock() - self._began:.1f} s")
            self._title = ""

    def note(self, text: str) -> None:
        """Write the message."""
        self._write(f"{self._indent}! {text}")

    def _write(self, text: str) -> None:
        stream = self._stream or sys.stderr
        # A reader that exits (`moor deploy … 2>&1 | head`) must not stop the deployment.
        with contextlib.suppress(BrokenPipeError):
            stream.write(f"{text}\n")
            stream.flush()


def _in_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    kernels = sys.modules.get("ipykernel.kernelapp")
    return kernels is not None and bool(kernels.IPKernelApp.initialized())

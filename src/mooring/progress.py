"""How a build and a deployment report their progress: `Progress`, and one that writes lines. `cli/` has one to draw."""

import contextlib
import sys
import time
from typing import Protocol, TextIO


class Progress(Protocol):
    """Receives the progress of each step."""

    def begin(self, title: str, total: int | None = None, /) -> None:
        """A step of `total` parts begins. One that has not ended was interrupted, and is dropped."""

    def advance(self, parts: int = 1) -> None:
        """That many more parts are done; the sum may exceed the total."""

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

    `announce` adds one when a step begins, for steps of minutes.
    """

    def __init__(self, stream: TextIO | None = None, *, indent: str = "  ", announce: bool = False) -> None:
        # Notebooks show stderr like an error.
        self._stream = stream or (sys.stdout if _in_notebook() else None)
        self._indent, self._announce = indent, announce
        self._title = ""
        self._began = 0.0

    def begin(self, title: str, _total: int | None = None) -> None:
        """Remember title and time."""
        self._title, self._began = title, time.monotonic()
        if self._announce:
            self._write(f"  {title} …")

    def advance(self, parts: int = 1) -> None: ...

    def detail(self, text: str) -> None:
        """Write statuses, but not percentages, which would be a line each."""
        if not text.endswith("%"):
            self._write(f"{self._indent}… {self._title}: {text}")

    def end(self, note: str = "") -> None:
        """Write the step with its duration."""
        if self._title:
            said = f"{self._title}{f', {note}' if note else ''}{self._indent or ' '}"
            self._write(f"{self._indent}✓ {said}{time.monotonic() - self._began:.1f} s")
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

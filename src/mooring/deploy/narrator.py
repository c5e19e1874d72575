"""Progress reports of a deployment: `Narrator`, and one that writes lines. `cli/` has one for terminals."""

import contextlib
import sys
import time
from typing import Protocol, TextIO


class Narrator(Protocol):
    """Receives the progress of each step."""

    def begin(self, title: str) -> None:
        """A step begins; the previous one has ended."""

    def detail(self, text: str) -> None:
        """The state of the step: a status, or a percentage."""

    def end(self, note: str = "") -> None:
        """The step is done."""

    def note(self, text: str) -> None:
        """A message between the steps."""


class Silent:
    """Ignores all reports."""

    def begin(self, title: str) -> None: ...

    def detail(self, text: str) -> None: ...

    def end(self, note: str = "") -> None: ...

    def note(self, text: str) -> None: ...


class Lines:
    """Writes a line per step to stderr, for notebooks, logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        # Notebooks show stderr like an error.
        self._stream = stream or (sys.stdout if _in_notebook() else None)
        self._title = ""
        self._began = 0.0

    def begin(self, title: str) -> None:
        """Remember title and time."""
        self._title, self._began = title, time.monotonic()

    def detail(self, text: str) -> None:
        """Write statuses, but not percentages, which would be a line each."""
        if not text.endswith("%"):
            self._write(f"  … {self._title}: {text}")

    def end(self, note: str = "") -> None:
        """Write the step with its duration."""
        self._write(f"  ✓ {self._title}{f', {note}' if note else ''}  {time.monotonic() - self._began:.1f} s")

    def note(self, text: str) -> None:
        """Write the message."""
        self._write(f"  ! {text}")

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

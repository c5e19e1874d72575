"""What a deployment says while it goes on: `Narrator`, and one that writes lines. `cli/` has one for terminals."""

import contextlib
import sys
import time
from typing import Protocol, TextIO


class Narrator(Protocol):
    """Told each step as it begins, goes on and ends."""

    def begin(self, title: str) -> None:
        """A step begins; the one before has ended."""

    def detail(self, text: str) -> None:
        """Where the step is: a status, a share of the bytes."""

    def end(self, note: str = "") -> None:
        """The step is done."""

    def note(self, text: str) -> None:
        """Something worth knowing, between the steps."""


class Silent:
    """Says nothing."""

    def begin(self, title: str) -> None: ...

    def detail(self, text: str) -> None: ...

    def end(self, note: str = "") -> None: ...

    def note(self, text: str) -> None: ...


class Lines:
    """A line per step, on stderr: for notebooks, logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        # Notebooks show stderr as if something had gone wrong.
        self._stream = stream or (sys.stdout if _in_notebook() else None)
        self._title = ""
        self._began = 0.0

    def begin(self, title: str) -> None:
        """Remember when."""
        self._title, self._began = title, time.monotonic()

    def detail(self, text: str) -> None:
        """Statuses only: shares of bytes would be a line each."""
        if not text.endswith("%"):
            self._write(f"  … {self._title}: {text}")

    def end(self, note: str = "") -> None:
        """With its time."""
        self._write(f"  ✓ {self._title}{f', {note}' if note else ''}  {time.monotonic() - self._began:.1f} s")

    def note(self, text: str) -> None:
        """As it is."""
        self._write(f"  ! {text}")

    def _write(self, text: str) -> None:
        stream = self._stream or sys.stderr
        # Whoever stopped reading (`moor deploy … 2>&1 | head`) has not stopped the deployment.
        with contextlib.suppress(BrokenPipeError):
            stream.write(f"{text}\n")
            stream.flush()


def _in_notebook() -> bool:
    """Whether this process is a notebook's kernel, and not only one that could start them."""
    kernels = sys.modules.get("ipykernel.kernelapp")
    return kernels is not None and bool(kernels.IPKernelApp.initialized())

"""Define how a build reports progress.

Implemented by `cli/build_output.py`; `Silent` is for tests.
"""

from typing import Protocol


class Progress(Protocol):
    """Receives progress. A new stage ends the previous one."""

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin a stage of `total` steps; None if unknown."""

    def advance(self, steps: int = 1) -> None:
        """That many more steps are done; the sum may exceed `total`."""

    def note(self, text: str) -> None:
        """Show a note to the user; it stays on the screen."""


class Silent:
    """Prints nothing and keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def stage(self, title: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, steps: int = 1) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)

"""How a build says what it is doing, without knowing to whom.

Implemented by `cli/build_progress.py`; `Silent` is for tests.
"""

from typing import Protocol


class Progress(Protocol):
    """Stages follow each other; a new one ends the one before."""

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin a stage of `total` steps, None where it cannot be known."""

    def advance(self, steps: int = 1) -> None:
        """So many more steps of the stage are done; may be more in all than `total` said."""

    def note(self, text: str) -> None:
        """Something that the user should know; it stays on the screen."""


class Silent:
    """Says nothing, keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def stage(self, title: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, steps: int = 1) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)

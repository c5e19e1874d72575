"""What a task does: a request in, windows for the engine, and an answer out of the engine's numbers.

Called by the engine (`prepare` and `finish` run in a thread, never on the event loop) and by the web layer (`parse`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mooring.backends.base import Outputs, Window


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request after tokenising: its windows, and whatever `finish` needs to read the numbers."""

    windows: Sequence[Window]
    state: Any
    """Belongs to the task alone."""


class Task(Protocol):
    """One kind of question a model answers. Stateless between calls and safe to call from several threads."""

    @property
    def name(self) -> str:
        """The Hub's name of the task, e.g. "question-answering"."""

    def parse(self, body: object) -> Any:
        """Check a decoded body, wrapped (`{"inputs": …, "parameters": …}`) or not, and return the task's own request.

        Cheap: no tokenising. Raises InvalidRequest with a JSON pointer to the field at fault.
        """

    def estimate(self, request: Any) -> int:
        """About how many tokens `prepare` will make of this request, from its characters alone. At least 1."""

    def key(self, request: Any) -> bytes:
        """A digest of everything that the answer to this request depends on, the model apart."""

    def prepare(self, request: Any) -> Prepared:
        """Tokenise and cut into windows. Raises InvalidRequest when only tokenising shows a fault."""

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """Turn the windows' numbers, in the windows' order, into an answer of dicts, lists, str, int, float."""

    def probe(self) -> Any:
        """A request of exactly one short window, for warm-up and health."""

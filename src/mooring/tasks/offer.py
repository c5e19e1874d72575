"""Combine the tasks of one model, which share its graph, into a single `Task`.

A model offers every task that its head can do: a sequence head with one label classifies and ranks. A request names its
task (`request`), or its body does (`parse`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mooring.backends.base import Outputs
from mooring.errors import NotOffered, echo
from mooring.tasks import TASKS, unaliased
from mooring.tasks.base import ModelParts, Prepared, Task


@dataclass(frozen=True, slots=True)
class Asked:
    """A parsed request and the task that answers it."""

    task: Task
    request: Any


class Offer:
    """The tasks of one model. Its own task comes first, and gets all bodies that no other task takes."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = dict(tasks)
        self._own = next(iter(self._tasks.values()))
        self._takes = [(TASKS[name].takes, name) for name in tasks if name in TASKS]

    @property
    def name(self) -> str:
        """The model's own task."""
        return self._own.name

    @property
    def names(self) -> tuple[str, ...]:
        """All tasks, the model's own first."""
        return tuple(self._tasks)

    @property
    def example(self) -> Mapping[str, Any]:
        """An example body for the model's own task."""
        return self.example_of(self.name)

    def example_of(self, name: str) -> Mapping[str, Any]:
        """An example body: the model's where the task's would not do, because each tokenizer has its own mask token."""
        found: Mapping[str, Any] = getattr(self._tasks[name], "example", None) or TASKS[name].example
        return found

    def parse(self, body: object) -> Asked:
        """As `Task.parse`, by the task that the body is meant for."""
        return self.request(self.meant(body), body)

    def meant(self, body: object) -> str:
        """The task that a body is meant for."""
        return next((name for takes, name in self._takes if takes(body)), self._own.name)

    def request(self, name: str, body: object) -> Asked:
        """As `Task.parse`, by the task with this name or alias. Raises NotOffered if it is not one of the model's."""
        task = self._tasks[offered(name, self.names)]
        return Asked(task, task.parse(body))

    def estimate(self, asked: Asked) -> int:
        """As `Task.estimate`."""
        return asked.task.estimate(asked.request)

    def key(self, asked: Asked) -> bytes:
        """As `Task.key`; tasks do not share answers."""
        return asked.task.name.encode() + asked.task.key(asked.request)

    def prepare(self, asked: Asked) -> Prepared:
        """As `Task.prepare`."""
        found = asked.task.prepare(asked.request)
        return Prepared(found.windows, (asked.task, found), found.truncated)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """As `Task.finish`."""
        task, found = prepared.state
        answer: object = task.finish(found, outputs)
        return answer

    def probe(self) -> Asked:
        """A probe of the model's own task."""
        return Asked(self._own, self._own.probe())


def open_offer(parts: ModelParts) -> Offer:
    """All tasks of the model. Raises a ModelError if the model is not suitable for its own task."""
    return Offer({name: TASKS[name].open(parts) for name in parts.manifest.tasks})


def columns_of(names: Sequence[str]) -> tuple[str, ...]:
    """The parts of an input that may be given by name, of these tasks."""
    return tuple(dict.fromkeys(column for name in names if name in TASKS for column in TASKS[name].columns))


def offered(name: str, names: Sequence[str]) -> str:
    """The one of a model's tasks `names` with this name or alias. Raises NotOffered."""
    found = unaliased(name)
    if found not in names:
        raise NotOffered(
            f"This model does not offer {echo(name)}; it offers {', '.join(names)}.",
            hint=f"Send this request to a model for {found}." if found in TASKS else "Ask for one of these.",
        )
    return found


def names_of(task: Task) -> tuple[str, ...]:
    """The tasks that it answers, its own first."""
    return task.names if isinstance(task, Offer) else (task.name,)

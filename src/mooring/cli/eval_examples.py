"""The examples of `moor eval`, and the task that they are for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mooring.cli.opening import warn
from mooring.errors import UsageError

if TYPE_CHECKING:
    from mooring.quality.examples import Example
    from mooring.tasks.base import TaskSpec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The examples to ask, and how."""

    file: Path
    limit: int | None
    parameters: Mapping[str, object]
    task: str | None = None
    """Name or alias of the task; None for the one of the model's that the file has labels for."""
    route: str | None = None
    """The task in the address of a server's route; None for the address as it is."""

    def read(self, facts: Mapping[str, Any]) -> "tuple[TaskSpec, Sequence[Example]]":
        """The task, and at most `limit` of the file's examples. `facts` are those of /info. Raises UsageError."""
        task, found = _first_that_reads(self.file, self._tasks(facts))
        examples = spread(found, self.limit)
        impossible = sum(not example.answerable for example in examples)
        if impossible and "handle_impossible_answer" not in self.parameters:
            warn(f"{impossible:,} questions have no answer; use --handle-impossible-answer to allow 'no answer'.")
        return task, examples

    def _tasks(self, facts: Mapping[str, Any]) -> "Sequence[TaskSpec]":
        """The requested task, or all that the model offers; question answering if it names none."""
        from mooring.tasks import TASKS, task_named
        from mooring.tasks.question_answering import QUESTION_ANSWERING

        if self.task is not None:
            return [TASKS[task_named(self.task)]]
        model = facts.get("model")
        known = model if isinstance(model, Mapping) else {}
        names = known.get("tasks") or [known.get("task")]
        return [TASKS[name] for name in names if name in TASKS] or [QUESTION_ANSWERING]

    def call(self, example: "Example") -> dict[str, object]:
        """Arguments for a model in this process."""
        return {"inputs": example.body, **self.given(example)}

    def given(self, example: "Example") -> dict[str, object]:
        """The parameters of a request: those that the metric needs, and the user's."""
        return {**example.parameters, **self.parameters}


def _first_that_reads(file: Path, tasks: "Sequence[TaskSpec]") -> "tuple[TaskSpec, Sequence[Example]]":
    from mooring.quality.examples import load, read_labelled

    scored = [task for task in tasks if task.labelled.scored]
    if not scored:
        raise UsageError(
            f"{tasks[0].name} has no labeled examples to evaluate on.",
            hint="moor build compares its answers with those of fp32.",
        )
    if len(scored) == 1:
        return scored[0], read_labelled(file, scored[0].labelled)
    for task in scored:
        if task.labelled.read(file, load(file, task.labelled)[1]) is not None:
            return task, read_labelled(file, task.labelled)
    names = ", ".join(task.name for task in scored)
    expected = ", or ".join(dict.fromkeys(task.labelled.expected for task in scored))
    raise UsageError(f"{file} has no labels for this model's tasks ({names}).", hint=f"Expected {expected}.")


def spread(examples: Sequence[T], limit: int | None) -> Sequence[T]:
    """`limit` examples at even distances, since the first ones would all be about the file's first subject."""
    count = len(examples)
    if limit is None or limit >= count:
        return examples
    return [examples[place * count // limit] for place in range(limit)]

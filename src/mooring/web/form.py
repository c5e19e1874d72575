"""What the decoding of a body needs to know of the tasks that the body may be for. Used by `decode.py` and below it."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from mooring.tasks import TASKS
from mooring.tasks.base import TaskSpec

INPUTS = "inputs"
"""The column of a CSV body, and the key of a JSON body, that holds whatever the task takes."""


@dataclass(frozen=True, slots=True)
class Form:
    """How requests look on the wire."""

    columns: tuple[str, ...]
    """A CSV body's header names at least one of these or `INPUTS`."""
    several: Callable[[object], bool]
    """Whether `inputs` hold several requests."""
    hint: str
    """Says what to send, for error messages."""

    @property
    def names(self) -> frozenset[str]:
        """Every column that means something."""
        return frozenset((*self.columns, INPUTS))


def _form(spec: TaskSpec) -> Form:
    example = msgspec.json.format(msgspec.json.encode(_elided(spec.example)), indent=0).decode()
    return Form(spec.columns, spec.several, f"Send {example}.")


def _elided(value: object) -> object:
    """An example with … for every text."""
    if isinstance(value, dict):
        return {key: _elided(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_elided(part) for part in value]
    return "…" if isinstance(value, str) else value


FORMS = {name: _form(spec) for name, spec in TASKS.items()}
"""By a task's name."""

ANY_TASK = Form(
    tuple(dict.fromkeys(column for form in FORMS.values() for column in form.columns)),
    lambda inputs: any(form.several(inputs) for form in FORMS.values()),
    f'Send {{"{INPUTS}": …}}.',
)
"""For a model's own code, whose task is not known."""

"""Describe how the requests of a task look on the wire. Used by `decode.py` and below it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from mooring.tasks import TASKS
from mooring.tasks.base import TaskSpec
from mooring.tasks.offer import columns_of

INPUTS = "inputs"
"""The CSV column and JSON key that holds the task's input."""


@dataclass(frozen=True, slots=True)
class Form:
    """The wire format of a task's requests."""

    columns: tuple[str, ...]
    """A CSV header names at least one of these or `INPUTS`."""
    several: Callable[[object], bool]
    """Whether `inputs` hold several requests."""
    hint: str
    """What to send, for error messages."""

    @property
    def names(self) -> frozenset[str]:
        """All known columns."""
        return frozenset((*self.columns, INPUTS))


def _form(spec: TaskSpec) -> Form:
    example = msgspec.json.format(msgspec.json.encode(_elided(spec.example)), indent=0).decode()
    return Form(spec.columns, spec.several, f"Send {example}.")


def _elided(value: object) -> object:
    """An example with … in place of every text."""
    if isinstance(value, dict):
        return {key: _elided(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_elided(part) for part in value]
    return "…" if isinstance(value, str) else value


FORMS = {name: _form(spec) for name, spec in TASKS.items()}
"""Task name → form."""


@functools.lru_cache(maxsize=64)
def form_of(tasks: tuple[str, ...]) -> Form:
    """The form of a model's requests, given its tasks: columns of all, otherwise as the first."""
    own = FORMS[tasks[0]]
    return Form(columns_of(tasks), own.several, own.hint)


ANY_TASK = Form(
    columns_of(tuple(FORMS)),
    lambda inputs: any(form.several(inputs) for form in FORMS.values()),
    f'Send {{"{INPUTS}": …}}.',
)
"""For user code, whose task is unknown."""

"""Describe how the requests of a task look on the wire. Used by `decode.py` and below it."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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
    not_csv: Mapping[str, str] = field(default_factory=dict)
    """Name → task whose requests have lists, so that no CSV may have a column of that name."""

    @property
    def names(self) -> frozenset[str]:
        """All known columns."""
        return frozenset((*self.columns, INPUTS))


def _form(spec: TaskSpec) -> Form:
    example = msgspec.json.format(msgspec.json.encode(_elided(spec.example)), indent=0).decode()
    not_csv = _not_csv(spec)
    columns = tuple(name for name in spec.columns if name not in not_csv)
    return Form(columns, spec.several, f"Send {example}.", not_csv)


def _not_csv(spec: TaskSpec) -> Mapping[str, str]:
    """By the task's example: its keys if one is a list, and parameters that are lists."""
    inputs, parameters = (spec.example.get(key, {}) for key in (INPUTS, "parameters"))
    keys = list(inputs) if isinstance(inputs, dict) and _has_list(inputs) else []
    return dict.fromkeys([*keys, *(name for name, value in parameters.items() if isinstance(value, list))], spec.name)


def _has_list(inputs: Mapping[str, object]) -> bool:
    return any(isinstance(value, list) for value in inputs.values())


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
    not_csv = {column: task for name in tasks if name in FORMS for column, task in FORMS[name].not_csv.items()}
    columns = tuple(name for name in columns_of(tasks) if name not in not_csv)
    return Form(columns, own.several, own.hint, not_csv)


ANY_TASK = Form(
    columns_of(tuple(FORMS)),
    lambda inputs: any(form.several(inputs) for form in FORMS.values()),
    f'Send {{"{INPUTS}": …}}.',
)
"""For user code, whose task is unknown."""

"""The answer of a question-answering model as an object that also works as a dict: `said.text`, `said["answer"]`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mooring.errors import InvokeError, echo

_KEYS = ("score", "start", "end", "answer")


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A span of the context. `start` and `end` are in characters; an empty `answer` means "no answer"."""

    score: float
    start: int
    end: int
    answer: str

    @property
    def text(self) -> str:
        """The answer."""
        return self.answer

    def __str__(self) -> str:
        return self.answer

    def __eq__(self, other: object) -> bool:
        """Equal to an `Answer` or a dict with the same values."""
        if isinstance(other, Answer | dict):
            return dict(self) == dict(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self[key] for key in _KEYS))

    def __getitem__(self, key: str) -> Any:
        if key not in _KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)

    def __contains__(self, key: object) -> bool:
        return key in _KEYS

    def keys(self) -> tuple[str, ...]:
        """Makes `dict(answer)` work, with `answer[key]`."""
        return _KEYS

    def items(self) -> list[tuple[str, Any]]:
        """As a dict's."""
        return [(key, self[key]) for key in _KEYS]

    def values(self) -> list[Any]:
        """As a dict's."""
        return [self[key] for key in _KEYS]

    def get(self, key: str, default: Any = None) -> Any:
        """As a dict's."""
        return self[key] if key in _KEYS else default


def decoded(body: bytes) -> Any:
    """Decode JSON as `read` does. Raises InvokeError if `body` is not JSON."""
    try:
        return read(json.loads(body))
    except ValueError as error:
        raise InvokeError(f"The answer is not JSON: {echo(body)}.") from error


def read(value: Any) -> Any:
    """Decoded JSON with every answer turned into an `Answer`. Other values stay as they are."""
    if isinstance(value, list):
        return [read(each) for each in value]
    if isinstance(value, dict) and value.keys() == set(_KEYS):
        return Answer(value["score"], value["start"], value["end"], value["answer"])
    return value

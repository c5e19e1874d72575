"""The part of JSONPath that batch transform has for its filters (contract §1.8). Pure; called by `joining.py`.

`$`, `.name`, `.*`, `['a','b']`, `[0,-1]`, `[*]`, `[start:end]`. Several names select an object of these members,
several indexes a list. What follows a selection of many is selected from each of them.
"""

import re
from collections.abc import Callable
from typing import Any

from mooring_local.batch.faults import BatchFault

LONGEST = 63
_STEP = re.compile(
    r"\.(?P<name>[^.\[\]'\"*\s]+)"
    r"|(?P<wild>\.\*|\[\s*\*\s*\])"
    r"|\[\s*(?P<names>'[^']*'(?:\s*,\s*'[^']*')*|\"[^\"]*\"(?:\s*,\s*\"[^\"]*\")*)\s*\]"
    r"|\[\s*(?P<indexes>-?\d+(?:\s*,\s*-?\d+)*)\s*\]"
    r"|\[\s*(?P<start>-?\d*)\s*:\s*(?P<end>-?\d*)\s*\]"
)
_NAME = re.compile(r"'([^']*)'|\"([^\"]*)\"")

Select = Callable[[Any], Any]


def parse(path: str) -> Select:
    """What the path selects of a value, as a function. Raises BatchFault for a path that is none of the above.

    The function raises BatchFault where there is no such member or index.
    """
    if not path.startswith("$") or len(path) > LONGEST:
        raise _wrong(path)
    steps: list[tuple[Select, bool]] = []
    at = 1
    while at < len(path):
        # `$.['a']` is seen in the wild.
        found = _STEP.match(path, at + 1 if path.startswith(".[", at) else at)
        if found is None:
            raise _wrong(path)
        steps.append(_step(found, path))
        at = found.end()

    def select(value: Any) -> Any:
        many = False
        for step, spreads in steps:
            if many:
                value = [one for item in value for one in (step(item) if spreads else [step(item)])]
            else:
                value = step(value)
            many = many or spreads
        return value

    return select


def _step(found: "re.Match[str]", path: str) -> tuple[Select, bool]:
    """A selection from one value, and whether it is of many."""
    if found["name"] is not None:
        name = found["name"]
        return lambda value: _member(value, name, path), False
    if found["wild"] is not None:
        return lambda value: _children(value, path), True
    if found["names"] is not None:
        names = [single or double for single, double in _NAME.findall(found["names"])]
        if len(names) == 1:
            return lambda value: _member(value, names[0], path), False
        return lambda value: {name: _member(value, name, path) for name in names}, False
    if found["indexes"] is not None:
        indexes = [int(one) for one in found["indexes"].split(",")]
        if len(indexes) == 1:
            return lambda value: _element(value, indexes[0], path), False
        return lambda value: [_element(value, index, path) for index in indexes], True
    start, end = (int(text) if text.strip("-") else None for text in (found["start"], found["end"]))
    return lambda value: _array(value, path)[start:end], True


def _member(value: Any, name: str, path: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        there = (
            f"its members are {', '.join(map(repr, list(value)[:10]))}" if isinstance(value, dict) else "it has none"
        )
        raise BatchFault(f"The filter {path} asks for the member {name!r} of a record; {there}.")
    return value[name]


def _element(value: Any, index: int, path: str) -> Any:
    items = _array(value, path)
    if not -len(items) <= index < len(items):
        raise BatchFault(f"The filter {path} asks for index {index} of a record that has {len(items)} elements.")
    return items[index]


def _array(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise BatchFault(f"The filter {path} asks for an index of what is no array.")
    return value


def _children(value: Any, path: str) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else _array(value, path)


def _wrong(path: str) -> BatchFault:
    return BatchFault(
        f"The filter {path[:LONGEST]!r} is no JSONPath that batch transform has.",
        hint="It has $, .name, *, ['a','b'], [0,-1] and [start:end], in up to 63 characters.",
    )

"""The subset of JSONPath that batch transform supports in filters (contract §1.8). Pure.

`$`, `.name`, `.*`, `['a','b']`, `[0,-1]`, `[*]`, `[start:end]`. Several names select an object of these members,
several indexes a list. After a wildcard or slice, each further step applies to every selected value.
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
    """Compile a path into a function that selects from a value. Raises BatchFault for an unsupported path.

    The function raises BatchFault if a member or index is missing.
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
    """The selection of one step, and whether it yields many values."""
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
            f"its members are {', '.join(map(repr, list(value)[:10]))}"
            if isinstance(value, dict)
            else "it is not an object"
        )
        raise BatchFault(f"Filter {path}: the record has no member {name!r}; {there}.")
    return value[name]


def _element(value: Any, index: int, path: str) -> Any:
    items = _array(value, path)
    if not -len(items) <= index < len(items):
        raise BatchFault(f"Filter {path}: index {index} is out of range; the array has {len(items)} elements.")
    return items[index]


def _array(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise BatchFault(f"Filter {path}: only an array can be indexed.")
    return value


def _children(value: Any, path: str) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else _array(value, path)


def _wrong(path: str) -> BatchFault:
    return BatchFault(
        f"Unsupported JSONPath filter {path[:LONGEST]!r}.",
        hint="Use $, .name, *, ['a','b'], [0,-1] and [start:end], in at most 63 characters.",
    )

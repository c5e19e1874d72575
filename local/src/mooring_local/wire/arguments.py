"""Which arguments of an operation are obeyed, stored or refused. Checked before every handler.

Each member of a request has one of three classes:

    done     implemented
    kept     no effect on one machine, but accepted and, for resources, returned by Describe, Get or List
    refused  not implemented, and would change data or responses: the request fails with an error that names it

A member without a class is refused, so that an argument that AWS adds to its model is never silently ignored. The
tables are in `mooring_local.arguments`, one per service.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_COMPOSITE = ("structure", "list", "map")


@dataclass(frozen=True, slots=True)
class Takes:
    """The classes of one structure's members."""

    done: frozenset[str]
    kept: frozenset[str]
    refused: frozenset[str]
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Members for which only some values are implemented."""

    @property
    def names(self) -> frozenset[str]:
        """All members that have a class."""
        return self.done | self.kept | self.refused

    def accepts(self, name: str, value: Any) -> bool:
        """Whether this value is accepted. False and empty values request nothing, so they always are."""
        if name in self.done or name in self.kept:
            return name not in self.only or not isinstance(value, str) or value in self.only[name]
        return value is False or value in ("", [], {})


def takes(done: str = "", kept: str = "", refused: str = "", only: Mapping[str, str] | None = None) -> Takes:
    """Build `Takes` from names, and values in `only`, separated by spaces."""
    values = {name: frozenset(text.split()) for name, text in (only or {}).items()}
    return Takes(frozenset(done.split()), frozenset(kept.split()), frozenset(refused.split()), values)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The table of one service: operations by name, and nested structures by their name in botocore's model.

    Members of a `kept` or `refused` structure need no class.
    """

    operations: Mapping[str, Takes]
    structures: Mapping[str, Takes] = field(default_factory=dict)

    def violations(self, operation: str, shape: Any, parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Path and value of every argument that is not implemented; `shape`: of the operation's input."""
        if shape is not None:
            yield from self._members(self.operations.get(operation, NOTHING), shape, parameters, "")

    def _members(self, table: Takes, shape: Any, value: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
        for name, given in value.items():
            there = f"{path}.{name}" if path else name
            if not table.accepts(name, given):
                yield there, given
            elif name in table.done and shape.members[name].type_name in _COMPOSITE:
                yield from self._below(shape.members[name], given, there)

    def _below(self, shape: Any, value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if shape.type_name == "structure":
            yield from self._members(self.structures.get(shape.name, NOTHING), shape, value, path)
        elif shape.type_name == "list":
            for place, one in enumerate(value):
                yield from self._below(shape.member, one, f"{path}[{place}]")
        elif shape.type_name == "map":
            for key, one in value.items():
                yield from self._below(shape.value, one, f"{path}.{key}")


NOTHING = takes()

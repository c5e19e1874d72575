"""Patterns of paths, with one meaning on disks and in S3.

`*`, `?` and `[...]` stand for characters of one name, but not for a dot at its beginning; `**` for any number of
folders.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

MAGIC = frozenset("*?[")
ANY = "**"
"""Stands for any number of folders whose names do not begin with a dot."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A folder, and names with wildcards below it."""

    folder: str
    """"" for the working directory."""
    names: tuple[str, ...]

    @property
    def deep(self) -> bool:
        """Whether it matches at any depth."""
        return ANY in self.names

    def matches(self, names: Sequence[str]) -> bool:
        """Whether a file with this path below the folder is meant."""
        return any(not rest for rest in _rests(self.names, names))

    def leads(self, names: Sequence[str]) -> bool:
        """Whether there may be such files in a folder with this path below the folder."""
        return any(_rests(self.names, names))


def has_magic(path: str) -> bool:
    """Whether it has wildcards."""
    return not MAGIC.isdisjoint(path)


def pattern_of(path: str) -> Pattern:
    """A path with wildcards, taken apart."""
    names = path.split("/")
    first = next(place for place, name in enumerate(names) if has_magic(name))
    folder = "/".join(names[:first])
    return Pattern("/" if first == 1 and not folder else folder, tuple(name for name in names[first:] if name))


def _rests(pattern: Sequence[str], names: Sequence[str]) -> Iterator[Sequence[str]]:
    """What may be left of a pattern after these names; nothing if they do not match its beginning."""
    first = pattern[0] if pattern else None
    if first == ANY:
        yield from _rests(pattern[1:], names)
    if not names:
        yield pattern
    elif first == ANY and not names[0].startswith("."):
        yield from _rests(pattern, names[1:])
    elif first is not None and first != ANY and _fits(names[0], first):
        yield from _rests(pattern[1:], names[1:])


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))

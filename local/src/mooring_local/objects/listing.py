"""Select the keys of one page of a listing. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_KEYS = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """`last`: the last key or common prefix of the page; the next page starts after it."""

    keys: tuple[str, ...]
    prefixes: tuple[str, ...]
    truncated: bool
    last: str


def page(keys: Iterable[str], prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """The first `limit` items after `after` among sorted `keys`, all of which start with `prefix`.

    Keys with the delimiter after the prefix are grouped into one item, their common prefix. If `after` is a common
    prefix, all of its keys are skipped.
    """
    found: list[str] = []
    prefixes: list[str] = []
    last, truncated = "", False
    for key in keys:
        if key <= after or (delimiter and after.endswith(delimiter) and key.startswith(after) and after != prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        common = key[: at + len(delimiter)] if at >= 0 else ""
        if common and prefixes and prefixes[-1] == common:
            continue
        if len(found) + len(prefixes) >= limit:
            truncated = limit > 0
            break
        last = common or key
        (prefixes if common else found).append(last)
    return Page(tuple(found), tuple(prefixes), truncated, last)

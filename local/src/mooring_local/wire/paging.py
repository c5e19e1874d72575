"""Split a list with stable positions into pages.

A token is the index of the next page's first item. For lists that change, see `control/listing.py`.
"""

import re
from typing import TypeVar

from mooring_local.wire.faults import Fault

Item = TypeVar("Item")

_TOKEN = re.compile(r"[0-9]{1,12}")


def page(items: list[Item], token: str | None, size: int, refusal: Fault) -> tuple[list[Item], str | None]:
    """At most `size` items, and a token if there are more. Raises `refusal` for an invalid token."""
    if token is not None and _TOKEN.fullmatch(token) is None:
        raise refusal
    begin = int(token or "0")
    end = begin + size
    return items[begin:end], str(end) if end < len(items) else None

"""Items in, one page of them and the token of the next out. Called by Lists whose items keep their places.

A token is the place of the first item that the page before did not have. `control/listing.py` has lists that change.
"""

import re
from typing import TypeVar

from mooring_local.wire.faults import Fault

Item = TypeVar("Item")

_TOKEN = re.compile(r"[0-9]{1,12}")


def page(items: list[Item], token: str | None, size: int, refusal: Fault) -> tuple[list[Item], str | None]:
    """At most `size` of them, and a token if there are more. Raises `refusal` for a token that is none of ours."""
    if token is not None and _TOKEN.fullmatch(token) is None:
        raise refusal
    begin = int(token or "0")
    end = begin + size
    return items[begin:end], str(end) if end < len(items) else None

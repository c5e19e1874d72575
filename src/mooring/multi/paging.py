"""One page of a list of models. Used by `routes.py`, and by `container/` in front of several workers."""

from collections.abc import Mapping
from typing import Any

from mooring.errors import InvalidRequest, echo

PAGE = 100
"""Models of one answer of GET /models, at most and by default."""

MOST_DIGITS = 18


def page(urls: Mapping[str, str], limit: str, token: str) -> dict[str, Any]:
    """Of name → folder, sorted by name; `nextPageToken` is there if another page follows. Raises InvalidRequest."""
    size = max(1, min(PAGE, _number(limit, "limit", PAGE)))
    start = _number(token, "next_page_token", 0)
    names = sorted(urls)
    shown = [{"modelName": name, "modelUrl": urls[name]} for name in names[start : start + size]]
    return {"models": shown} | ({"nextPageToken": str(start + size)} if start + size < len(names) else {})


def _number(text: str, name: str, usual: int) -> int:
    if not text:
        return usual
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise InvalidRequest(f"it is {echo(text)}; it must be a whole number.", pointer=f"/{name}")
    return int(text)

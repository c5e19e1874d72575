"""Read model names and list pages from requests. Also for `container/`, in front of several workers."""

from collections.abc import Mapping
from typing import Any

from mooring.errors import InvalidRequest, echo

PAGE = 100
"""Largest and default page size of GET /models."""

MOST_DIGITS = 18
NAME_LIMIT = 1024


def check_name(name: object) -> str:
    """Check a model name. Raises InvalidRequest."""
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT or "/" in name or not name.isprintable():
        raise InvalidRequest(
            f"it must be 1 to {NAME_LIMIT} characters without /, not {echo(name)}.", pointer="/model_name"
        )
    return name


def page(urls: Mapping[str, str], limit: str, token: str) -> dict[str, Any]:
    """One page of name → folder, sorted by name; has `nextPageToken` if another follows. Raises InvalidRequest."""
    size = max(1, min(PAGE, _number(limit, "limit", PAGE)))
    start = _number(token, "next_page_token", 0)
    names = sorted(urls)
    shown = [{"modelName": name, "modelUrl": urls[name]} for name in names[start : start + size]]
    return {"models": shown} | ({"nextPageToken": str(start + size)} if start + size < len(names) else {})


def _number(text: str, name: str, usual: int) -> int:
    if not text:
        return usual
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise InvalidRequest(f"it must be an integer, not {echo(text)}.", pointer=f"/{name}")
    return int(text)

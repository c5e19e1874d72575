"""What requests say of models: a name, and a page of the list. Also for `container/`, in front of several workers."""

from collections.abc import Mapping
from typing import Any

from mooring.errors import InvalidRequest, echo

PAGE = 100
"""Models of one answer of GET /models, at most and by default."""

MOST_DIGITS = 18
NAME_LIMIT = 1024


def check_name(name: object) -> str:
    """Raises InvalidRequest for a name that cannot be one."""
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT or "/" in name or not name.isprintable():
        raise InvalidRequest(
            f"it is {echo(name)}; it must be 1 to {NAME_LIMIT} characters without /.", pointer="/model_name"
        )
    return name


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

"""Filter, sort and page documents for the List operations."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mooring_local.wire.faults import Fault, invalid

DEFAULT_PAGE = 10

_TIMES = ("CreationTime", "LastModifiedTime")


@dataclass(frozen=True, slots=True)
class Listing:
    """How a kind of document is listed."""

    answer: str
    """The response member that contains the page: "Endpoints"."""
    name: str
    """The document member that is its name: "EndpointName"."""
    status: str = ""
    """The member that StatusEquals compares."""
    equal: Mapping[str, str] | None = None
    """Further filters: parameter → document member that must be equal."""

    def page(self, documents: Iterable[Mapping[str, Any]], asked: Mapping[str, Any]) -> dict[str, Any]:
        """The response of List. Raises Fault for an invalid token."""
        found = [document for document in documents if self._wanted(document, asked)]
        by, order = asked.get("SortBy", "CreationTime"), asked.get("SortOrder", "Descending")
        down = order == "Descending"
        found.sort(key=lambda document: self._key(document, asked), reverse=down)
        if token := asked.get("NextToken"):
            last = _decode(token, by, order)
            found = [one for one in found if (self._key(one, asked) < last if down else self._key(one, asked) > last)]
        size = asked.get("MaxResults", DEFAULT_PAGE)
        answer: dict[str, Any] = {self.answer: found[:size]}
        if len(found) > size:
            answer["NextToken"] = _encode(by, order, *self._key(found[size - 1], asked))
        return answer

    def _wanted(self, document: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
        if asked.get("NameContains", "") not in document[self.name]:
            return False
        if self.status and asked.get("StatusEquals") not in (None, document[self.status]):
            return False
        for parameter, member in (self.equal or {}).items():
            if asked.get(parameter) not in (None, document.get(member)):
                return False
        return all(
            asked.get(f"{time}After", float("-inf")) < document.get(time, 0) < asked.get(f"{time}Before", float("inf"))
            for time in _TIMES
        )

    def _key(self, document: Mapping[str, Any], asked: Mapping[str, Any]) -> tuple[Any, str]:
        """The sort key; the name makes it unique, so that a page continues where the last one ended."""
        name = document[self.name]
        by = asked.get("SortBy", "CreationTime")
        member = {"Name": self.name, "Status": self.status}.get(by, by)
        return document.get(member, 0) if member else name, name


def _encode(*said: Any) -> str:
    """The token: the order, and the sort key of the last item shown."""
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode()


def _decode(token: str, by: str, order: str) -> tuple[Any, str]:
    """The sort key in a token. Raises for a token of another order and for malformed ones."""
    try:
        said = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, RecursionError):
        said = None
    match said:
        case [str(was_by), str(was_order), str() | int() | float() as key, str(name)]:
            if (was_by, was_order) == (by, order) and isinstance(key, str) == (by in ("Name", "Status")):
                return key, name
    raise foreign_token(token)


def foreign_token(token: str | None) -> Fault:
    """The error for a token that this operation did not return."""
    return invalid(f"Invalid NextToken {(token or '')[:100]!r}: this operation did not return it.")

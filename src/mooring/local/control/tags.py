"""AddTags, ListTags, DeleteTags: of anything the control plane knows, by its ARN."""

import re
from collections.abc import Mapping
from typing import Any

from mooring.local.control.parts import MOST_TAGS, Parts, tags_of
from mooring.local.wire.call import Call
from mooring.local.wire.faults import invalid, missing
from mooring.local.wire.service import Handler

PAGE = 50

_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:\d{12}:(?P<kind>[a-z-]+)/(?P<name>[^/]+)")
_NOUNS = {
    "model": "model",
    "endpoint-config": "endpoint configuration",
    "endpoint": "endpoint",
    "transform-job": "transform job",
    "inference-component": "inference component",
}


class Tags:
    """The operations on tags."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handlers(self) -> dict[str, Handler]:
        """Operation → who does it."""
        return {"AddTags": self.add, "ListTags": self.list, "DeleteTags": self.delete}

    def add(self, call: Call) -> Mapping[str, Any]:
        """At most 50 of one resource."""
        arn, state = self._existing(call), self._parts.state
        given = tags_of(call.parameters)
        if len({*state.tags(arn), *given}) > MOST_TAGS:
            raise invalid(f"Number of tags exceeds the limit of {MOST_TAGS} tags per resource.")
        state.set_tags(arn, given)
        return {"Tags": _listed(state.tags(arn))}

    def list(self, call: Call) -> Mapping[str, Any]:
        """By key."""
        tags = _listed(self._parts.state.tags(self._existing(call)))
        token = call.parameters.get("NextToken", "0")
        if not token.isdecimal():
            raise invalid(f"The NextToken {token[:100]!r} is not one that this operation gave.")
        begin, size = int(token), min(call.parameters.get("MaxResults", PAGE), 100)
        answer: dict[str, Any] = {"Tags": tags[begin : begin + size]}
        return {**answer, "NextToken": str(begin + size)} if len(tags) > begin + size else answer

    def delete(self, call: Call) -> Mapping[str, Any]:
        """A key that is not there is no error."""
        self._parts.state.drop_tags(self._existing(call), call.parameters["TagKeys"])
        return {}

    def _existing(self, call: Call) -> str:
        """The ARN, as it was written when the resource was made. Raises Fault for what does not exist."""
        arn: str = call.parameters["ResourceArn"]
        found = _ARN.fullmatch(arn)
        kind = found["kind"] if found else ""
        document = self._parts.state.get(kind, found["name"]) if found and kind in _NOUNS else None
        if document is None:
            raise missing(_NOUNS.get(kind, "resource"), arn)
        member = "".join(word.capitalize() for word in kind.split("-")) + "Arn"
        return str(document[member])


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]

"""AddTags, ListTags, DeleteTags, for any resource of the control plane, by ARN."""

import re
from collections.abc import Mapping
from typing import Any

from mooring_local.control.listing import foreign_token
from mooring_local.control.parts import TAGS, Parts, arn_member, tags_of
from mooring_local.wire.call import Call
from mooring_local.wire.faults import missing
from mooring_local.wire.paging import page
from mooring_local.wire.service import Handler
from mooring_local.wire.tags import listed

PAGE, LARGEST_PAGE = 50, 100

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
        """Handlers by operation name."""
        return {"AddTags": self.add, "ListTags": self.list, "DeleteTags": self.delete}

    def add(self, call: Call) -> Mapping[str, Any]:
        """Add tags; at most 50 per resource."""
        arn, state = self._existing(call), self._parts.state
        given = tags_of(call.parameters)
        TAGS.check_count({*state.tags(arn), *given})
        state.set_tags(arn, given)
        return {"Tags": listed(state.tags(arn))}

    def list(self, call: Call) -> Mapping[str, Any]:
        """List tags, sorted by key."""
        tags, token = listed(self._parts.state.tags(self._existing(call))), call.parameters.get("NextToken")
        size = min(call.parameters.get("MaxResults", PAGE), LARGEST_PAGE)
        some, following = page(tags, token, size, foreign_token(token))
        return {"Tags": some, "NextToken": following}

    def delete(self, call: Call) -> Mapping[str, Any]:
        """Remove tags; a missing key is not an error."""
        arn, keys = self._existing(call), call.parameters["TagKeys"]
        for key in keys:
            TAGS.check_key(key)
        self._parts.state.drop_tags(arn, keys)
        return {}

    def _existing(self, call: Call) -> str:
        """The resource's ARN as stored. Raises Fault if the resource does not exist."""
        arn: str = call.parameters["ResourceArn"]
        found = _ARN.fullmatch(arn)
        kind = found["kind"] if found else ""
        document = self._parts.state.get(kind, found["name"]) if found and kind in _NOUNS else None
        if document is None:
            raise missing(_NOUNS.get(kind, "resource"), arn)
        return str(document[arn_member(kind)])

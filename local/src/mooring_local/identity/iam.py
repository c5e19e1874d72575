"""IAM: roles and their policies are stored, but not enforced."""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mooring_local.state import State
from mooring_local.wire.call import ACCOUNT, Call, Place
from mooring_local.wire.faults import Fault
from mooring_local.wire.paging import page
from mooring_local.wire.service import Handler
from mooring_local.wire.tags import TagRules, listed

KIND = "role"
FIRST_ROLE = "SageMakerLocal"
"""Always exists."""
PAGE = 100
TAGS = TagRules("InvalidInput", too_many="LimitExceeded", too_many_status=409, any_case=True)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


class Roles:
    """The operations on roles. A document has the role's members, and its "Inline" and "Attached" policies."""

    def __init__(self, state: State) -> None:
        self._state = state
        state.add(KIND, FIRST_ROLE, _role(FIRST_ROLE, "/", json.dumps(TRUST), "Created by the local SageMaker."))

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "GetRole": self.get,
            "CreateRole": self.create,
            "DeleteRole": self.delete,
            "ListRoles": self.list,
            "UpdateAssumeRolePolicy": self.trust,
            "PutRolePolicy": self.put_policy,
            "GetRolePolicy": self.get_policy,
            "DeleteRolePolicy": self.delete_policy,
            "ListRolePolicies": self.inline,
            "AttachRolePolicy": self.attach,
            "DetachRolePolicy": self.detach,
            "ListAttachedRolePolicies": self.attached,
            "TagRole": self.tag,
            "UntagRole": self.untag,
            "ListRoleTags": self.tags,
            "SimulatePrincipalPolicy": self.simulate,
        }

    def get(self, call: Call) -> Mapping[str, Any]:
        """Return a role with its trust document; NoSuchEntity if it does not exist."""
        return {"Role": _shown(self._existing(call), call.place)}

    def create(self, call: Call) -> Mapping[str, Any]:
        """Create a role; its trust document must be JSON."""
        given, name = call.parameters, call.parameters["RoleName"]
        document = _role(
            name, given.get("Path", "/"), _policy(given["AssumeRolePolicyDocument"]), given.get("Description")
        )
        document["MaxSessionDuration"] = given.get("MaxSessionDuration", 3600)
        document["MaxSigninSessionDuration"] = given.get("MaxSigninSessionDuration")
        if "PermissionsBoundary" in given:
            boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": given["PermissionsBoundary"]}
            document["PermissionsBoundary"] = boundary
        tags = TAGS.read(given.get("Tags", []))
        if not self._state.add(KIND, name, document):
            raise Fault("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
        self._state.set_tags(document["Arn"], tags)
        return {"Role": _shown({**document, "Tags": listed(tags)}, call.place)}

    def delete(self, call: Call) -> None:
        """Delete a role; as on AWS, only one without policies."""
        document = self._existing(call)
        for kind, verb in (("Inline", "delete policies"), ("Attached", "detach all policies")):
            if document[kind]:
                raise Fault("DeleteConflict", f"Cannot delete entity, must {verb} first.", 409)
        self._state.delete(KIND, document["RoleName"])
        self._state.drop_tags(document["Arn"])

    def list(self, call: Call) -> Mapping[str, Any]:
        """List roles below PathPrefix; as on AWS, without tags and boundaries, which GetRole returns."""
        prefix = call.parameters.get("PathPrefix", "/")
        found = [one for one in self._state.all(KIND) if one["Path"].startswith(prefix)]
        bare = [{key: value for key, value in one.items() if key != "PermissionsBoundary"} for one in found]
        return _page("Roles", [_shown(one, call.place) for one in bare], call.parameters)

    def trust(self, call: Call) -> None:
        """Replace the trust document."""
        self._change(call, AssumeRolePolicyDocument=_policy(call.parameters["PolicyDocument"]))

    def put_policy(self, call: Call) -> None:
        """Create or replace an inline policy."""
        given = call.parameters
        inline = {**self._existing(call)["Inline"], given["PolicyName"]: _policy(given["PolicyDocument"])}
        self._change(call, Inline=inline)

    def get_policy(self, call: Call) -> Mapping[str, Any]:
        """Return an inline policy."""
        role, name = call.parameters["RoleName"], call.parameters["PolicyName"]
        inline = self._existing(call)["Inline"]
        if name not in inline:
            raise _no_policy(name)
        return {"RoleName": role, "PolicyName": name, "PolicyDocument": quote(inline[name])}

    def delete_policy(self, call: Call) -> None:
        """Delete an existing inline policy."""
        inline, name = self._existing(call)["Inline"], call.parameters["PolicyName"]
        if inline.pop(name, None) is None:
            raise _no_policy(name)
        self._change(call, Inline=inline)

    def inline(self, call: Call) -> Mapping[str, Any]:
        """List the names of a role's inline policies."""
        return _page("PolicyNames", sorted(self._existing(call)["Inline"]), call.parameters)

    def attach(self, call: Call) -> None:
        """Attach a policy by ARN; whether it exists is not checked."""
        self._change(call, Attached=sorted({*self._existing(call)["Attached"], call.parameters["PolicyArn"]}))

    def detach(self, call: Call) -> None:
        """Detach an attached policy."""
        attached, arn = self._existing(call)["Attached"], call.parameters["PolicyArn"]
        if arn not in attached:
            raise Fault("NoSuchEntity", f"Policy {arn} was not found.", 404)
        self._change(call, Attached=[one for one in attached if one != arn])

    def attached(self, call: Call) -> Mapping[str, Any]:
        """List attached policies below PathPrefix."""
        prefix, arns = call.parameters.get("PathPrefix", "/"), self._existing(call)["Attached"]
        policies = [
            {"PolicyName": arn.split("/")[-1], "PolicyArn": arn} for arn in arns if _path(arn).startswith(prefix)
        ]
        return _page("AttachedPolicies", policies, call.parameters)

    def tags(self, call: Call) -> Mapping[str, Any]:
        """List tags, sorted by key."""
        return _page("Tags", self._existing(call)["Tags"], call.parameters)

    def tag(self, call: Call) -> None:
        """Add tags; an existing key gets the new value."""
        tags, arn = TAGS.read(call.parameters["Tags"]), self._existing(call)["Arn"]
        TAGS.check_count({*self._state.tags(arn), *tags})
        self._state.set_tags(arn, tags)

    def untag(self, call: Call) -> None:
        """Remove tags; a missing key is not an error."""
        self._state.drop_tags(self._existing(call)["Arn"], call.parameters["TagKeys"])

    def _existing(self, call: Call) -> dict[str, Any]:
        name = call.parameters["RoleName"]
        document = self._state.get(KIND, name)
        if document is None:
            raise Fault("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
        return {**document, "Tags": listed(self._state.tags(document["Arn"]))}

    def simulate(self, call: Call) -> Mapping[str, Any]:
        """Allow every action; the role must exist."""
        given, source = call.parameters, call.parameters["PolicySourceArn"]
        if ":role/" in source and self._state.get(KIND, source.split("/")[-1]) is None:
            raise Fault("NoSuchEntity", f"The role with ARN {source} cannot be found.", 404)
        results = [
            {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed"}
            for action in given["ActionNames"]
            for resource in given.get("ResourceArns", ["*"])
        ]
        return _page("EvaluationResults", results, given)

    def _change(self, call: Call, **members: Any) -> None:
        self._existing(call)
        self._state.change(KIND, call.parameters["RoleName"], members)


def _role(name: str, path: str, trust: str, description: str | None) -> dict[str, Any]:
    return {
        "Path": path,
        "RoleName": name,
        "RoleId": f"AROA{uuid.uuid4().hex[:16].upper()}",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role{path}{name}",
        "CreateDate": time.time(),
        "AssumeRolePolicyDocument": trust,
        "Description": description,
        "MaxSessionDuration": 3600,
        "Inline": {},
        "Attached": [],
    }


def _shown(document: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The role as IAM returns it: policies percent-encoded, ARNs in the caller's partition."""
    arn = f"arn:{place.partition.name}:{document['Arn'].split(':', 2)[2]}"
    return {**document, "Arn": arn, "AssumeRolePolicyDocument": quote(document["AssumeRolePolicyDocument"])}


def _path(arn: str) -> str:
    """The path of a policy: `/` for arn:aws:iam::ACCOUNT:policy/NAME."""
    return "/" + "".join(f"{part}/" for part in arn.split(":")[-1].split("/")[1:-1])


def _page(answer: str, items: list[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    token = given.get("Marker")
    refusal = Fault("ValidationError", f"Invalid Marker {str(token)[:100]!r}: this operation did not return it.")
    some, following = page(items, token, given.get("MaxItems", PAGE), refusal)
    return {answer: some, "IsTruncated": following is not None, "Marker": following}


def _policy(text: str) -> str:
    """The document unchanged. Raises Fault if it is not a JSON object."""
    try:
        if isinstance(json.loads(text), dict):
            return text
    except (ValueError, RecursionError):
        pass
    raise Fault("MalformedPolicyDocument", "This policy contains invalid Json")


def _no_policy(name: str) -> Fault:
    return Fault("NoSuchEntity", f"The role policy with name {name} cannot be found.", 404)

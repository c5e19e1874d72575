"""IAM: roles and the policies on them, as records. They protect nothing; they are there to be found."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from mooring.local.state import State
from mooring.local.wire.call import ACCOUNT, Call
from mooring.local.wire.faults import Fault
from mooring.local.wire.service import Handler

KIND = "role"
FIRST_ROLE = "SageMakerLocal"
"""There from the start."""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


class Roles:
    """The operations on roles. A document has the role's members, and "Inline" and "Attached" policies beside them."""

    def __init__(self, state: State) -> None:
        self._state = state
        state.add(KIND, FIRST_ROLE, _role(FIRST_ROLE, "/", json.dumps(TRUST), "The local SageMaker's own."))

    def handlers(self) -> dict[str, Handler]:
        """Operation → who does it."""
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
            "SimulatePrincipalPolicy": _simulate,
        }

    def get(self, call: Call) -> Mapping[str, Any]:
        """With its trust document; NoSuchEntity if there is none."""
        return {"Role": _shown(self._existing(call))}

    def create(self, call: Call) -> Mapping[str, Any]:
        """The trust document has to be JSON."""
        given, name = call.parameters, call.parameters["RoleName"]
        document = _role(
            name, given.get("Path", "/"), _policy(given["AssumeRolePolicyDocument"]), given.get("Description")
        )
        document["MaxSessionDuration"] = given.get("MaxSessionDuration", 3600)
        if not self._state.add(KIND, name, document):
            raise Fault("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
        self._state.set_tags(document["Arn"], {tag["Key"]: tag["Value"] for tag in given.get("Tags", [])})
        return {"Role": _shown(document)}

    def delete(self, call: Call) -> None:
        """As the real one, only when no policies are left on it."""
        document = self._existing(call)
        for kind, verb in (("Inline", "delete policies"), ("Attached", "detach all policies")):
            if document[kind]:
                raise Fault("DeleteConflict", f"Cannot delete entity, must {verb} first.", 409)
        self._state.delete(KIND, document["RoleName"])
        self._state.drop_tags(document["Arn"])

    def list(self, call: Call) -> Mapping[str, Any]:
        """All in one page, those below PathPrefix."""
        prefix = call.parameters.get("PathPrefix", "/")
        roles = [_shown(one) for one in self._state.all(KIND) if one["Path"].startswith(prefix)]
        return {"Roles": roles, "IsTruncated": False}

    def trust(self, call: Call) -> None:
        """Another trust document."""
        self._change(call, AssumeRolePolicyDocument=_policy(call.parameters["PolicyDocument"]))

    def put_policy(self, call: Call) -> None:
        """An inline policy, over one of that name."""
        given = call.parameters
        inline = {**self._existing(call)["Inline"], given["PolicyName"]: _policy(given["PolicyDocument"])}
        self._change(call, Inline=inline)

    def get_policy(self, call: Call) -> Mapping[str, Any]:
        """An inline policy, as it was put."""
        role, name = call.parameters["RoleName"], call.parameters["PolicyName"]
        inline = self._existing(call)["Inline"]
        if name not in inline:
            raise _no_policy(name)
        return {"RoleName": role, "PolicyName": name, "PolicyDocument": quote(inline[name])}

    def delete_policy(self, call: Call) -> None:
        """One that is there."""
        inline, name = self._existing(call)["Inline"], call.parameters["PolicyName"]
        if inline.pop(name, None) is None:
            raise _no_policy(name)
        self._change(call, Inline=inline)

    def inline(self, call: Call) -> Mapping[str, Any]:
        """The names of its inline policies, all in one page."""
        return {"PolicyNames": list(self._existing(call)["Inline"]), "IsTruncated": False}

    def attach(self, call: Call) -> None:
        """Any ARN: whether such a policy exists is not known here."""
        self._change(call, Attached=sorted({*self._existing(call)["Attached"], call.parameters["PolicyArn"]}))

    def detach(self, call: Call) -> None:
        """One that is attached."""
        attached, arn = self._existing(call)["Attached"], call.parameters["PolicyArn"]
        if arn not in attached:
            raise Fault("NoSuchEntity", f"Policy {arn} was not found.", 404)
        self._change(call, Attached=[one for one in attached if one != arn])

    def attached(self, call: Call) -> Mapping[str, Any]:
        """All in one page."""
        arns = self._existing(call)["Attached"]
        policies = [{"PolicyName": arn.split("/")[-1], "PolicyArn": arn} for arn in arns]
        return {"AttachedPolicies": policies, "IsTruncated": False}

    def tags(self, call: Call) -> Mapping[str, Any]:
        """All in one page."""
        return {"Tags": self._existing(call)["Tags"], "IsTruncated": False}

    def tag(self, call: Call) -> None:
        """A key that is there gets the new value."""
        tags = {tag["Key"]: tag["Value"] for tag in call.parameters["Tags"]}
        self._state.set_tags(self._existing(call)["Arn"], tags)

    def untag(self, call: Call) -> None:
        """A key that is not there is no error."""
        self._state.drop_tags(self._existing(call)["Arn"], call.parameters["TagKeys"])

    def _existing(self, call: Call) -> dict[str, Any]:
        name = call.parameters["RoleName"]
        document = self._state.get(KIND, name)
        if document is None:
            raise Fault("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
        return {**document, "Tags": self._tags(document["Arn"])}

    def _change(self, call: Call, **members: Any) -> None:
        self._existing(call)
        self._state.change(KIND, call.parameters["RoleName"], members)

    def _tags(self, arn: str) -> Sequence[Mapping[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self._state.tags(arn).items()]


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


def _shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """IAM answers policies percent-encoded."""
    return {**document, "AssumeRolePolicyDocument": quote(document["AssumeRolePolicyDocument"])}


def _policy(text: str) -> str:
    """The document as it came. Raises Fault if it is no JSON object."""
    try:
        if isinstance(json.loads(text), dict):
            return text
    except (ValueError, RecursionError):
        pass
    raise Fault("MalformedPolicyDocument", "This policy contains invalid Json")


def _no_policy(name: str) -> Fault:
    return Fault("NoSuchEntity", f"The role policy with name {name} cannot be found.", 404)


def _simulate(call: Call) -> Mapping[str, Any]:
    """Everything is allowed here."""
    resources = call.parameters.get("ResourceArns", ["*"])
    results = [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed"}
        for action in call.parameters["ActionNames"]
        for resource in resources
    ]
    return {"EvaluationResults": results, "IsTruncated": False}

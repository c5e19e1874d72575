"""Application Auto Scaling: targets and policies are stored, but nothing is scaled."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from mooring_local.state import State
from mooring_local.wire.call import Call
from mooring_local.wire.faults import Fault, invalid
from mooring_local.wire.paging import page
from mooring_local.wire.service import Handler
from mooring_local.wire.tags import TagRules

TARGET, POLICY = "scalable-target", "scaling-policy"
SERVICE_ROLE = "aws-service-role/sagemaker.application-autoscaling"
TAGS = TagRules(too_many="TooManyTagsException")
_OF_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_CONFIGURATIONS = (
    "StepScalingPolicyConfiguration",
    "TargetTrackingScalingPolicyConfiguration",
    "PredictiveScalingPolicyConfiguration",
)


class Scaling:
    """The operations on scalable targets and their policies."""

    def __init__(self, state: State) -> None:
        self._state = state

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "RegisterScalableTarget": self.register,
            "DescribeScalableTargets": self.targets,
            "DeregisterScalableTarget": self.deregister,
            "PutScalingPolicy": self.put,
            "DescribeScalingPolicies": self.policies,
            "DeleteScalingPolicy": self.delete,
            "DescribeScalingActivities": _none,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.tags,
        }

    def register(self, call: Call) -> Mapping[str, Any]:
        """Create or update a scalable target; a new one needs both capacities."""
        given, name, partition = call.parameters, _target(call.parameters), call.place.partition.name
        before = self._state.get(TARGET, name) or {}
        document: dict[str, Any] = {
            "CreationTime": time.time(),
            "ScalableTargetARN": call.place.arn("scalable-target", uuid.uuid4().hex, service="application-autoscaling"),
            "RoleARN": f"arn:{partition}:iam::{call.place.account}:role/{SERVICE_ROLE}",
            "SuspendedState": dict.fromkeys(
                ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
            ),
            **before,
            **{member: value for member, value in given.items() if member != "Tags"},
        }
        if "MinCapacity" not in document or "MaxCapacity" not in document:
            raise invalid("Both MinCapacity and MaxCapacity must be specified for a new scalable target.")
        if document["MinCapacity"] > document["MaxCapacity"]:
            said = f"{document['MinCapacity']} > {document['MaxCapacity']}"
            raise invalid(f"Minimum capacity cannot be greater than maximum capacity: {said}")
        if given["ServiceNamespace"] == "sagemaker":
            self._check_variant(given["ResourceId"])
        tags = TAGS.read({"Key": key, "Value": value} for key, value in given.get("Tags", {}).items())
        if before and tags:
            raise invalid("Tags can only be set on a new scalable target; use TagResource for an existing one.")
        self._state.put(TARGET, name, document)
        self._state.set_tags(document["ScalableTargetARN"], tags)
        return {"ScalableTargetARN": document["ScalableTargetARN"]}

    def targets(self, call: Call) -> Mapping[str, Any]:
        """List the targets of one namespace."""
        given = call.parameters
        wanted = given.get("ResourceIds")
        found = [
            one
            for one in self._state.all(TARGET)
            if _fits(one, given, "ServiceNamespace", "ScalableDimension")
            and (wanted is None or one["ResourceId"] in wanted)
        ]
        return _page("ScalableTargets", found, given)

    def deregister(self, call: Call) -> Mapping[str, Any]:
        """Delete a target and its policies."""
        given, name = call.parameters, _target(call.parameters)
        document = self._state.get(TARGET, name)
        if document is None:
            raise _missing("scalable target", given)
        self._state.delete(TARGET, name)
        self._state.drop_tags(document["ScalableTargetARN"])
        for policy in self._state.all(POLICY):
            if _fits(policy, given, *_OF_TARGET):
                self._state.delete(POLICY, _policy(policy))
        return {}

    def put(self, call: Call) -> Mapping[str, Any]:
        """Create or replace a policy of an existing target."""
        given = call.parameters
        if self._state.get(TARGET, _target(given)) is None:
            raise _missing("scalable target", given)
        before = self._state.get(POLICY, _policy(given)) or {}
        if not before and not any(name in given for name in _CONFIGURATIONS):
            raise invalid("A scaling policy configuration must be specified.")
        where = f"{uuid.uuid4()}:resource/{given['ServiceNamespace']}/{given['ResourceId']}"
        place = f"{call.place.partition.name}:autoscaling:{call.place.region}:{call.place.account}"
        arn = f"arn:{place}:scalingPolicy:{where}:policyName/{given['PolicyName']}"
        document = {"PolicyARN": arn, "PolicyType": "StepScaling", "CreationTime": time.time(), "Alarms": [], **before}
        document.update(given)
        self._state.put(POLICY, _policy(given), document)
        return {"PolicyARN": document["PolicyARN"], "Alarms": []}

    def policies(self, call: Call) -> Mapping[str, Any]:
        """List the policies of one namespace."""
        given = call.parameters
        wanted = given.get("PolicyNames")
        found = [
            one
            for one in self._state.all(POLICY)
            if _fits(one, given, *_OF_TARGET) and (wanted is None or one["PolicyName"] in wanted)
        ]
        return _page("ScalingPolicies", found, given)

    def delete(self, call: Call) -> Mapping[str, Any]:
        """Delete an existing policy."""
        if not self._state.delete(POLICY, _policy(call.parameters)):
            raise _missing("scaling policy", call.parameters)
        return {}

    def tag(self, call: Call) -> Mapping[str, Any]:
        """Add tags; an existing key gets the new value."""
        arn, given = self._tagged(call), call.parameters["Tags"]
        tags = TAGS.read({"Key": key, "Value": value} for key, value in given.items())
        TAGS.check_count({*self._state.tags(arn), *tags})
        self._state.set_tags(arn, tags)
        return {}

    def untag(self, call: Call) -> Mapping[str, Any]:
        """Remove tags; a missing key is not an error."""
        self._state.drop_tags(self._tagged(call), call.parameters["TagKeys"])
        return {}

    def tags(self, call: Call) -> Mapping[str, Any]:
        """List the tags of a scalable target."""
        return {"Tags": self._state.tags(self._tagged(call))}

    def _tagged(self, call: Call) -> str:
        arn: str = call.parameters["ResourceARN"]
        if all(one["ScalableTargetARN"] != arn for one in self._state.all(TARGET)):
            raise Fault("ResourceNotFoundException", f"The resource doesn't exist: {arn}", 400, {"ResourceName": arn})
        return arn

    def _check_variant(self, resource: str) -> None:
        """Check that endpoint/NAME/variant/NAME exists. Raises Fault."""
        parts = resource.split("/")
        if parts[0] != "endpoint" or len(parts) != 4 or parts[2] != "variant":
            return  # an inference component, say, whose form is not checked
        endpoint = self._state.get("endpoint", parts[1])
        if endpoint is None:
            raise invalid(f"ResourceId {resource} does not exist: endpoint {parts[1]} not found.")
        variants = [one["VariantName"] for one in endpoint.get("ProductionVariants", [])]
        if variants and parts[3] not in variants:
            raise invalid(f"ResourceId {resource} does not exist: the endpoint has no variant {parts[3]}.")


def _none(call: Call) -> Mapping[str, Any]:
    """Always empty: nothing is scaled here."""
    return _page("ScalingActivities", [], call.parameters)


def _target(given: Mapping[str, Any]) -> str:
    return "|".join(str(given[member]) for member in _OF_TARGET)


def _policy(given: Mapping[str, Any]) -> str:
    return f"{_target(given)}|{given['PolicyName']}"


def _fits(document: Mapping[str, Any], given: Mapping[str, Any], *members: str) -> bool:
    return all(member not in given or given[member] == document[member] for member in members)


def _missing(noun: str, given: Mapping[str, Any]) -> Fault:
    named = ", ".join(f"{member}: {given[member]}" for member in (*_OF_TARGET, "PolicyName") if member in given)
    return Fault("ObjectNotFoundException", f"No {noun} found for {named}")


def _page(answer: str, found: list[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    refusal = Fault("InvalidNextTokenException", f"The next token {str(given.get('NextToken'))[:100]!r} is invalid.")
    some, token = page(found, given.get("NextToken"), given.get("MaxResults", 50), refusal)
    return {answer: some, "NextToken": token}

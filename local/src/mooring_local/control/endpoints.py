"""CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, DeleteEndpoint.

Checks that the operation is allowed now, and passes it to the fleet, which updates the status:

Creating → InService | Failed       InService → Updating → InService       any idle status → Deleting → gone
"""

from collections.abc import Mapping
from typing import Any

from mooring_local.control import endpoint_configs, models
from mooring_local.control.listing import Listing
from mooring_local.control.parts import Parts, tags_of
from mooring_local.wire.call import Call, Place
from mooring_local.wire.faults import Fault, invalid, missing, taken
from mooring_local.wire.service import Handler

KIND = "endpoint"
NOUN = "endpoint"

BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
"""Statuses in which no operation is allowed."""
ONLY_TO_DELETE = frozenset({"Failed", "UpdateRollbackFailed"})

EXCLUDED = "ExcludeRetainedVariantProperties"
RETAINED = frozenset({"DesiredInstanceCount", "DesiredWeight"})
"""Variant properties that an update can retain."""

LISTING = Listing("Endpoints", "EndpointName", status="EndpointStatus")


class EndpointControl:
    """The operations on endpoints."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": self.describe,
            "ListEndpoints": self.list,
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self.reweigh,
            "DeleteEndpoint": self.delete,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        """Create an endpoint; its configuration and models must exist."""
        given, name = call.parameters, call.parameters["EndpointName"]
        arn, tags = call.place.arn(KIND, name), tags_of(given)
        config = self._config(call.place, given["EndpointConfigName"])
        now = self._parts.now()
        document = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": config["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
            **_kept(given),
        }
        if not self._parts.state.add(KIND, name, document):
            raise taken(NOUN, arn)
        self._parts.state.set_tags(arn, tags)
        self._parts.fleet.create(name)
        return {"EndpointArn": arn}

    def describe(self, call: Call) -> Mapping[str, Any]:
        """Return the current state."""
        return existing(self._parts, call.place, call.parameters["EndpointName"])

    def list(self, call: Call) -> Mapping[str, Any]:
        """List with filters, sorting and pages."""
        return LISTING.page(self._parts.state.all(KIND), call.parameters)

    def update(self, call: Call) -> Mapping[str, Any]:
        """Switch to another configuration; the old variants serve until the new ones are ready."""
        given = call.parameters
        document = self._at_rest(call.place, given["EndpointName"])
        config = self._config(call.place, given["EndpointConfigName"])
        # Compare with what runs: its configuration may have been deleted or recreated.
        running = document.get("ProductionVariants", [])
        if _is_serverless(config) and any("CurrentServerlessConfig" not in variant for variant in running):
            raise invalid("Updating an endpoint from a real-time to a serverless configuration is not supported.")
        retains = _retains(given)
        if retains and ("DataCaptureConfig" in config or "DataCaptureConfig" in document):
            _check_capture(given)
        self._move(document["EndpointName"], "Updating", **_kept(given))
        self._parts.fleet.update(document["EndpointName"], config["EndpointConfigName"], retains)
        return {"EndpointArn": document["EndpointArn"]}

    def reweigh(self, call: Call) -> Mapping[str, Any]:
        """Change weights and instance counts of variants of an endpoint in service."""
        document = self._at_rest(call.place, call.parameters["EndpointName"])
        if document["EndpointStatus"] != "InService":
            said = f'Cannot update weights and capacities of endpoint "{document["EndpointArn"]}" in status'
            raise invalid(
                f"{said} {document['EndpointStatus']}: update it to a configuration that works, or delete it."
            )
        variants = {one["VariantName"]: one for one in document.get("ProductionVariants", [])}
        wishes = call.parameters["DesiredWeightsAndCapacities"]
        _check_names(document, [wish["VariantName"] for wish in wishes], variants)
        for wish in wishes:
            variant = variants[wish["VariantName"]]
            variant.update(
                {member: wish[member] for member in ("DesiredWeight", "DesiredInstanceCount") if member in wish}
            )
            if "ServerlessUpdateConfig" in wish:
                variant["DesiredServerlessConfig"] = {
                    **variant.get("CurrentServerlessConfig", {}),
                    **wish["ServerlessUpdateConfig"],
                }
        self._move(document["EndpointName"], "Updating", ProductionVariants=list(variants.values()))
        self._parts.fleet.reweigh(document["EndpointName"])
        return {"EndpointArn": document["EndpointArn"]}

    def delete(self, call: Call) -> None:
        """Delete an endpoint; refused while an operation is in progress."""
        document = existing(self._parts, call.place, call.parameters["EndpointName"])
        if document["EndpointStatus"] in BUSY:
            raise _busy(document)
        on_it = (
            one for one in self._parts.state.all("inference-component") if one["EndpointArn"] == document["EndpointArn"]
        )
        if names := ", ".join(one["InferenceComponentName"] for one in on_it):
            raise invalid(f'Cannot delete endpoint "{document["EndpointArn"]}" with inference components: {names}.')
        self._move(document["EndpointName"], "Deleting")
        self._parts.state.drop_tags(document["EndpointArn"])
        self._parts.fleet.delete(document["EndpointName"])

    def _at_rest(self, place: Place, name: str) -> dict[str, Any]:
        document = existing(self._parts, place, name)
        if document["EndpointStatus"] in BUSY:
            raise _busy(document)
        if document["EndpointStatus"] in ONLY_TO_DELETE:
            said = f'Cannot update endpoint "{document["EndpointArn"]}" in status {document["EndpointStatus"]}'
            raise invalid(f"{said}: it can only be deleted.")
        return document

    def _config(self, place: Place, name: str) -> dict[str, Any]:
        """A valid configuration. Raises Fault."""
        config = endpoint_configs.existing(self._parts, place, name)
        variants = endpoint_configs.variants_of(config)
        used = [models.existing(self._parts, place, one["ModelName"]) for one in variants if "ModelName" in one]
        if not _is_possible(config, used):
            raise invalid("One or more endpoint features are not supported using this configuration")
        return config

    def _move(self, name: str, status: str, **members: Any) -> None:
        now = self._parts.now()
        self._parts.state.change(KIND, name, {**members, "EndpointStatus": status, "LastModifiedTime": now})


def existing(parts: Parts, place: Place, name: str) -> dict[str, Any]:
    """The endpoint's document. Raises Fault if it does not exist."""
    document = parts.state.get(KIND, name)
    if document is None:
        raise missing(NOUN, place.arn(KIND, name))
    return document


def _busy(document: Mapping[str, Any]) -> Fault:
    return invalid(f'Cannot update in-progress endpoint "{document["EndpointArn"]}".')


def _kept(given: Mapping[str, Any]) -> dict[str, Any]:
    """The deployment members that Describe returns."""
    return {"LastDeploymentConfig": given["DeploymentConfig"]} if "DeploymentConfig" in given else {}


def _retains(given: Mapping[str, Any]) -> bool:
    """Whether an update retains weights and counts. Raises Fault for only one of them, which is not implemented."""
    if not given.get("RetainAllVariantProperties", False):
        return False
    excluded = {one["VariantPropertyType"] for one in given.get(EXCLUDED, [])}
    if len(excluded & RETAINED) == 1:
        raise invalid(
            "The local SageMaker retains DesiredInstanceCount and DesiredWeight together: exclude both or neither."
        )
    return not excluded & RETAINED


def _check_names(document: Mapping[str, Any], names: list[str], there: Mapping[str, Any]) -> None:
    """Raises Fault, worded as on AWS, for a duplicate or unknown variant."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(f'The variant name "{name}" was non-unique within the request.')
        seen.add(name)
    if missing_ones := ", ".join(name for name in names if name not in there):
        said = f'The variant name(s) "{missing_ones}" is/are not present within endpoint configuration'
        raise invalid(f'{said} "{document["EndpointConfigName"]}".')


def _check_capture(given: Mapping[str, Any]) -> None:
    """Raises Fault for an update that would retain the old data capture settings."""
    if all(one["VariantPropertyType"] != "DataCaptureConfig" for one in given.get(EXCLUDED, [])):
        said = "The local SageMaker always uses the DataCaptureConfig of the new endpoint configuration"
        raise invalid(f"{said}. Add DataCaptureConfig to {EXCLUDED}.")


def _is_serverless(config: Mapping[str, Any]) -> bool:
    return any("ServerlessConfig" in variant for variant in endpoint_configs.variants_of(config))


def _is_possible(config: Mapping[str, Any], used: list[dict[str, Any]]) -> bool:
    """Whether SageMaker supports this combination of serverless, asynchronous and shadow variants."""
    pipelines = [models.containers_of(model) for model in used]
    secluded = any(one.get("VpcConfig") or one.get("EnableNetworkIsolation") for one in (config, *used))
    several_models = any(one.get("Mode") == "MultiModel" for pipeline in pipelines for one in pipeline)
    several_containers = any(len(pipeline) > 1 for pipeline in pipelines)
    serverless = _is_serverless(config)
    asynchronous = "AsyncInferenceConfig" in config
    if serverless and (
        several_models
        or several_containers
        or asynchronous
        or secluded
        or "DataCaptureConfig" in config
        or len(endpoint_configs.variants_of(config)) > 1
    ):
        return False
    if asynchronous and several_models:
        return False
    return not config.get("ShadowProductionVariants") or not (asynchronous or several_models or several_containers)

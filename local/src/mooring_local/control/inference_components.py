"""CreateInferenceComponent and related operations: models deployed onto an endpoint whose variants have none."""

from collections.abc import Mapping
from typing import Any

from mooring_local.control import endpoints, models
from mooring_local.control.listing import Listing
from mooring_local.control.parts import Parts, check_image, tags_of
from mooring_local.wire.call import Call, Place
from mooring_local.wire.faults import Fault, invalid, missing, taken
from mooring_local.wire.service import Handler

KIND = "inference-component"
NOUN = "inference component"

LISTING = Listing(
    "InferenceComponents",
    "InferenceComponentName",
    status="InferenceComponentStatus",
    equal={"EndpointNameEquals": "EndpointName", "VariantNameEquals": "VariantName"},
)


class InferenceComponents:
    """The operations on inference components."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "CreateInferenceComponent": self.create,
            "DescribeInferenceComponent": self.describe,
            "ListInferenceComponents": self.list,
            "UpdateInferenceComponent": self.update,
            "UpdateInferenceComponentRuntimeConfig": self.resize,
            "DeleteInferenceComponent": self.delete,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        """Create a component on an endpoint in service that has the variant."""
        given, name = call.parameters, call.parameters["InferenceComponentName"]
        specification = self._specification(call)
        endpoint = endpoints.existing(self._parts, call.place, given["EndpointName"])
        if endpoint["EndpointStatus"] != "InService":
            raise invalid(f'Endpoint "{endpoint["EndpointArn"]}" is not InService: it is {endpoint["EndpointStatus"]}.')
        variants = {one["VariantName"]: one for one in endpoint.get("ProductionVariants", [])}
        variant = given.get("VariantName") or next(iter(variants), "")
        if variant not in variants:
            raise invalid(f'Could not find production variant "{variant}" of endpoint "{endpoint["EndpointArn"]}".')
        if "DeployedImages" in variants[variant]:
            # Otherwise that model would be unreachable: requests would have to name a component.
            said = f'Production variant "{variant}" of endpoint "{endpoint["EndpointArn"]}" has a model of its own'
            raise invalid(f"{said}: inference components need an endpoint configuration without ModelName.")
        arn, tags, now = call.place.arn(KIND, name), tags_of(given), self._parts.now()
        copies = given.get("RuntimeConfig", {}).get("CopyCount", 1)
        document = {
            "InferenceComponentName": name,
            "InferenceComponentArn": arn,
            "EndpointName": endpoint["EndpointName"],
            "EndpointArn": endpoint["EndpointArn"],
            "VariantName": variant,
            "Specification": specification,
            "RuntimeConfig": {"DesiredCopyCount": copies, "CurrentCopyCount": copies},
            "InferenceComponentStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        if not self._parts.state.add(KIND, name, document):
            raise taken(NOUN, arn)
        self._parts.state.set_tags(arn, tags)
        self._parts.fleet.create_component(name)
        return {"InferenceComponentArn": arn}

    def describe(self, call: Call) -> Mapping[str, Any]:
        """Return the current state; a container is shown as the deployed image."""
        document = self._existing(call)
        container = document["Specification"].get("Container")
        if container and "Image" in container:
            image = {"SpecifiedImage": container["Image"], "ResolvedImage": container["Image"]}
            shown = {**container, "DeployedImage": {**image, "ResolutionTime": document["CreationTime"]}}
            document["Specification"] = {**document["Specification"], "Container": shown}
        return document

    def list(self, call: Call) -> Mapping[str, Any]:
        """List with filters, sorting and pages."""
        return LISTING.page(self._parts.state.all(KIND), call.parameters)

    def update(self, call: Call) -> Mapping[str, Any]:
        """Change the number of copies; changing the model is not implemented."""
        given = call.parameters
        kept = {"LastDeploymentConfig": given["DeploymentConfig"]} if "DeploymentConfig" in given else {}
        return self._resize(call, given.get("RuntimeConfig", {}), kept)

    def resize(self, call: Call) -> Mapping[str, Any]:
        """Change the number of copies; only one runs here."""
        return self._resize(call, call.parameters["DesiredRuntimeConfig"])

    def delete(self, call: Call) -> None:
        """Delete a component; refused while an operation is in progress."""
        document = self._existing(call)
        if document["InferenceComponentStatus"] in endpoints.BUSY:
            raise _busy(document)
        self._parts.state.change(KIND, document["InferenceComponentName"], {"InferenceComponentStatus": "Deleting"})
        self._parts.fleet.delete_component(document["InferenceComponentName"])

    def _resize(
        self, call: Call, wanted: Mapping[str, Any], kept: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        document = self._existing(call)
        if document["InferenceComponentStatus"] != "InService":
            raise _busy(document)
        copies = wanted.get("CopyCount", document["RuntimeConfig"]["DesiredCopyCount"])
        counts = {"DesiredCopyCount": copies, "CurrentCopyCount": copies}
        moved = {"RuntimeConfig": counts, "LastModifiedTime": self._parts.now(), **(kept or {})}
        self._parts.state.change(KIND, document["InferenceComponentName"], moved)
        return {"InferenceComponentArn": document["InferenceComponentArn"]}

    def _specification(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        if "Specification" not in given:
            raise invalid("Specification must be specified: the local SageMaker accepts one for all instance types.")
        specification: dict[str, Any] = given["Specification"]
        if name := specification.get("ModelName"):
            models.existing(self._parts, call.place, name)
        elif "Image" not in specification.get("Container", {}):
            raise invalid("Either ModelName or Container (with its Image) must be specified in the Specification.")
        else:
            check_image(self._parts, call.place, specification["Container"]["Image"])
        if "ComputeResourceRequirements" not in specification:
            raise invalid("ComputeResourceRequirements must be specified in the Specification.")
        return specification

    def _existing(self, call: Call) -> dict[str, Any]:
        return existing(self._parts, call.place, call.parameters["InferenceComponentName"])


def existing(parts: Parts, place: Place, name: str) -> dict[str, Any]:
    """The component's document. Raises Fault if it does not exist."""
    document = parts.state.get(KIND, name)
    if document is None:
        raise missing(NOUN, place.arn(KIND, name))
    return document


def _busy(document: Mapping[str, Any]) -> Fault:
    return invalid(f'Cannot update in-progress inference component "{document["InferenceComponentArn"]}".')

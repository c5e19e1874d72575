"""CreateModel, DescribeModel, ListModels, DeleteModel. Endpoints and jobs read models when they start."""

from collections.abc import Mapping
from typing import Any

from mooring_local.control.listing import Listing
from mooring_local.control.parts import Parts, check_image, check_unique, echoed, tags_of
from mooring_local.wire.call import Call, Place
from mooring_local.wire.faults import invalid, missing, taken
from mooring_local.wire.service import Handler

KIND = "model"
NOUN = "model"
LARGEST_ENVIRONMENT = 32 * 1024
"""Total bytes of all keys and values of a model's containers."""

LISTING = Listing("Models", "ModelName")


class Models:
    """The operations on models."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "ListModels": self.list,
            "DeleteModel": self.delete,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        """Create a model; its name must be new, and its data must exist if it is in S3."""
        given, name = call.parameters, call.parameters["ModelName"]
        containers = containers_of(given)
        _check(given, containers)
        for container in containers:
            check_image(self._parts, call.place, container["Image"])
            self._check_data(container)
        tags, arn = tags_of(given), call.place.arn(KIND, name)
        document = {
            "EnableNetworkIsolation": False,
            **echoed(given, call.place, KIND, name),
            "CreationTime": self._parts.now(),
        }
        for container in containers_of(document):
            container.setdefault("Mode", "SingleModel")
            container.setdefault("Environment", {})
        if not self._parts.state.add(KIND, name, document):
            raise taken(NOUN, arn)
        self._parts.state.set_tags(arn, tags)
        return {"ModelArn": arn}

    def describe(self, call: Call) -> Mapping[str, Any]:
        """Return the request and its creation time."""
        return existing(self._parts, call.place, call.parameters["ModelName"])

    def list(self, call: Call) -> Mapping[str, Any]:
        """List with filters, sorting and pages."""
        return LISTING.page(self._parts.state.all(KIND), call.parameters)

    def delete(self, call: Call) -> None:
        """Delete a model; endpoints that run it are not affected."""
        document = existing(self._parts, call.place, call.parameters["ModelName"])
        self._parts.state.delete(KIND, document["ModelName"])
        self._parts.state.drop_tags(document["ModelArn"])

    def _check_data(self, container: Mapping[str, Any]) -> None:
        """Check that model data exists, except for multi-model prefixes, which may be filled later. Raises Fault."""
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        uri = container.get("ModelDataUrl") or source.get("S3Uri") or ""
        if container.get("Mode") == "MultiModel" or not uri.startswith("s3://"):
            return
        objects, (bucket, key) = self._parts.objects, self._parts.objects.locate(uri)
        one = source.get("S3DataType", "S3Object") == "S3Object"
        if not (objects.has(bucket, key) if one else objects.holds(bucket, key)):
            raise invalid(f"Could not find model data at {uri}.")


def existing(parts: Parts, place: Place, name: str) -> dict[str, Any]:
    """The model's document. Raises Fault if it does not exist."""
    document = parts.state.get(KIND, name)
    if document is None:
        raise missing(NOUN, place.arn(KIND, name))
    return document


def containers_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The containers, in order of the pipeline; most models have one."""
    if "PrimaryContainer" in document:
        return [document["PrimaryContainer"]]
    return list(document.get("Containers", []))


def _check(given: Mapping[str, Any], containers: list[dict[str, Any]]) -> None:
    """Check rules that botocore's model does not express. Raises Fault."""
    if ("PrimaryContainer" in given) == bool(given.get("Containers")):
        found = "both are" if "PrimaryContainer" in given else "neither is"
        raise invalid(f"Exactly one of PrimaryContainer and Containers must be specified; {found} given.")
    for container in containers:
        if not container.get("Image"):
            raise invalid("Image must be specified for each container.")
        if "ModelDataUrl" in container and "ModelDataSource" in container:
            raise invalid("ModelDataUrl and ModelDataSource cannot both be specified for one container.")
        channels = [one["ChannelName"] for one in container.get("AdditionalModelDataSources", [])]
        check_unique("Channel names", channels)
    names = [container["ContainerHostname"] for container in containers if "ContainerHostname" in container]
    check_unique("Container hostnames", names)
    if given.get("InferenceExecutionConfig", {}).get("Mode") == "Direct" and len(names) < len(containers):
        raise invalid(
            "ContainerHostname is required for each container of a model with InferenceExecutionConfig Direct."
        )
    pairs = [pair for container in containers for pair in container.get("Environment", {}).items()]
    size = sum(len(key.encode()) + len(value.encode()) for key, value in pairs)
    if size > LARGEST_ENVIRONMENT:
        said = f"The environment variables of a model's containers may have {LARGEST_ENVIRONMENT} bytes in total"
        raise invalid(f"{said}; these have {size}.")

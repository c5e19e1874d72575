"""CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

from collections.abc import Mapping
from typing import Any

from mooring_local.control import models
from mooring_local.control.listing import Listing
from mooring_local.control.parts import Parts, check_unique, echoed, tags_of
from mooring_local.wire.call import Call, Place
from mooring_local.wire.faults import invalid, missing, taken
from mooring_local.wire.service import Handler

KIND = "endpoint-config"
NOUN = "endpoint configuration"

LISTING = Listing("EndpointConfigs", "EndpointConfigName")


class EndpointConfigs:
    """The operations on endpoint configurations."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": self.describe,
            "ListEndpointConfigs": self.list,
            "DeleteEndpointConfig": self.delete,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        """Create a configuration; its models must exist."""
        given, name = call.parameters, call.parameters["EndpointConfigName"]
        _check(given)
        for variant in variants_of(given):
            if "ModelName" in variant:
                models.existing(self._parts, call.place, variant["ModelName"])
        tags, arn = tags_of(given), call.place.arn(KIND, name)
        document = {**echoed(given, call.place, KIND, name), "CreationTime": self._parts.now()}
        for variant in variants_of(document):
            variant.setdefault("InitialVariantWeight", 1.0)
        if not self._parts.state.add(KIND, name, document):
            raise taken(NOUN, arn)
        self._parts.state.set_tags(arn, tags)
        return {"EndpointConfigArn": arn}

    def describe(self, call: Call) -> Mapping[str, Any]:
        """Return the request and its creation time."""
        return existing(self._parts, call.place, call.parameters["EndpointConfigName"])

    def list(self, call: Call) -> Mapping[str, Any]:
        """List with filters, sorting and pages."""
        return LISTING.page(self._parts.state.all(KIND), call.parameters)

    def delete(self, call: Call) -> None:
        """Delete a configuration, even while an endpoint uses it: the SDK deletes the configuration first."""
        document = existing(self._parts, call.place, call.parameters["EndpointConfigName"])
        self._parts.state.delete(KIND, document["EndpointConfigName"])
        self._parts.state.drop_tags(document["EndpointConfigArn"])


def existing(parts: Parts, place: Place, name: str) -> dict[str, Any]:
    """The configuration's document. Raises Fault if it does not exist."""
    document = parts.state.get(KIND, name)
    if document is None:
        raise missing(NOUN, place.arn(KIND, name))
    return document


def variants_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Production variants, then shadows."""
    return [*document["ProductionVariants"], *document.get("ShadowProductionVariants", [])]


def _check(given: Mapping[str, Any]) -> None:
    """Check rules that botocore's model does not express. Raises Fault."""
    variants = variants_of(given)
    check_unique("Variant names", [variant["VariantName"] for variant in variants])
    shadows, production = given.get("ShadowProductionVariants", []), given["ProductionVariants"]
    if shadows and (len(shadows), len(production)) != (1, 1):
        said = "Shadow variants need exactly one ProductionVariant and one ShadowProductionVariant"
        raise invalid(f"{said}; there are {len(production)} and {len(shadows)}.")
    for variant in variants:
        _check_variant(given, variant)


def _check_variant(given: Mapping[str, Any], variant: Mapping[str, Any]) -> None:
    name = variant["VariantName"]
    if "ModelName" not in variant and "ExecutionRoleArn" not in given:
        raise invalid(f"ModelName is required for production variant {name} unless ExecutionRoleArn is specified.")
    if "ModelName" in variant and "ManagedInstanceScaling" in variant:
        raise invalid("ManagedInstanceScaling is only supported for inference component endpoints.")
    if serverless := variant.get("ServerlessConfig"):
        if "InstanceType" in variant or "InitialInstanceCount" in variant:
            raise invalid(f"ServerlessConfig and InstanceType cannot both be specified for production variant {name}.")
        if serverless["MemorySizeInMB"] % 1024:
            said = "Memory size must be in 1 GB increments: 1024 MB, 2048 MB, 3072 MB, 4096 MB, 5120 MB, 6144 MB"
            raise invalid(f"{said}; MemorySizeInMB is {serverless['MemorySizeInMB']}.")
        provisioned, most = serverless.get("ProvisionedConcurrency", 0), serverless["MaxConcurrency"]
        if provisioned > most:
            said = "ProvisionedConcurrency must be less than or equal to MaxConcurrency"
            raise invalid(f"{said}; they are {provisioned} and {most}.")
    elif "InstanceType" not in variant:
        raise invalid(f"Either InstanceType or ServerlessConfig must be specified for production variant {name}.")
    elif "InitialInstanceCount" not in variant and "ManagedInstanceScaling" not in variant:
        raise invalid(f"InitialInstanceCount must be specified for production variant {name}.")

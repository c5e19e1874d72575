"""Documents of endpoints, kept in step with what runs. Only `fleet.py` writes them while it works on an endpoint.

The "endpoint" document is what DescribeEndpoint returns. The "fleet" document is a copy of the configuration and
models in use, so that the endpoint can restart even if those have been deleted.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mooring_local.state import State

REASON_LIMIT = 1024
"""Characters of a FailureReason."""
OF_CONFIG = ("AsyncInferenceConfig", "MetricsConfig", "CrossRegionTrafficConfig")
"""Members of the configuration that DescribeEndpoint repeats."""
INSTANCES = ("DesiredInstanceCount", "CurrentInstanceCount")
WEIGHTS = ("DesiredWeight", "CurrentWeight")


class Records:
    """Documents of endpoints."""

    def __init__(self, state: State, *, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock = clock

    def endpoint(self, name: str) -> dict[str, Any] | None:
        """The document that DescribeEndpoint returns."""
        return self._state.get("endpoint", name)

    def endpoints(self) -> list[dict[str, Any]]:
        """All of them."""
        return self._state.all("endpoint")

    def change(self, name: str, drop: Sequence[str] = (), **members: Any) -> None:
        """Set and remove members; does nothing if the endpoint was deleted."""
        self._state.change("endpoint", name, {**members, "LastModifiedTime": self._clock()}, drop)

    def failed(self, name: str, status: str, reason: str, drop: Sequence[str] = ()) -> None:
        """Set a failure status, with the reason cut to the API's limit."""
        short = reason if len(reason) <= REASON_LIMIT else f"{reason[: REASON_LIMIT - 1]}…"
        self.change(name, drop, EndpointStatus=status, FailureReason=short)

    def in_service(
        self, name: str, config: Mapping[str, Any], variants: Sequence[Mapping[str, Any]], reason: str = ""
    ) -> None:
        """Set status InService with this configuration; `reason`: why an update to another one failed."""
        members = {key: config[key] for key in OF_CONFIG if config.get(key)}
        members |= _captured(config) | ({"FailureReason": reason} if reason else {})
        self.change(
            name,
            ("PendingDeploymentSummary", "FailureReason", "DataCaptureConfig", *OF_CONFIG),
            EndpointConfigName=config["EndpointConfigName"],
            EndpointStatus="InService",
            ProductionVariants=variants,
            **members,
        )

    def forget(self, name: str) -> None:
        """Delete the endpoint's documents and tags."""
        document = self._state.get("endpoint", name)
        self._state.delete("endpoint", name)
        self._state.delete("fleet", name)
        if document is not None:
            self._state.drop_tags(document["EndpointArn"])

    def snapshot(self, name: str, config_name: str) -> dict[str, Any] | None:
        """The current {"config", "models": by name}; None if the configuration was deleted."""
        config = self._state.get("endpoint-config", config_name)
        if config is None:
            return None
        names = {one.get("ModelName") for one in variants_of(config)} - {None}
        models = {model: self._state.get("model", str(model)) for model in names}
        return {"EndpointName": name, "config": config, "models": models}

    def keep(self, name: str, snapshot: Mapping[str, Any], deployment: float | None = None) -> None:
        """Save the snapshot for the next start. `deployment`: when its update began, see `has_taken_over`."""
        self._state.put("fleet", name, {**snapshot, "Deployment": deployment})

    def kept(self, name: str) -> dict[str, Any] | None:
        """The snapshot saved by `keep`."""
        return self._state.get("fleet", name)

    def components(self, endpoint: str) -> list[dict[str, Any]]:
        """Inference components of an endpoint."""
        return [one for one in self._state.all("inference-component") if one.get("EndpointName") == endpoint]

    def component(self, name: str) -> dict[str, Any] | None:
        """The document that DescribeInferenceComponent returns."""
        return self._state.get("inference-component", name)

    def change_component(self, name: str, drop: Sequence[str] = (), **members: Any) -> None:
        """Set and remove members; does nothing if the component was deleted."""
        self._state.change("inference-component", name, {**members, "LastModifiedTime": self._clock()}, drop)

    def forget_component(self, name: str) -> None:
        """Delete the document and its tags."""
        document = self.component(name)
        self._state.delete("inference-component", name)
        if document is not None and "InferenceComponentArn" in document:
            self._state.drop_tags(document["InferenceComponentArn"])

    def model(self, name: str) -> dict[str, Any] | None:
        """The document that CreateModel stored."""
        return self._state.get("model", name)

    def shown(self, snapshot: Mapping[str, Any], status: str = "") -> list[dict[str, Any]]:
        """New production variants of a snapshot, as DescribeEndpoint shows them."""
        models = snapshot["models"]
        variants = snapshot["config"]["ProductionVariants"]
        return [self.summary(one, models.get(one.get("ModelName")), status) for one in variants]

    def summary(self, variant: Mapping[str, Any], model: Mapping[str, Any] | None, status: str = "") -> dict[str, Any]:
        """A production variant as DescribeEndpoint shows it; `status`: its VariantStatus, "" for none."""
        containers = (model.get("Containers") or [model["PrimaryContainer"]]) if model else []
        now = self._clock()
        weight = variant.get("InitialVariantWeight", 1.0)
        found: dict[str, Any] = {"VariantName": variant["VariantName"], **dict.fromkeys(WEIGHTS, weight)}
        if containers:
            found["DeployedImages"] = [
                {"SpecifiedImage": one["Image"], "ResolvedImage": one["Image"], "ResolutionTime": now}
                for one in containers
            ]
        if serverless := variant.get("ServerlessConfig"):
            found |= {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
            found |= dict.fromkeys(INSTANCES, 0)
        else:
            count = variant.get("InitialInstanceCount", 1)
            found |= {"DesiredInstanceCount": count, "CurrentInstanceCount": 0 if status == "Creating" else count}
        if status:
            found["VariantStatus"] = [{"Status": status, "StartTime": now}]
        return found


def _captured(config: Mapping[str, Any]) -> dict[str, Any]:
    """Data capture as DescribeEndpoint shows it."""
    given = config.get("DataCaptureConfig")
    if not given:
        return {}
    enabled = given.get("EnableCapture", False)
    shown = {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": given["InitialSamplingPercentage"],
        "DestinationS3Uri": given["DestinationS3Uri"],
        "KmsKeyId": given.get("KmsKeyId", ""),
    }
    return {"DataCaptureConfig": shown}


def variants_of(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Production and shadow variants of an endpoint configuration."""
    return [*config["ProductionVariants"], *(config.get("ShadowProductionVariants") or ())]


def has_taken_over(document: Mapping[str, Any], snapshot: Mapping[str, Any]) -> bool:
    """Whether the update that the endpoint's document still lists as pending had already activated this snapshot.

    Compares start times: a configuration may have been deleted and recreated under the same name.
    """
    began = (document.get("PendingDeploymentSummary") or {}).get("StartTime")
    return began is not None and began == snapshot.get("Deployment")


def retain(config: dict[str, Any], document: Mapping[str, Any]) -> None:
    """Copy the endpoint's current weights and counts to variants of the same name."""
    now = {one["VariantName"]: one for one in document.get("ProductionVariants") or ()}
    for variant in config["ProductionVariants"]:
        if (old := now.get(variant["VariantName"])) is not None:
            variant["InitialVariantWeight"] = old["DesiredWeight"]
            if "InitialInstanceCount" in variant and old.get("DesiredInstanceCount"):
                variant["InitialInstanceCount"] = old["DesiredInstanceCount"]

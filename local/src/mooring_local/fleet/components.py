"""Inference components: models deployed onto an endpoint whose variants have no model."""

from collections.abc import Callable
from typing import Any

from mooring_local.fleet.builder import Builder, NotBuilt
from mooring_local.fleet.live import LiveEndpoint
from mooring_local.fleet.phases import Phases
from mooring_local.fleet.records import REASON_LIMIT, Records
from mooring_local.fleet.variant import Variant, read_model

ENDPOINT_GONE = "The endpoint was deleted."
ENDPOINT_DOWN = "The endpoint is out of service. The inference component restarts with it."


class Components:
    """Starts and stops inference components."""

    def __init__(
        self, records: Records, builder: Builder, phases: Phases, live: Callable[[str], LiveEndpoint | None]
    ) -> None:
        self._records = records
        self._builder = builder
        self._phases = phases
        self._live = live

    async def create(self, name: str) -> None:
        """Creating → InService | Failed."""
        document = self._records.component(name)
        if document is None:
            return
        try:
            variant = await self._raise(document)
        except NotBuilt as error:
            self.failed(name, error.message)
            return
        live = self._live(document["EndpointName"])
        if live is None:
            await variant.close(0.0)
            self.failed(name, ENDPOINT_GONE)
            return
        live.components[name] = variant
        self._records.change_component(name, ("FailureReason",), InferenceComponentStatus="InService")

    async def delete(self, name: str) -> None:
        """Deleting → gone."""
        document = self._records.component(name)
        live = self._live(document["EndpointName"]) if document else None
        variant = live.components.pop(name, None) if live else None
        await self._phases.take("delete")
        if variant is not None:
            await variant.close(30.0)
        self._records.forget_component(name)

    def failed(self, name: str, reason: str) -> None:
        """Set the status to Failed, with the reason cut to the API's limit."""
        self._records.change_component(name, InferenceComponentStatus="Failed", FailureReason=reason[:REASON_LIMIT])

    def waiting(self, endpoint: str) -> None:
        """The endpoint is restarting: mark components that were in service as Creating."""
        for component in self._records.components(endpoint):
            down = component.get("FailureReason") == ENDPOINT_DOWN
            if component["InferenceComponentStatus"] in ("InService", "Updating") or down:
                name = component["InferenceComponentName"]
                self._records.change_component(name, ("FailureReason",), InferenceComponentStatus="Creating")

    def down(self, endpoint: str) -> None:
        """The endpoint failed to restart: finish pending deletions, and mark the other components as Failed."""
        for component in self._records.components(endpoint):
            name, status = component["InferenceComponentName"], component["InferenceComponentStatus"]
            if status == "Deleting":
                self._records.forget_component(name)
            elif status != "Failed":
                self.failed(name, ENDPOINT_DOWN)

    async def _raise(self, document: dict[str, Any]) -> Variant:
        specification = document["Specification"]
        if (model_name := specification.get("ModelName")) is not None:
            model = self._records.model(model_name)
            if model is None:
                raise NotBuilt(f"Could not find model {model_name}.")
        else:
            given = specification.get("Container") or {}
            if "Image" not in given:
                raise NotBuilt("Specification has neither ModelName nor Container.Image. Adapters are not supported.")
            container = {"Image": given["Image"], "Environment": given.get("Environment", {})}
            if "ArtifactUrl" in given:
                container["ModelDataUrl"] = given["ArtifactUrl"]
            model = {"ModelName": document["InferenceComponentName"], "PrimaryContainer": container}
        variant = Variant(document["VariantName"], read_model(model), None, 1.0)
        startup = specification.get("StartupParameters") or {}
        live = self._live(document["EndpointName"])
        if live is None:
            raise NotBuilt(ENDPOINT_GONE)
        await self._builder.fill(live, variant, startup)
        return variant

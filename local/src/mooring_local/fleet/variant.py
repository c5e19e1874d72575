"""A production variant that lives: instances that share its requests. Made by `fleet.py`, asked by `runtime/`."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mooring_local.fleet.instance import Instance, Part

STARTUP_S = 480.0
SERVERLESS_STARTUP_S = 180.0
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Serverless:
    """The limits of a serverless variant."""

    memory_mb: int
    concurrency: int


@dataclass(frozen=True, slots=True)
class Model:
    """What a variant serves, read from CreateModel's members."""

    name: str
    parts: Sequence[Part]
    direct: bool
    """Each request names its container; otherwise it goes through all of them, one after the other."""

    @property
    def prefix(self) -> str | None:
        """Where the models of a multi-model endpoint are; None for any other."""
        first = self.parts[0].container if self.parts else {}
        return first.get("ModelDataUrl", "") if first.get("Mode") == "MultiModel" else None


def read_model(document: Mapping[str, Any]) -> Model:
    """The containers of a model, with the names that the platform has for them."""
    containers = document.get("Containers") or [document["PrimaryContainer"]]
    parts = [
        Part(one.get("ContainerHostname") or ("primary" if len(containers) == 1 else f"container-{number}"), one)
        for number, one in enumerate(containers, 1)
    ]
    direct = (document.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct"
    return Model(document["ModelName"], parts, direct)


def startup_s(config: Mapping[str, Any]) -> float:
    """How long its containers may take until their first good /ping."""
    given = config.get("ContainerStartupHealthCheckTimeoutInSeconds")
    return float(given or (SERVERLESS_STARTUP_S if config.get("ServerlessConfig") else STARTUP_S))


class Variant:
    """Also what an inference component is: a model with instances."""

    def __init__(self, name: str, model: Model | None, serverless: Serverless | None, weight: float) -> None:
        """No model: a variant that only inference components fill."""
        self.name = name
        self.model = model
        self.serverless = serverless
        self.weight = weight
        self.credit = 0.0
        """For sharing traffic; `live.py` keeps it."""
        self.instances: list[Instance] = []

    @property
    def in_flight(self) -> int:
        """Requests that it has now."""
        return sum(instance.in_flight for instance in self.instances)

    def pick(self) -> Instance | None:
        """The one with the least to do of those that are up."""
        up = [instance for instance in self.instances if instance.containers]
        return min(up, key=lambda instance: instance.in_flight, default=None)

    async def close(self, patience_s: float) -> None:
        """End all of its instances."""
        await asyncio.gather(*(instance.close(patience_s) for instance in self.instances))
        self.instances.clear()


def serverless_of(config: Mapping[str, Any]) -> Serverless | None:
    """The limits in a variant's configuration, if it is serverless."""
    given = config.get("ServerlessConfig")
    return Serverless(given["MemorySizeInMB"], given["MaxConcurrency"]) if given else None

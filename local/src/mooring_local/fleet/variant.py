"""A running production variant: instances that share its requests."""

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
    """The model of a variant, read from CreateModel's parameters."""

    name: str
    parts: Sequence[Part]
    direct: bool
    """Each request names its container; otherwise it passes through all of them in sequence."""

    @property
    def prefix(self) -> str | None:
        """S3 prefix of a multi-model endpoint's models; None for other endpoints."""
        first = self.parts[0].container if self.parts else {}
        return first.get("ModelDataUrl", "") if first.get("Mode") == "MultiModel" else None


def read_model(document: Mapping[str, Any]) -> Model:
    """The containers of a model, with SageMaker's names for them."""
    containers = document.get("Containers") or [document["PrimaryContainer"]]
    parts = [
        Part(one.get("ContainerHostname") or ("primary" if len(containers) == 1 else f"container-{number}"), one)
        for number, one in enumerate(containers, 1)
    ]
    direct = (document.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct"
    return Model(document["ModelName"], parts, direct)


def startup_s(config: Mapping[str, Any]) -> float:
    """Startup timeout of its containers: time until the first 200 of /ping."""
    given = config.get("ContainerStartupHealthCheckTimeoutInSeconds")
    return float(given or (SERVERLESS_STARTUP_S if config.get("ServerlessConfig") else STARTUP_S))


class Variant:
    """A model with instances: a production variant or an inference component."""

    def __init__(self, name: str, model: Model | None, serverless: Serverless | None, weight: float) -> None:
        """`model` is None for a variant that only hosts inference components."""
        self.name = name
        self.model = model
        self.serverless = serverless
        self.weight = weight
        self.credit = 0.0
        """State of the round robin in `live.py`."""
        self.instances: list[Instance] = []

    @property
    def in_flight(self) -> int:
        """Number of requests in flight."""
        return sum(instance.in_flight for instance in self.instances)

    def pick(self) -> Instance | None:
        """The running instance with the fewest requests in flight."""
        up = [instance for instance in self.instances if instance.containers]
        return min(up, key=lambda instance: instance.in_flight, default=None)

    async def close(self, patience_s: float) -> None:
        """Stop all instances."""
        await asyncio.gather(*(instance.close(patience_s) for instance in self.instances))
        self.instances.clear()


def serverless_of(config: Mapping[str, Any]) -> Serverless | None:
    """The limits in a variant's configuration, if it is serverless."""
    given = config.get("ServerlessConfig")
    return Serverless(given["MemorySizeInMB"], given["MaxConcurrency"]) if given else None

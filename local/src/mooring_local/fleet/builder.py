"""From an endpoint configuration to variants whose containers answer. Used by `fleet.py`."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from mooring.errors import ModelError, MooringError, RunnerError
from mooring_local.fleet.instance import Instance, Recipe
from mooring_local.fleet.live import LiveEndpoint
from mooring_local.fleet.logbook import Logbook, endpoint_group
from mooring_local.fleet.phases import Phases
from mooring_local.fleet.variant import MEGABYTE, Variant, read_model, serverless_of, startup_s
from mooring_local.runners.base import STOP_S
from mooring_local.runners.launch import Launcher, StartFailed, told
from mooring_local.wire.call import region_of

NO_PING = (
    "The primary container for production variant {variant} did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)
"""The platform's words, which programs look for. What was seen comes after them."""


class NotBuilt(MooringError):
    """A variant could not be brought up; `message` is for FailureReason."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much of the platform is played."""

    all_instances: bool = False
    """As many processes as InitialInstanceCount says; otherwise one stands for all."""
    most_instances: int = 8
    """Of one variant, also then."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What every container gets, below its model's own variables."""


class Owner(Protocol):
    """Whom variants are built for: an endpoint that lives, or will."""

    @property
    def name(self) -> str: ...

    @property
    def arn(self) -> str: ...


class Builder:
    """Brings variants up."""

    def __init__(self, launcher: Launcher, logbook: Logbook, phases: Phases, options: Options) -> None:
        self._launcher = launcher
        self._logbook = logbook
        self._phases = phases
        self._options = options

    async def build(self, endpoint: Owner, snapshot: Mapping[str, Any], part: str) -> list[Variant]:
        """All of `part`, "ProductionVariants" or "ShadowProductionVariants", or none. Raises NotBuilt."""
        configs = snapshot["config"].get(part) or ()
        variants = []
        for config in configs:
            document = snapshot["models"].get(config.get("ModelName"))
            if config.get("ModelName") and document is None:
                raise NotBuilt(f"Could not find model {config['ModelName']} of variant {config['VariantName']}.")
            model = read_model(document) if document is not None else None
            weight = config.get("InitialVariantWeight", 1.0)
            variants.append(Variant(config["VariantName"], model, serverless_of(config), weight))
        starts = [self.fill(endpoint, one, config) for one, config in zip(variants, configs, strict=True)]
        try:
            await _all(starts)
        except BaseException:
            await asyncio.gather(*(variant.close(1.0) for variant in variants))
            raise
        return variants

    async def fill(self, endpoint: Owner, variant: Variant, config: Mapping[str, Any]) -> None:
        """Start its instances, with the time that the platform takes for them. Raises NotBuilt; then there are none."""
        if variant.model is None:
            await self._phases.take("provision")
            return
        for one in variant.model.parts:
            if (reason := self._launcher.refuses(one.container["Image"])) is not None:
                raise NotBuilt(f"{NO_PING.format(variant=variant.name)} {reason}")
        if variant.serverless is not None:
            await self._phases.take("serverless")
        else:
            await self._phases.take("provision")
            await self._phases.take("pull")
            await self._phases.take("download")
        try:
            await self.scale(endpoint, variant, config, int(config.get("InitialInstanceCount") or 1))
        except StartFailed as error:
            raise NotBuilt(f"{NO_PING.format(variant=variant.name)} {told(error)}") from error
        except (ModelError, RunnerError) as error:
            raise NotBuilt(told(error)) from error

    async def scale(self, endpoint: Owner, variant: Variant, config: Mapping[str, Any], count: int) -> None:
        """Start or end instances until it has `count`, or what stands for as many. Raises as `Instance.open`."""
        wanted = min(count, self._options.most_instances) if self._options.all_instances else min(count, 1)
        model, serverless = variant.model, variant.serverless
        if model is None:
            return
        group = endpoint_group(endpoint.name)
        memory = serverless.memory_mb * MEGABYTE if serverless is not None else None
        recipe = Recipe(
            variant.name, model.parts, self._options.environment, startup_s(config), region_of(endpoint.arn), memory
        )
        new = [
            Instance(self._launcher, recipe, partial(self._logbook.append, group), f"{endpoint.name}-{variant.name}")
            for _ in range(wanted - len(variant.instances))
        ]
        try:
            await _all([instance.open() for instance in new])
        except BaseException:
            await asyncio.gather(*(instance.close(1.0) for instance in new))
            raise
        variant.instances += new
        surplus, variant.instances[wanted:] = variant.instances[wanted:], []
        await asyncio.gather(*(instance.close(STOP_S) for instance in surplus))
        if wanted < count and new:
            hint = "moor local --instances starts more" if not self._options.all_instances else "that is the most"
            new[0].say(f"Notice: {count} instances were asked for; {wanted} stands for them here ({hint}).")

    async def reweigh(self, live: LiveEndpoint, snapshot: Mapping[str, Any], shown: list[dict[str, Any]]) -> None:
        """What Desired… says, in `shown` and in what runs. Raises as `scale`: the count is then as before."""
        configs = {one["VariantName"]: one for one in snapshot["config"]["ProductionVariants"]}
        for one in shown:
            variant = live.variants.get(one["VariantName"])
            if variant is None:
                continue
            variant.weight = one["CurrentWeight"] = one["DesiredWeight"]
            if (limits := one.get("DesiredServerlessConfig")) is not None:
                one["CurrentServerlessConfig"] = limits
                variant.serverless = serverless_of({"ServerlessConfig": limits})
            if variant.serverless is None and (count := one.get("DesiredInstanceCount")) is not None:
                one["DesiredInstanceCount"] = one["CurrentInstanceCount"]
                await self.scale(live, variant, configs[variant.name], count)
                one["DesiredInstanceCount"] = one["CurrentInstanceCount"] = count


async def _all(starts: list[Coroutine[Any, Any, None]]) -> None:
    """Wait for all of them, also if one fails, and raise what the first of those raised; told to stop, stop them."""
    tasks = [asyncio.ensure_future(start) for start in starts]
    try:
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    for outcome in outcomes:
        if outcome is not None:
            raise outcome

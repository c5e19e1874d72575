"""Build running variants from an endpoint configuration."""

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
"""SageMaker's message, which programs match on. Details are appended."""


class NotBuilt(MooringError):
    """A variant could not be started; `message` is for FailureReason."""


@dataclass(frozen=True, slots=True)
class Options:
    """How closely the platform is simulated."""

    all_instances: bool = False
    """Start as many instances as InitialInstanceCount says, rather than one."""
    most_instances: int = 8
    """Maximum instances of one variant with `all_instances`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for every container; the model's own override them."""


class Owner(Protocol):
    """The endpoint that variants are built for."""

    @property
    def name(self) -> str: ...

    @property
    def arn(self) -> str: ...


class Builder:
    """Starts and scales variants."""

    def __init__(self, launcher: Launcher, logbook: Logbook, phases: Phases, options: Options) -> None:
        self._launcher = launcher
        self._logbook = logbook
        self._phases = phases
        self._options = options

    async def build(self, endpoint: Owner, snapshot: Mapping[str, Any], part: str) -> list[Variant]:
        """Start all variants of `part`, "ProductionVariants" or "ShadowProductionVariants". On failure, raises NotBuilt
        and leaves none running."""
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
        """Start the variant's instances, with simulated delays. On failure, raises NotBuilt and leaves none running."""
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
        """Start or stop instances to match `count`, within the limits of `Options`. Raises as `Instance.open`."""
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
            hint = "moor local --instances starts more" if not self._options.all_instances else "the maximum"
            new[0].say(f"Notice: {count} instances requested, {wanted} started ({hint}).")

    async def reweigh(self, live: LiveEndpoint, snapshot: Mapping[str, Any], shown: list[dict[str, Any]]) -> None:
        """Apply the Desired… values to the variants and to `shown`. Raises as `scale`, leaving the count unchanged."""
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
    """Wait for all, even if one fails, then raise the first error. If cancelled, cancel them all."""
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

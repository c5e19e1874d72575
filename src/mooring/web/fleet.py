"""Serve several models with one set of routes: a request names its model, or gets one that offers the route's task.

The models are opened one after the other at the start. A model is named in the JSON key `model`, the query parameter
`model`, or the path (POST /models/{id}).
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from mooring.engine.health import Health
from mooring.errors import InvalidRequest, NotLoaded, echo
from mooring.web.service import ByEngine, Service
from mooring.web.text import unmarked
from mooring.web.wire import Endpoint


class _Named(msgspec.Struct):
    model: str | None = None


class Fleet:
    """The life cycle of several models. Healthy if all are."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        """`services` are by model name; the first one answers requests that fit several."""
        self.services = dict(services)
        self.stopping = threading.Event()
        """As `Service.stopping`, of all models."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts of the first model, and those of every model by name in `models`."""
        first = next(iter(self.services.values())).facts
        every = {name: dict(service.facts) for name, service in self.services.items() if service.facts}
        return {**first, "models": every} if first else {}

    @property
    def may_run_code(self) -> bool:
        """As `Service.may_run_code`, of any model."""
        return any(service.may_run_code for service in self.services.values())

    async def start(self) -> None:
        """Open the models in order. Raises what the first failing one raises, after stopping the others."""
        try:
            for service in self.services.values():
                await service.start()
        except BaseException:
            await self.stop()
            raise

    def health(self) -> Health:
        """As `ModelLife.health`."""
        return self._worst({name: service.health() for name, service in self.services.items()})

    def alive(self) -> Health:
        """As `ModelLife.alive`."""
        return self._worst({name: service.alive() for name, service in self.services.items()})

    async def check(self) -> Health:
        """As `ModelLife.check`."""
        return self._worst({name: await service.check() for name, service in self.services.items()})

    def _worst(self, found: Mapping[str, Health]) -> Health:
        bad = {name: health for name, health in found.items() if not health.ready}
        return Health(not bad, "; ".join(f"{name}: {health.reason}" for name, health in bad.items()))

    def snapshot(self) -> Mapping[str, object]:
        """The numbers of every model by name, their sums, the lowest speed and the longest expected wait."""
        every = {name: service.snapshot() for name, service in self.services.items()}
        total: dict[str, Any] = {}
        for numbers in every.values():
            for key, value in numbers.items():
                if isinstance(value, int) and key != "tokens_per_second":
                    total[key] = total.get(key, 0) + value
        rates = [numbers["tokens_per_second"] for numbers in every.values() if numbers.get("tokens_per_second")]
        phases = [str(numbers.get("phase")) for numbers in every.values()]
        phase = next((one for one in phases if one != "serving"), "serving")
        slowest = {"tokens_per_second": min(rates)} if rates else {}  # type: ignore[type-var]
        waits = [numbers["queue_wait_seconds"] for numbers in every.values() if "queue_wait_seconds" in numbers]
        longest = {"queue_wait_seconds": max(waits)} if waits else {}  # type: ignore[type-var]
        return {"phase": phase, **total, **slowest, **longest, "models": every}

    async def drain(self, timeout_s: float) -> bool:
        """As `ModelLife.drain`, for all models."""
        return all([await service.drain(timeout_s) for service in self.services.values()])

    async def stop(self, timeout_s: float = 5.0) -> bool:
        """As `ModelLife.stop`, for all models."""
        self.stopping.set()
        return all([await service.stop(timeout_s) for service in self.services.values()])

    def choose(self, endpoint: Endpoint, scope: Mapping[str, Any], body: bytes) -> Service:
        """The model for a request. Raises NotLoaded for an unknown name, NotReady while the models load."""
        name = _name_in(scope, body)
        return self._offering(endpoint.tasks) if name is None else self.named(name)

    def named(self, name: str) -> Service:
        """The model of that name. Raises NotLoaded."""
        if name not in self.services:
            raise NotLoaded(
                f"This server has no model {echo(name)}.", hint=f"Set `model` to one of {', '.join(self.services)}."
            )
        return self.services[name]

    def _offering(self, tasks: Sequence[str]) -> Service:
        """The first model that offers one of the tasks; the first of all if none does."""
        every = list(self.services.values())
        for service in every:
            model = service.model
            if not tasks or (isinstance(model, ByEngine) and set(tasks) & set(model.tasks)):
                return service
        return every[0]


def _name_in(scope: Mapping[str, Any], body: bytes) -> str | None:
    given = scope.get("path_params", {})
    for key in ("id", "model"):
        if key in given:
            return str(given[key])
    queried: list[str] | None = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("model")
    if queried:
        return queried[0]
    try:
        named: _Named = msgspec.json.decode(unmarked(body), type=_Named)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _name_in_lines(body, error)
    return named.model or None


def _name_in_lines(body: bytes, error: Exception) -> str | None:
    """The name in the first of several JSON lines; None for any other body, about which the route says what is wrong.

    Raises InvalidRequest for a `model` that is not text.
    """
    if isinstance(error, msgspec.ValidationError) and "$.model" in str(error):
        raise InvalidRequest("it must be text.", pointer="/model", hint="Send the name of a model, or leave it out.")
    first, _, rest = unmarked(body).partition(b"\n")
    if rest.strip() and isinstance(error, msgspec.DecodeError):
        try:
            named: _Named = msgspec.json.decode(first, type=_Named)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return named.model or None
    return None

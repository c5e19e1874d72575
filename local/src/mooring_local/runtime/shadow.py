"""Send copies of some requests to shadow variants, and discard the responses. contract.md §1.14."""

import asyncio

from mooring_local.fleet.live import LiveEndpoint
from mooring_local.runtime.invoke import Patience, invoke
from mooring_local.runtime.limits import Limits
from mooring_local.runtime.models import Models
from mooring_local.runtime.request import Request
from mooring_local.runtime.routing import Route
from mooring_local.wire.faults import Fault


class Shadows:
    """Sends copies in the background."""

    def __init__(self, models: Models, limits: Limits) -> None:
        self._models = models
        self._patience = Patience(limits.invoke_s, limits.answer)
        self._tasks: set[asyncio.Task[None]] = set()

    def copy(self, live: LiveEndpoint, route: Route, request: Request) -> None:
        """Copy a share of requests to each shadow: its weight over the production variant's, at most 1."""
        for shadow in live.shadows:
            shadow.credit += min(1.0, shadow.weight / route.variant.weight) if route.variant.weight else 1.0
            instance = shadow.pick()
            if shadow.credit < 1.0 or instance is None or shadow.model is None:
                continue
            shadow.credit -= 1.0
            hops = list(instance.containers.items())
            task = asyncio.ensure_future(self._ask(Route(live, shadow, instance, hops), request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, route: Route, request: Request) -> None:
        try:
            await invoke(route, request, self._models, self._patience)
        except Fault as fault:
            route.instance.say(f"The shadow variant returned an error: {fault.message}")

    async def stop(self) -> None:
        """Cancel copies in flight."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

"""The endpoints of the local SageMaker. The control plane writes a document and calls a method; the work runs here.

create   Creating → InService | Failed
update   Updating → InService: the old fleet serves until the new one is ready, or stays if that fails (FailureReason)
reweigh  Updating → InService, with the desired weights and counts
delete   Deleting → gone
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import structlog

from mooring.errors import ModelError, RunnerError
from mooring_local.fleet.builder import Builder, NotBuilt, Options
from mooring_local.fleet.components import Components
from mooring_local.fleet.live import LiveEndpoint
from mooring_local.fleet.logbook import Logbook
from mooring_local.fleet.phases import Phases
from mooring_local.fleet.records import REASON_LIMIT, Records, has_taken_over, retain
from mooring_local.fleet.variant import Variant
from mooring_local.runners.launch import Launcher, told
from mooring_local.state import State

Work = Callable[[], Awaitable[None]]
DRAIN_S = 60.0
"""How long the old fleet may finish its requests after an update: the maximum duration of an invocation."""
DRAIN_LOOK_S = 0.05
GOODBYE_S = 30.0
UNKNOWN = "Its configuration was not saved. Delete the endpoint and create it again."
INTERRUPTED = "The local SageMaker stopped during the update. Call UpdateEndpoint again."


class Fleet:
    """All endpoints. Belongs to the event loop of `start`; orders may come from any thread."""

    def __init__(
        self,
        state: State,
        launcher: Launcher,
        logbook: Logbook,
        phases: Phases = Phases(),
        options: Options = Options(),
    ) -> None:
        self._records = Records(state)
        self._launcher = launcher
        self._phases = phases
        self._builder = Builder(launcher, logbook, phases, options)
        self._live: dict[str, LiveEndpoint] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self._components = Components(self._records, self._builder, phases, self.live)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._log = structlog.get_logger("mooring_local.fleet").bind()
        self._stopping = False
        self._changed = asyncio.Event()
        """Set and replaced whenever an order completes."""
        self.on_service: Callable[[LiveEndpoint], None] = lambda _: None
        """Called when an endpoint was created or updated, before its status changes."""

    async def start(self) -> None:
        """Stop what a killed server left running, and restart endpoints that were in service, in the background."""
        self._loop = asyncio.get_running_loop()
        for line in await self._launcher.clean():
            self._log.warning("cleaned up", what=line)
        for document in self._records.endpoints():
            name, status = document["EndpointName"], document["EndpointStatus"]
            if status == "Creating":
                self.create(name)
            elif status == "Deleting":
                self._records.forget(name)
            elif status != "Failed":
                self._records.change(name, EndpointStatus="SystemUpdating")
                self._components.waiting(name)
                self._order(name, partial(self._come_back, name))

    async def stop(self) -> None:
        """Stop all endpoints. Their documents stay, and they restart with the next `start`."""
        self._stopping = True
        for task in self._working:
            if not task.cancelling():  # otherwise it is cleaning up
                task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await asyncio.gather(*self._retiring, *(self._end(live, 0.0) for live in self._live.values()))
        self._live.clear()

    def live(self, name: str) -> LiveEndpoint | None:
        """The endpoint, if it accepts requests now."""
        return self._live.get(name)

    async def up(self, name: str, within_s: float) -> LiveEndpoint | None:
        """The endpoint once it is up; None if that takes too long, or if it was deleted."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, within_s)):
                while name not in self._live and self._records.endpoint(name) is not None:
                    await self._changed.wait()
        return self._live.get(name)

    def create(self, name: str) -> None:
        """Start an endpoint; its document exists, with status Creating."""
        self._order(name, lambda: self._create(name))

    def update(self, name: str, config_name: str, retain_variant_properties: bool = False) -> None:
        """Switch to another configuration; with `retain_variant_properties`, weights and counts stay."""
        self._records.change(name, EndpointStatus="Updating")
        self._order(name, lambda: self._update(name, config_name, retain_variant_properties))

    def reweigh(self, name: str) -> None:
        """Apply the desired weights and counts of the document."""
        self._records.change(name, EndpointStatus="Updating")
        self._order(name, lambda: self._reweigh(name))

    def delete(self, name: str) -> None:
        """Delete the endpoint. It accepts no further requests, whatever its status."""
        self._records.change(name, EndpointStatus="Deleting")
        self._order(name, lambda: self._delete(name))

    def create_component(self, name: str) -> None:
        """Start an inference component; its document exists, with status Creating."""
        self._order(f"component {name}", lambda: self._components.create(name), partial(self._components.failed, name))

    def delete_component(self, name: str) -> None:
        """Stop an inference component, then delete its document."""
        self._order(f"component {name}", lambda: self._components.delete(name), partial(self._components.failed, name))

    def _order(self, name: str, work: Work, failed: Callable[[str], None] | None = None) -> None:
        """Queue work for a name. `failed` handles an internal error; by default the endpoint of that name fails."""
        if self._loop is None or self._stopping:
            return  # the next start carries out what the document says
        self._loop.call_soon_threadsafe(self._begin, name, work, failed or partial(self._broken, name))

    def _begin(self, name: str, work: Work, failed: Callable[[str], None]) -> None:
        task = self._tasks[name] = asyncio.ensure_future(self._work(self._tasks.get(name), work, failed))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        task.add_done_callback(lambda done: self._tasks.pop(name) if self._tasks.get(name) is done else None)

    async def _work(self, before: asyncio.Task[None] | None, work: Work, failed: Callable[[str], None]) -> None:
        if before is not None:
            before.cancel()
            await asyncio.wait([before])
        try:
            await work()
        except Exception as error:  # boundary: nothing awaits this task
            self._log.exception("endpoint operation failed")
            failed(f"Internal error of the local SageMaker (see its log): {type(error).__name__}: {error}")
        finally:
            self._changed.set()
            self._changed = asyncio.Event()

    def _broken(self, name: str, reason: str) -> None:
        never = (self._records.endpoint(name) or {}).get("EndpointStatus") == "Creating"
        self._fell(name, reason, "Failed" if never else "OutOfService")

    def _fell(self, name: str, reason: str, without: str = "OutOfService") -> None:
        """An order failed: an endpoint that serves keeps serving; otherwise its status becomes `without`."""
        self._records.failed(
            name, "InService" if name in self._live else without, reason, ("PendingDeploymentSummary",)
        )

    async def _create(self, name: str) -> None:
        document = self._records.endpoint(name)
        if document is None:
            return
        snapshot = self._records.snapshot(name, document["EndpointConfigName"]) or self._records.kept(name)
        if snapshot is None:
            self._records.failed(name, "Failed", f"Endpoint configuration {document['EndpointConfigName']} not found.")
            return
        self._records.keep(name, snapshot)
        shown = self._records.shown(snapshot, "Creating")
        self._records.change(name, EndpointStatus="Creating", ProductionVariants=shown)
        try:
            live = self._live[name] = await self._raise(document, snapshot)
        except NotBuilt as error:
            self._records.failed(name, "Failed", error.message)
            return
        self.on_service(live)
        self._records.in_service(name, snapshot["config"], self._records.shown(snapshot))

    async def _come_back(self, name: str) -> None:
        document, snapshot = self._records.endpoint(name), self._records.kept(name)
        if document is None or snapshot is None:
            self._records.failed(name, "Failed", UNKNOWN)
            return
        updated = has_taken_over(document, snapshot)
        why = INTERRUPTED if "PendingDeploymentSummary" in document and not updated else ""
        shown = [] if updated else document.get("ProductionVariants")
        shown = shown or self._records.shown(snapshot)
        try:
            live = self._live[name] = await self._raise(document, snapshot)
            await self._builder.reweigh(live, snapshot, shown)
        except (NotBuilt, ModelError, RunnerError) as error:
            why = f"{told(error)} {why}".strip()
        if name not in self._live:
            self._fell(name, why)
            self._components.down(name)
            return
        self._records.in_service(name, snapshot["config"], shown, why)
        self._components_of(name)

    def _components_of(self, name: str) -> None:
        """Restart the inference components of an endpoint that has restarted."""
        self._components.waiting(name)
        for component in self._records.components(name):
            status, called = component["InferenceComponentStatus"], component["InferenceComponentName"]
            if status == "Deleting":
                self.delete_component(called)
            elif status != "Failed":
                self.create_component(called)

    async def _update(self, name: str, config_name: str, retains: bool) -> None:
        document, old = self._records.endpoint(name), self._live.get(name)
        snapshot = self._records.snapshot(name, config_name)
        if document is None or snapshot is None:
            self._fell(name, f"Endpoint configuration {config_name} not found.")
            return
        if retains:
            retain(snapshot["config"], document)
        began, shown = document["LastModifiedTime"], self._records.shown(snapshot, "Creating")
        pending = {"EndpointConfigName": config_name, "ProductionVariants": shown, "StartTime": began}
        self._records.change(name, PendingDeploymentSummary=pending)
        try:
            new = await self._raise(document, snapshot)
        except NotBuilt as error:
            self._fell(name, error.message)
            return
        if old is not None:
            new.components, old.components = old.components, {}
        self._live[name] = new
        self._records.keep(name, snapshot, began)
        if old is not None:
            self._retire(old, DRAIN_S)
        await self._phases.take("shift")
        self.on_service(new)
        self._records.in_service(name, snapshot["config"], self._records.shown(snapshot))
        if old is None:
            self._components_of(name)

    async def _reweigh(self, name: str) -> None:
        document, live, snapshot = self._records.endpoint(name), self._live.get(name), self._records.kept(name)
        if document is None or live is None or snapshot is None:
            self._fell(name, UNKNOWN)
            return
        await self._phases.take("reweigh")
        shown, reason = document["ProductionVariants"], {}
        try:
            await self._builder.reweigh(live, snapshot, shown)
        except (ModelError, RunnerError) as error:
            reason = {"FailureReason": told(error)[:REASON_LIMIT]}
        self._records.change(name, ("FailureReason",), EndpointStatus="InService", ProductionVariants=shown, **reason)

    async def _delete(self, name: str) -> None:
        live = self._live.pop(name, None)
        ending = [self._retire(live, 0.0)] if live is not None else []
        await self._phases.take("delete")
        await asyncio.gather(*map(asyncio.shield, ending))
        self._records.forget(name)

    async def _raise(self, document: Mapping[str, Any], snapshot: Mapping[str, Any]) -> LiveEndpoint:
        live = LiveEndpoint(document["EndpointName"], document["EndpointArn"], snapshot["config"])
        live.take(await self._builder.build(live, snapshot, "ProductionVariants"))
        try:
            live.shadows = await self._builder.build(live, snapshot, "ShadowProductionVariants")
        except BaseException:
            await asyncio.shield(self._retire(live, 0.0))
            raise
        return live

    def _retire(self, live: LiveEndpoint, drain_s: float) -> asyncio.Task[None]:
        """Stop it in the background, uninterrupted; `stop` waits for this."""
        task = asyncio.ensure_future(self._end(live, drain_s))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        return task

    async def _end(self, live: LiveEndpoint, drain_s: float) -> None:
        """Stop it once its requests are answered, or after `drain_s`."""
        variants: list[Variant] = [*live.variants.values(), *live.shadows, *live.components.values()]
        for _ in range(round(drain_s / DRAIN_LOOK_S)):
            if self._stopping or not any(one.in_flight for one in variants):
                break
            await asyncio.sleep(DRAIN_LOOK_S)
        await asyncio.gather(*(one.close(GOODBYE_S) for one in variants))

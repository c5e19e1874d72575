"""Process 1: runs nginx and the workers behind it, from startup to graceful shutdown.

Startup: the front listens, nginx starts (/ping fails), the first worker loads; its memory use decides how many more
are started. Shutdown after SIGTERM: /ping fails, requests are still accepted for a while, nginx finishes those in
flight, the workers end. Processes that die are restarted. A worker that can never start ends the service with its exit
code, but only until the service has been ready once: after that it is retried, and the other workers keep serving.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from starlette.types import ASGIApp

from mooring.container import privileges
from mooring.container.background import collect_orphans, persist
from mooring.container.board import Board
from mooring.container.child import Slot
from mooring.container.crew import KILLED_S, Crew
from mooring.container.folders import Folders
from mooring.container.front import MOST_DEATHS, Front, create_front
from mooring.container.front_server import FrontServer
from mooring.container.layout import model_folder, topology_for, user_code
from mooring.container.metrics import FrontMetrics, WorkerMetrics
from mooring.container.models import ModelsFront
from mooring.container.nginx_conf import Place, render
from mooring.container.nginx_gate import find_lua
from mooring.container.nginx_watch import NginxWatch
from mooring.container.proxy import Line, Nginx, Tries
from mooring.container.registry import LoadedModels
from mooring.container.topology import Topology, affordable
from mooring.errors import BackendError
from mooring.observe.machine import this_machine
from mooring.observe.memory import proportional_bytes
from mooring.observe.metrics import Metrics
from mooring.observe.pulse import read_id
from mooring.settings import Settings
from mooring.web.callers import allowed_hosts
from mooring.web.listen import Address, allow_many_connections, listen, open_files

Ready = Callable[[Mapping[str, Any], str], None]
"""Called once with the facts of `/info` and the address, when /ping first returns 200."""

Work = Callable[[], Coroutine[Any, Any, None]]

INTERRUPTED = 130
FRONT_S = 5.0
"""How long nginx waits for the front at the start."""


def supervise(settings: Settings, program: str, *, ready: Ready) -> tuple[int, str]:
    """Serve behind the nginx `program` until told to stop; returns the exit code, and the reason if it gave up.

    0 if all in-flight requests were answered, 1 if not or if nginx cannot start, 2 or 3 if no worker can ever start,
    130 after a second Ctrl-C. Raises ListenError or UsageError if it cannot listen on the address.
    """
    allow_many_connections()  # nginx inherits this
    address = Address(settings.host, _free_port(settings))
    with tempfile.TemporaryDirectory(prefix="mooring-") as folder:
        supervisor = Supervisor(settings, program, Folders(Path(folder)), address, ready)
        return asyncio.run(supervisor.run()), supervisor.gave_up


def _free_port(settings: Settings) -> int:
    """The port, tried first: nginx would report a port in use later, and less clearly."""
    bound = listen(Address(settings.host, settings.port))
    port: int = bound[0].getsockname()[1]
    for one in bound:
        one.close()
    return port


class Supervisor:
    """One run of the service."""

    def __init__(self, settings: Settings, program: str, folders: Folders, address: Address, ready: Ready) -> None:
        self._settings = settings
        self._folders = folders
        self._address = address
        self._ready = ready
        self._machine = this_machine()
        self._user = privileges.plain_user(model_folder(settings))
        self._board = Board()
        self._models = LoadedModels() if settings.multi_model else None
        code = user_code(settings)
        self._retry = code is None or self._settings.retry_user_code
        self._topology = self._adopt(topology_for(settings, self._machine, code))
        self._metrics = FrontMetrics(WorkerMetrics(folders.metrics, self._board.slots))
        self._lua = find_lua(program)
        self._nginx = Nginx(program, folders, self._user, self._on_line)
        self._crew = Crew(settings, folders, self._user, self._board, self._metrics)
        self._crew.models = self._models
        self._stop = asyncio.Event()
        self._signals = 0
        self._main: asyncio.Task[int] | None = None
        self._log = structlog.get_logger("mooring.container").bind()

    @property
    def gave_up(self) -> str:
        """Why the service gave up; empty if it did not."""
        return self._board.fatal

    async def run(self) -> int:
        """Run the service and return the exit code."""
        self._main = asyncio.current_task()
        self._prepare()
        await self._check()
        front = FrontServer(self._front(), self._folders.front, lambda: self._folders.make(self._user))
        watch = NginxWatch(lambda: self._nginx.pids, self._folders.nginx, lambda: self._nginx.listens)
        orphans = partial(collect_orphans, self._children)
        works: tuple[Work, ...] = (front.keep, self._crew.look_after, watch.keep, orphans)
        background: list[asyncio.Task[Any]] = [asyncio.ensure_future(persist(work)) for work in works]
        try:
            # Until the front listens, nginx could only answer /ping with its own 502.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(front.listening.wait(), FRONT_S)
            proxy = asyncio.ensure_future(self._nginx.keep(lambda: self._board.was_ready))
            background.append(proxy)
            status = await self._serve(proxy)
        except asyncio.CancelledError:
            status = INTERRUPTED
            self._crew.kill()
            await self._nginx.finish(0)
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
        return status

    def _prepare(self) -> None:
        privileges.adopt_orphans()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told, number)
        self._configure()
        for worker in self._topology.workers:
            self._folders.hold(worker.slot)

    async def _check(self) -> None:
        """Check nginx's configuration, without Lua if its module does not work. Raises BackendError."""
        try:
            await self._nginx.check()
        except BackendError:
            if not self._lua:
                raise
            self._lua = ()
            self._configure()
            await self._nginx.check()
        if not self._lua:
            self._log.warning(
                "nginx has no Lua module: slow clients are dropped later, and many of them can keep large requests out",
                hint="Install it; on Debian: apt-get install libnginx-mod-http-lua",
            )

    def _configure(self) -> None:
        place = Place(self._nginx.log_path, self._user, self._address, open_files(), self._lua)
        text = render(self._settings, self._topology, self._folders, place)
        self._nginx.configure(text)

    def _front(self) -> ASGIApp:
        settings, socket_of = self._settings, self._folders.socket
        ways = {"always_200": settings.ping_always_200, "retry": self._retry}
        front = Front(self._board, self._metrics, socket_of, deadline_s=settings.deadline_s, **ways)
        models = ModelsFront(self._models, socket_of).routes if self._models is not None else []
        hosts = allowed_hosts(settings.allowed_host, settings.host)
        return create_front(front, Metrics(), models, hosts)

    async def _serve(self, proxy: "asyncio.Task[int]") -> int:
        """Until told to stop, or until a worker or nginx (`proxy`) can never start."""
        stopping = asyncio.ensure_future(self._stop.wait())
        staffing: asyncio.Task[None] | None = asyncio.ensure_future(self._staff())
        try:
            while True:
                waited_for = {stopping, proxy, *self._crew.tasks.values(), *([staffing] if staffing else [])}
                # With a timeout: staffing may have opened slots meanwhile, which must be waited for too.
                done, _ = await asyncio.wait(waited_for, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                if stopping in done:
                    return await self._drain()
                if staffing in done and staffing is not None:
                    staffing.result()
                    staffing = None
                if proxy in done:
                    reason = f"nginx cannot start (exit code {proxy.result()}). See its error in the log above."
                    return await self._give_up(1, reason)
                for number, task in self._crew.tasks.items():
                    if task in done:
                        return await self._give_up(task.result(), self._board.slots[number].reason)
        finally:
            stopping.cancel()
            if staffing is not None:
                staffing.cancel()

    async def _staff(self) -> None:
        """Start the first worker, and when it is ready as many others as fit into memory."""
        first, *others = self._topology.workers
        slot = self._crew.employ(first)
        await _until_ready(slot)
        used = sum(proportional_bytes(pid) or 0 for pid in {os.getpid(), *self._crew.pids})
        each = proportional_bytes(slot.pid) or 0
        count = affordable(len(others), limit=self._machine.memory, used=used, each=each)
        if count < len(others):
            self._make_do_with(count, each)
        slots = [slot, *(self._crew.employ(worker) for worker in others[:count])]
        for one in slots[: self._board.needed]:
            await _until_ready(one)
        while not self._nginx.listens:  # noqa: ASYNC110 - nginx does not notify us
            await asyncio.sleep(0.01)
        self._board.was_ready = True
        facts = {**slot.facts, "topology": self._board.topology}
        self._ready(facts, self._address.url(self._address.port))

    def _make_do_with(self, others: int, each: int) -> None:
        """Reduce the topology to `others` workers beside the first, for lack of memory."""
        before = self._topology
        self._log.warning(
            "fewer workers: there is not enough memory",
            left_out=len(before.workers) - 1 - others,
            each_mb=round(each / 1e6),
            limit_mb=round((self._machine.memory or 0) / 1e6),
        )
        standby = before.standby if others else None
        reason = f"{before.reason}; limited by memory"
        self._topology = self._adopt(Topology(before.active[: 1 + others], standby, reason))
        self._configure()
        self._nginx.reload()

    def _adopt(self, topology: Topology) -> Topology:
        if self._models is not None:
            self._models.workers = len(topology.active)
        self._board.needed = len(topology.active)
        self._board.standby = topology.standby.slot if topology.standby else None
        self._board.topology = {
            "front": "nginx",
            "active": len(topology.active),
            "standby": int(topology.standby is not None),
            "threads": topology.active[0].threads,
            "reason": topology.reason,
            "cpus": self._machine.cpus,
            "memory_limit_bytes": self._machine.memory,
            "user": self._user,
        }
        return topology

    async def _give_up(self, status: int, reason: str) -> int:
        """Shut down because nothing can be served, now or after a restart."""
        self._board.fatal = reason
        self._log.error("giving up", exit_code=status)
        await self._crew.end()
        await self._nginx.finish(KILLED_S)
        return status

    async def _drain(self) -> int:
        self._board.draining = True
        self._log.info("stopping", still_accepting_s=self._settings.drain_delay_s)
        await asyncio.sleep(self._settings.drain_delay_s)
        finished = await self._nginx.finish(self._settings.drain_s)
        ended = await self._crew.end()
        if not finished:
            self._log.warning("stopped before all requests were answered", waited_s=self._settings.drain_s)
        return 0 if finished and ended else 1

    def _told(self, number: int) -> None:
        """Stop gracefully on a signal, and at once on a second SIGINT."""
        self._signals += 1
        self._stop.set()
        if self._signals > 1 and number == signal.SIGINT and self._main is not None:
            self._main.cancel()

    def _on_line(self, line: Line) -> None:
        """Count and log a request that nginx has finished, as its client saw it."""
        route, status = str(line["route"]), int(line["status"])
        self._metrics.request(route, status)
        more: dict[str, Any] = {"windows": int(line["windows"])} if str(line["windows"]).isdigit() else {}
        log = self._log.info
        tries = Tries.read(str(line["tried"]))
        if tries.took > 1:
            deaths = self._board.suspects.deaths(read_id(str(line["id"]).encode()))
            poison = status == 502 and deaths >= MOST_DEATHS
            self._metrics.retried(poison=poison)
            more["poison" if poison else "retried"] = True
            log = self._log.error if poison else log
        ms = round(1000 * float(line["seconds"]), 1)
        log("request", method=line["method"], route=route, status=status, ms=ms, request_id=line["request_id"], **more)

    def _children(self) -> set[int]:
        return self._crew.pids | self._nginx.pids


async def _until_ready(slot: Slot) -> None:
    while not slot.ready:
        slot.changed.clear()
        await slot.changed.wait()

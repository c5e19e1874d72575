"""Process 1: nginx and the workers behind it, from the first start to the last answer. Called by `moor serve`.

front listens → nginx starts, /ping red → the first worker loads → ready: its memory says how many more there can be →
the others → until SIGTERM: /ping red, still accepting for a while → nginx finishes what is in flight → workers end.
Whatever dies meanwhile is started again; what can never start ends the whole with its exit code.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from mooring.container import orphans, privileges
from mooring.container.child import Slot
from mooring.container.crew import KILLED_S, Crew, Folders
from mooring.container.front import Board, Front, create_front
from mooring.container.metrics import FrontMetrics, WorkerMetrics
from mooring.container.models import ModelsFront
from mooring.container.nginx_conf import Place, render
from mooring.container.proxy import Line, Nginx, Tries
from mooring.container.registry import LoadedModels
from mooring.container.topology import Topology, affordable, plan
from mooring.errors import UsageError
from mooring.handler.find import Places, UserCode, locate, read_code
from mooring.model.archive import locate as locate_model
from mooring.observe.machine import Machine, this_machine
from mooring.observe.memory import proportional_bytes
from mooring.observe.metrics import Metrics
from mooring.settings import Settings
from mooring.settings.places import expanded
from mooring.web.listen import Address, listen

Ready = Callable[[Mapping[str, Any], str], None]
"""Called once with the facts of `/info` and the address, when the first /ping is green."""

INTERRUPTED = 130


def supervise(settings: Settings, program: str, *, ready: Ready) -> int:
    """Serve behind the nginx `program` until told to stop; the exit code.

    0 when everything in flight was answered, 1 when it was not, 2 or 3 when no worker can ever start, 130 after a
    second Ctrl-C. Raises ListenError or UsageError if the address cannot be had.
    """
    address = Address(settings.host, _free_port(settings))
    with tempfile.TemporaryDirectory(prefix="mooring-") as folder:
        return asyncio.run(Supervisor(settings, program, Folders(Path(folder)), address, ready).run())


def _free_port(settings: Settings) -> int:
    """The port, tried: nginx would only say afterwards, and less clearly, that it is taken."""
    bound = listen(Address(settings.host, settings.port))
    port: int = bound[0].getsockname()[1]
    for one in bound:
        one.close()
    return port


class Supervisor:
    """One life of it all."""

    def __init__(self, settings: Settings, program: str, folders: Folders, address: Address, ready: Ready) -> None:
        self._settings = settings
        self._folders = folders
        self._address = address
        self._ready = ready
        self._machine = this_machine()
        self._user = privileges.plain_user(_model_folder(settings))
        self._board = Board()
        self._models = LoadedModels() if settings.multi_model else None
        self._code = _user_code(settings)
        self._retry = self._code is None or self._settings.retry_user_code
        self._topology = self._adopt(_topology(settings, self._machine, self._code))
        self._metrics = FrontMetrics(WorkerMetrics(folders.metrics, self._board.slots))
        self._nginx = Nginx(program, folders.run, self._on_line)
        self._crew = Crew(settings, folders, self._user, self._board.slots, self._metrics)
        self._crew.models = self._models
        self._stop = asyncio.Event()
        self._signals = 0
        self._main: asyncio.Task[int] | None = None
        self._log = structlog.get_logger("mooring.container").bind()

    async def run(self) -> int:
        """From the first start to the exit code."""
        self._main = asyncio.current_task()
        self._prepare()
        await self._nginx.check()
        front = self._front_server()
        serving = asyncio.ensure_future(front.serve())
        background = [
            asyncio.ensure_future(work)
            for work in (self._nginx.keep(), self._crew.look_after(), orphans.bury(self._children))
        ]
        try:
            status = await self._serve()
        except asyncio.CancelledError:
            status = INTERRUPTED
            self._crew.kill()
            await self._nginx.finish(0)
        finally:
            for task in background:
                task.cancel()
            front.should_exit = True
            await asyncio.gather(serving, *background, return_exceptions=True)
        return status

    def _prepare(self) -> None:
        privileges.adopt_orphans()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told, number)
        run = self._folders.run
        run.chmod(0o755)
        for name in ("metrics", "sockets", "body", "proxy", "cache", "packages"):
            (run / name).mkdir()
            privileges.give(run / name, self._user)
        self._configure()

    def _configure(self) -> None:
        place = Place(self._nginx.log_path, self._user, self._address)
        text = render(self._settings, self._topology, self._folders, place, retry=self._retry)
        self._nginx.configuration.write_text(text, encoding="utf-8")

    def _front_server(self) -> uvicorn.Server:
        always_200 = self._settings.ping_always_200
        socket_of = self._folders.socket
        front = Front(self._board, self._metrics, socket_of, always_200=always_200, retry=self._retry)
        models = ModelsFront(self._models, self._folders.socket).routes if self._models is not None else []
        app = create_front(front, Metrics(), models)
        path = str(self._folders.front)
        server = uvicorn.Server(
            uvicorn.Config(
                app, uds=path, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False
            )
        )
        # Signals are taken by `_prepare`.
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        return server

    async def _serve(self) -> int:
        """Until told to stop, or until a worker can never start."""
        stopping = asyncio.ensure_future(self._stop.wait())
        staffing: asyncio.Task[None] | None = asyncio.ensure_future(self._staff())
        try:
            while True:
                waited_for = {stopping, *self._crew.tasks.values(), *([staffing] if staffing else [])}
                # Not for ever: staffing may meanwhile have opened slots that are to be waited for, too.
                done, _ = await asyncio.wait(waited_for, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                if stopping in done:
                    return await self._drain()
                if staffing in done and staffing is not None:
                    staffing.result()
                    staffing = None
                for number, task in self._crew.tasks.items():
                    if task in done:
                        return await self._give_up(number, task.result())
        finally:
            stopping.cancel()
            if staffing is not None:
                staffing.cancel()

    async def _staff(self) -> None:
        """The first worker, and when it is there those that fit beside it."""
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
        self._board.was_ready = True
        facts = {**slot.facts, "topology": self._board.topology}
        self._ready(facts, self._address.url(self._address.port))

    def _make_do_with(self, others: int, each: int) -> None:
        """So many beside the first: fewer than there are cores for."""
        before = self._topology
        self._log.warning(
            "fewer workers: there is not enough memory",
            left_out=len(before.workers) - 1 - others,
            each_mb=round(each / 1e6),
            limit_mb=round((self._machine.memory or 0) / 1e6),
        )
        standby = before.standby if others else None
        reason = f"{before.reason}; memory allows no more"
        self._topology = self._adopt(Topology(before.active[: 1 + others], standby, reason))
        self._configure()
        self._nginx.reload()

    def _adopt(self, topology: Topology) -> Topology:
        if self._models is not None:
            self._models.workers = len(topology.active)
        self._board.needed = len(topology.active)
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

    async def _give_up(self, number: int, status: int) -> int:
        """A worker cannot start for a reason that will not go away: it has said why on stderr."""
        self._board.fatal = self._board.slots[number].reason
        self._log.error("giving up", worker=number, exit_code=status)
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
            self._log.warning("stopped before everything was answered", waited_s=self._settings.drain_s)
        return 0 if finished and ended else 1

    def _told(self, number: int) -> None:
        """A signal: stop; a second SIGINT: at once."""
        self._signals += 1
        self._stop.set()
        if self._signals > 1 and number == signal.SIGINT and self._main is not None:
            self._main.cancel()

    def _on_line(self, line: Line) -> None:
        """nginx is done with a request: count and log it as its client saw it."""
        route, status = str(line["route"]), int(line["status"])
        self._metrics.request(route, status)
        more: dict[str, Any] = {"windows": int(line["windows"])} if str(line["windows"]).isdigit() else {}
        log = self._log.info
        tries = Tries.read(str(line["tried"]))
        if tries.tried > 1:
            poison = tries.poison and status == 502
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


def _user_code(settings: Settings) -> UserCode | None:
    """The model's own code as far as it can be seen from here.

    Raises HandlerError if it cannot be told which file is meant, or it is not Python.
    """
    if not settings.run_code or settings.multi_model:
        return None
    folder = _model_folder(settings)
    model = folder if folder is not None and folder.is_dir() else None
    found = locate_model(model).folder if model is not None else None
    located = locate(Places(found, model, settings.base_dir, settings.submit_dir), settings.program)
    if located.problem is not None:
        raise located.problem
    return None if located.path is None else read_code(located.path)


def _topology(settings: Settings, machine: Machine, code: UserCode | None) -> Topology:
    """Code that predicts by itself answers one call at a time: more processes are more calls, and none is spare."""
    if settings.multi_model:
        # A standby would hold every model a second time.
        return plan(machine, workers=settings.workers, threads=settings.threads, standby=False)
    if code is None or not code.own:
        return plan(machine, workers=settings.workers, threads=settings.threads, standby=settings.standby)
    count = settings.workers or machine.threads
    found = plan(machine, workers=count, threads=settings.threads, standby=False)
    reason = found.reason if settings.workers else f"{code.path.name} answers one call at a time: one a core"
    return Topology(found.active, None, reason)


def _model_folder(settings: Settings) -> Path | None:
    """The folder that workers have to be able to read, if it is one."""
    if settings.model is not None:
        with contextlib.suppress(UsageError):  # no such home: the worker says so
            path = expanded(settings.model, "The model")
            return path if path.exists() else None
        return None
    return settings.base_dir / "model" if settings.base_dir is not None else None

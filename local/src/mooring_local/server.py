"""The local SageMaker as one server. Used by `moor local`, tests and notebooks.

    with LocalSageMaker(Options(Path("data"), port=0)) as url:
        client = boto3.client("sagemaker", endpoint_url=url)

The only place that constructs the parts. The data folder contains:

    state.sqlite  what was created      s3/    objects as files      logs/  logs of endpoints and jobs
    run/          model folders of running containers                notifications/  messages for SNS
    async/        bodies of queued requests                          lock   held while a server uses the folder
"""

import asyncio
import contextlib
import ipaddress
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from mooring.errors import ListenError, UsageError
from mooring.web.listen import Address
from mooring.web.server import ServerOptions, serve
from mooring_local.app import Doors, LocalApp
from mooring_local.arguments import identity
from mooring_local.batch.job import Jobs
from mooring_local.batch.run import Bench
from mooring_local.control.parts import Parts
from mooring_local.control.service import control_plane
from mooring_local.fleet.builder import Options as FleetOptions
from mooring_local.fleet.fleet import Fleet
from mooring_local.fleet.logbook import Logbook
from mooring_local.fleet.phases import DEFAULT_SCALE, Phases
from mooring_local.identity import sts
from mooring_local.identity.autoscaling import Scaling
from mooring_local.identity.ecr import Repositories
from mooring_local.identity.iam import Roles
from mooring_local.identity.logs_api import Logs
from mooring_local.lock import FolderLock, unusable
from mooring_local.objects.api import S3
from mooring_local.objects.store import ObjectStore
from mooring_local.page.routes import routes
from mooring_local.page.view import Sources
from mooring_local.runners.base import Runner
from mooring_local.runners.container import ContainerRunner
from mooring_local.runners.launch import Launcher
from mooring_local.runners.process import ProcessRunner
from mooring_local.runtime.app import Runtime
from mooring_local.state import State
from mooring_local.surroundings import Whereabouts
from mooring_local.wire.service import Service
from mooring_local.wire.service_model import service_model

DEFAULT_PORT = 4567
STARTUP_S = 60.0

THREADS = 32
"""Threads for file I/O."""
FOLDERS = ("logs", "run", "processes", "notifications", "async")
ENGINES: Mapping[str, Callable[[Path], Runner]] = {
    "none": lambda folder: ProcessRunner(folder),
    "docker": lambda folder: ContainerRunner(folder),
}
"""Runners by the value of --engine."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the server."""

    data: Path
    """Created if it is missing."""
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0 picks a free port."""
    time_scale: float = DEFAULT_SCALE
    """Fraction of SageMaker's real delays to simulate."""
    engine: str = "none"
    """One of `ENGINES`."""
    all_instances: bool = False
    """Start as many instances as InitialInstanceCount says, rather than one."""
    exposed: bool = False
    """Allow an address that other machines can reach. Anyone who reaches the server can run code here."""


class LocalSageMaker:
    """One server. `run` serves in the calling thread; `start` and `stop` use a thread of their own."""

    def __init__(self, options: Options) -> None:
        """Raise UsageError for an address that other machines can reach, unless `exposed` is set."""
        if not options.exposed and not is_loopback(options.host):
            raise UsageError(
                f"Other machines can reach --host {options.host}, and anyone who reaches a local SageMaker can run "
                "code on this machine.",
                hint="Use 127.0.0.1, or add --expose to allow this.",
            )
        self._options = options
        self._address = Address(options.host, options.port)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()
        self._given_up = False
        self._failed: BaseException | None = None
        self.url = ""
        """Set once the server is ready."""

    def run(self, ready: Callable[[str], None] = lambda _: None) -> None:
        """Serve until a signal or `stop`. Calls `ready` with the address. Raises startup errors."""
        options, self._told = self._options, asyncio.Event()
        with FolderLock(options.data) as lock:
            try:
                life = Life(options)
            except OSError as error:
                raise unusable(options.data, error) from error

            def on_ready(port: int) -> None:
                self.url = self._address.url(port)
                life.whereabouts.tell(self.url)
                self._loop = asyncio.get_running_loop()
                if self._given_up:
                    self._told.set()
                lock.note(self.url)
                ready(self.url)

            try:
                serve(life.app, life, ServerOptions(self._address), on_ready=on_ready, stop=self._told)
            finally:
                self._loop = None
                life.close()

    def start(self) -> str:
        """Serve in a background thread and return the address when ready. Raises startup errors.

        Does nothing if the server already runs.
        """
        if self._thread is not None:
            return self.url
        there, self._given_up = threading.Event(), False

        def work() -> None:
            try:
                self.run(lambda _: there.set())
            except BaseException as error:  # thread boundary: `start` raises it
                self._failed = error
            finally:
                there.set()

        self._thread = threading.Thread(target=work, name="local-sagemaker", daemon=True)
        self._thread.start()
        in_time = there.wait(STARTUP_S)
        if self._failed is not None:
            self.stop()
        if not in_time:
            self._given_up, self._thread = True, None  # if it becomes ready later, it stops
            raise ListenError(
                f"The local SageMaker was not ready within {STARTUP_S:g} s.",
                hint="Check its log, then try again or choose another data folder.",
            )
        return self.url

    def stop(self) -> None:
        """Stop the server and everything it runs. Thread-safe; may be called again.

        Raises the error that stopped the server, if there was one.
        """
        if (loop := self._loop) is not None:
            with contextlib.suppress(RuntimeError):  # its event loop has just closed
                loop.call_soon_threadsafe(self._told.set)
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class Life:
    """All parts of one run."""

    def __init__(self, options: Options) -> None:
        data = options.data
        for name in FOLDERS:  # fail now rather than on first use
            (data / name).mkdir(exist_ok=True)
        self.objects = ObjectStore(data / "s3")
        self.state = State(data / "state.sqlite")
        self.logbook = Logbook(data / "logs")
        runner = ENGINES[options.engine](data / "processes")
        self.whereabouts = Whereabouts(reached=options.engine == "none")
        launcher = Launcher(runner, self.objects, data / "run", around=self.whereabouts)
        phases = Phases(options.time_scale)
        self.fleet = Fleet(self.state, launcher, self.logbook, phases, FleetOptions(options.all_instances))
        self.jobs = Jobs(Bench(self.state, self.objects, launcher, self.logbook), phases)
        self.services = services(Parts(self.state, self.objects, self.fleet, self.jobs), self.logbook)
        self.runtime = Runtime(self.fleet, self.state, self.objects, data)
        page = routes(Sources(self.state, self.objects, self.logbook, data))
        doors = Doors(runtime=self.runtime, objects=S3(self.objects).asgi, page=page)
        hosts = None if options.exposed else frozenset({"localhost", "127.0.0.1", "::1", options.host})
        self.app = LocalApp(self.services, doors, hosts)

    async def start(self) -> None:
        """Stop what a killed server left running, and restart endpoints that were in service."""
        # Unpacking models for minutes must not block S3's file I/O.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "local-sagemaker"))
        await self.fleet.start()
        await self.runtime.start()
        self.jobs.recover()

    async def drain(self, timeout_s: float) -> bool:  # noqa: ARG002 - endpoints finish their requests when they stop
        """Return at once: stopping a local SageMaker should be quick."""
        return True

    async def stop(self, timeout_s: float = 5.0) -> None:  # noqa: ARG002
        """Stop everything that runs."""
        await self.jobs.close()
        await self.runtime.stop()
        await self.fleet.stop()

    def snapshot(self) -> Mapping[str, object]:
        """Values for the log."""
        return {"in_flight": self.app.in_flight}

    def close(self) -> None:
        """Call after the last request."""
        self.state.close()


def services(parts: Parts, logbook: Logbook) -> dict[str, Service]:
    """The JSON and Query services by botocore's names."""
    tables = {
        "ecr": (Repositories(parts.state).handlers(), identity.ECR),
        "application-autoscaling": (Scaling(parts.state).handlers(), identity.AUTOSCALING),
        "sts": (sts.handlers(), identity.STS),
        "iam": (Roles(parts.state).handlers(), identity.IAM),
    }
    return {
        "sagemaker": control_plane(parts),
        "logs": Service(service_model("logs"), Logs(logbook).handlers(), identity.LOGS, reads_much=True),
        **{name: Service(service_model(name), *table) for name, table in tables.items()},
    }


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""A fleet and a runtime over fake containers, in a test's own event loop: what the control plane would do, by hand."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import uvicorn
from botocore.config import Config

from local.tests.support.fake_container import FakeRunner
from mooring_local.fleet.builder import Options
from mooring_local.fleet.fleet import Fleet
from mooring_local.fleet.live import LiveEndpoint
from mooring_local.fleet.logbook import Logbook, endpoint_group
from mooring_local.fleet.phases import Phases
from mooring_local.objects.store import ObjectStore
from mooring_local.runners.base import Runner
from mooring_local.runners.launch import Launcher, Pulse
from mooring_local.runtime.app import Runtime
from mooring_local.runtime.limits import Limits
from mooring_local.state import State
from tests.support.asgi import Client, Reply

FAST = Pulse(every_s=0.01, timeout_s=5.0, start_every_s=0.002)
"""For tests of pings."""
QUIET = Pulse(every_s=60.0, timeout_s=2.0, start_every_s=0.002)
"""For all others: no ping comes in between."""
ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
PATIENCE_S = 30.0
Result = TypeVar("Result")


@dataclass
class Harbour:
    """The parts, on a folder."""

    folder: Path
    runner: Any = field(default_factory=FakeRunner)
    options: Options = field(default_factory=Options)
    limits: Limits = field(default_factory=Limits)
    pulse: Pulse = QUIET
    patience_s: float = PATIENCE_S
    """With an endpoint's change of status; real containers take longer."""

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.state = State(self.folder / "state.sqlite")
        self.store = ObjectStore(self.folder / "s3")
        self.logbook = Logbook(self.folder / "logs")
        runner: Runner = self.runner
        launcher = Launcher(runner, self.store, self.folder / "run", self.pulse)
        self.fleet = Fleet(self.state, launcher, self.logbook, Phases(0), self.options)
        self.runtime = Runtime(self.fleet, self.state, self.store, self.folder, self.limits)

    def model(self, name: str = "m", **container: Any) -> None:
        """With one container, or `Containers=[…]`."""
        if "Containers" not in container:
            container = {"PrimaryContainer": {"Image": "mooring", **container}}
        self.state.put("model", name, {"ModelName": name, **container})

    def config(self, name: str, *variants: Mapping[str, Any], **more: Any) -> None:
        """Each variant as {"VariantName": …, "ModelName": …} and what else it has."""
        document = {"EndpointConfigName": name, "ProductionVariants": list(variants), **more}
        self.state.put("endpoint-config", name, document)

    async def up(self, name: str = "e", config: str = "c") -> dict[str, Any]:
        """Create the endpoint; its document when it is no longer Creating."""
        document = {"EndpointName": name, "EndpointArn": f"{ARN}:endpoint/{name}", "EndpointConfigName": config}
        stamps = {"EndpointStatus": "Creating", "CreationTime": 1.0, "LastModifiedTime": 1.0}
        self.state.put("endpoint", name, {**document, **stamps})
        self.fleet.create(name)
        return await self.settled(name)

    async def settled(self, name: str = "e") -> dict[str, Any]:
        """The document when nothing is in progress any more; {} if it is gone."""
        busy = ("Creating", "Updating", "SystemUpdating", "Deleting")
        await until(lambda: self.document(name).get("EndpointStatus") not in busy, self.patience_s)
        return self.document(name)

    def document(self, name: str = "e") -> dict[str, Any]:
        """What DescribeEndpoint would say; {} if there is none."""
        return self.state.get("endpoint", name) or {}

    async def one(self, **container: Any) -> dict[str, Any]:
        """An endpoint `e` with one variant of one model."""
        self.model(**container)
        self.config("c", VARIANT)
        return await self.up()

    def live(self, name: str = "e") -> LiveEndpoint:
        """It has to be."""
        found = self.fleet.live(name)
        assert found is not None
        return found

    async def ask(self, path: str = "/endpoints/e/invocations", body: bytes = b"{}", /, **headers: str) -> Reply:
        """POST; underscores in header names are hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await Client(self.runtime).call("POST", path, (body,), given)

    def log(self, name: str = "e") -> list[str]:
        """All lines of the endpoint."""
        group = endpoint_group(name)
        return [
            event.message for stream in self.logbook.streams(group) for event in self.logbook.events(group, stream.name)
        ]


VARIANT = {"VariantName": "AllTraffic", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}


@asynccontextmanager
async def harbour(folder: Path, **parts: Any) -> AsyncIterator[Harbour]:
    """Started; stopped in the end, with nothing left running."""
    one = Harbour(folder, **parts)
    await one.fleet.start()
    await one.runtime.start()
    try:
        yield one
    finally:
        await one.runtime.stop()
        await one.fleet.stop()
        one.state.close()
    if isinstance(one.runner, FakeRunner):
        assert one.runner.living == []


async def until(true: Any, patience_s: float = PATIENCE_S) -> None:
    """Wait for something to be so."""
    end = time.monotonic() + patience_s
    while not true() and time.monotonic() < end:  # noqa: ASYNC110 - there is no event for everything
        await asyncio.sleep(0.001)
    assert true()


@dataclass
class Served:
    """A harbour at a real port, in a thread."""

    url: str
    harbour: Harbour
    _loop: asyncio.AbstractEventLoop

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        """In the harbour's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def client(self) -> Any:
        """boto3's, of the runtime; it asks once."""
        session = boto3.Session("any", "thing", region_name="eu-west-1")
        once = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        return session.client("sagemaker-runtime", endpoint_url=self.url, config=once)


@contextmanager
def served(folder: Path, **parts: Any) -> Iterator[Served]:
    """For boto3, which has no other way in."""
    there: Future[Served] = Future()
    over = threading.Event()

    async def work() -> None:
        async with harbour(folder, **parts) as one:
            config = uvicorn.Config(one.runtime, interface="asgi3", lifespan="off", log_level="warning")
            server = uvicorn.Server(config)
            with socket.socket() as listening:
                listening.bind(("127.0.0.1", 0))
                serving = asyncio.ensure_future(server.serve([listening]))
                url = f"http://127.0.0.1:{listening.getsockname()[1]}"
                there.set_result(Served(url, one, asyncio.get_running_loop()))
                await asyncio.to_thread(over.wait)
                server.should_exit = True
                await serving

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        yield there.result(10)
    finally:
        over.set()
        thread.join()

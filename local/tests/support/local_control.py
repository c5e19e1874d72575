"""The local SageMaker on a real port, with a fleet and jobs that do nothing: a test moves the documents."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from starlette.types import Receive, Scope, Send

from mooring.web.listen import Address
from mooring.web.server import ServerOptions, serve
from mooring_local.app import Doors, LocalApp
from mooring_local.control.parts import Parts
from mooring_local.fleet.logbook import Logbook
from mooring_local.objects.api import S3
from mooring_local.objects.store import ObjectStore
from mooring_local.server import services
from mooring_local.state import State

REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/SageMakerLocal"
VARIANT: Mapping[str, Any] = {"VariantName": "AllTraffic", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
_names = itertools.count(1)


@dataclass
class Orders:
    """Notes what it is told."""

    given: list[tuple[Any, ...]] = field(default_factory=list)

    def create(self, name: str) -> None:
        """An endpoint."""
        self.given.append(("create", name))

    def update(self, name: str, config_name: str, retain_variant_properties: bool = False) -> None:
        """An endpoint."""
        self.given.append(("update", name, config_name, retain_variant_properties))

    def reweigh(self, name: str) -> None:
        """An endpoint."""
        self.given.append(("reweigh", name))

    def delete(self, name: str) -> None:
        """An endpoint."""
        self.given.append(("delete", name))

    def create_component(self, name: str) -> None:
        """An inference component."""
        self.given.append(("create_component", name))

    def delete_component(self, name: str) -> None:
        """An inference component."""
        self.given.append(("delete_component", name))

    def start(self, name: str) -> None:
        """A job."""
        self.given.append(("start", name))

    def stop(self, name: str) -> None:
        """A job."""
        self.given.append(("stop", name))


@dataclass
class Local:
    """What a test has of the server."""

    url: str
    state: State
    logbook: Logbook
    orders: Orders
    time: float = 1_700_000_000.0

    def client(self, service: str, region: str = REGION, **options: Any) -> Any:
        """Of boto3, which does not try again."""
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "thing"}
        config = Config(retries={"total_max_attempts": 1}, **options)
        return boto3.client(service, region_name=region, endpoint_url=self.url, config=config, **keys)

    def now(self) -> float:
        """A clock that is a second further each time."""
        self.time += 1.0
        return self.time

    def model(self, **container: Any) -> str:
        """The name of a new one."""
        name = unique("model")
        container.setdefault("Image", "mooring")
        self.client("sagemaker").create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        return name

    def config(self, **members: Any) -> str:
        """The name of a new one with a new model."""
        name = unique("config")
        members.setdefault("ProductionVariants", [{**VARIANT, "ModelName": self.model()}])
        self.client("sagemaker").create_endpoint_config(EndpointConfigName=name, **members)
        return name

    def endpoint(self, status: str = "InService", **members: Any) -> str:
        """The name of a new one, brought into a status as the fleet would."""
        name = unique("endpoint")
        self.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=self.config())
        variant = {"VariantName": "AllTraffic", "DesiredWeight": 1.0, "CurrentWeight": 1.0}
        counts = {"DesiredInstanceCount": 1, "CurrentInstanceCount": 1}
        self.state.change(
            "endpoint", name, {"ProductionVariants": [{**variant, **counts}], "EndpointStatus": status, **members}
        )
        return name


def unique(noun: str) -> str:
    """A name that no other test has."""
    return f"{noun}-{next(_names)}"


def arn(kind: str, name: str) -> str:
    """Of SageMaker, in the region of the tests."""
    return f"arn:aws:sagemaker:{REGION}:123456789012:{kind}/{name}"


@contextmanager
def refused(code: str, message: str, status: int = 400) -> Iterator[None]:
    """The with-block has to end in that error of boto3's; `message` may be a part of the real one."""
    with pytest.raises(ClientError) as caught:
        yield
    error, metadata = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    assert (error["Code"], metadata["HTTPStatusCode"]) == (code, status), error
    assert message in error["Message"]
    assert metadata["RequestId"]


class _Life:
    """Nothing to start or stop."""

    def __init__(self, started: Callable[[], None]) -> None:
        self._started = started

    async def start(self) -> None:
        self._started()

    async def drain(self, timeout_s: float) -> bool:
        return True

    async def stop(self, timeout_s: float = 5.0) -> None: ...

    def snapshot(self) -> Mapping[str, object]:
        return {}


@contextmanager
def local_control(folder: Path, runtime: Any = None) -> Iterator[Local]:
    """Serve at a free port until the with-block ends."""
    state, logbook, orders = State(folder / "state.sqlite"), Logbook(folder / "logs"), Orders()
    local = Local("", state, logbook, orders)
    store = ObjectStore(folder / "s3")
    parts = Parts(state, store, orders, orders, local.now)
    doors = Doors(runtime=runtime or _nothing, objects=S3(store).asgi, page=_nothing)
    app = LocalApp(services(parts, logbook), doors, frozenset({"127.0.0.1", "localhost"}))
    loops: list[asyncio.AbstractEventLoop] = []
    ports: list[int] = []
    ready, stop = threading.Event(), asyncio.Event()

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    life = _Life(lambda: loops.append(asyncio.get_running_loop()))
    options = ServerOptions(Address(port=0))
    thread = threading.Thread(target=lambda: serve(app, life, options, on_ready=on_ready, stop=stop), daemon=True)
    thread.start()
    assert ready.wait(30)
    local.url = f"http://127.0.0.1:{ports[0]}"
    try:
        yield local
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(30)
        state.close()


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 501, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})

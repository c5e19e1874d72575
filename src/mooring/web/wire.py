"""Define wire protocols: endpoints and error bodies. Each protocol is one file of `protocols/`.

An endpoint runs the model (`Begin`, called by `asking.py`) or reports something (`Report`). It declares the types of
its bodies, from which `openapi.py` generates the OpenAPI document.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from mooring.engine.life import ModelLife
from mooring.observe.metrics import Metrics
from mooring.tasks.base import TaskSpec
from mooring.web.asking import Begin
from mooring.web.limits import WebLimits
from mooring.web.reply import Refuse
from mooring.web.room import Room
from mooring.web.service import Service

L_co = TypeVar("L_co", bound=ModelLife, covariant=True)


@dataclass(slots=True)
class Site(Generic[L_co]):
    """State shared by the endpoints of one server."""

    life: L_co
    """The service of one model, or a registry of several."""
    find: Callable[[Mapping[str, str]], Service]
    """The service that the path parameters name. Raises NotLoaded, NotReady."""
    specs: Callable[[], Sequence[TaskSpec | None]]
    """The served tasks, None for one known only to user code. Raises NotReady."""
    metrics: Metrics
    limits: WebLimits
    room: Room
    protocols: "Sequence[WireProtocol]"
    """All wire protocols of the server. If two share a method and path, the first one answers."""
    choose: "Callable[[Endpoint, Mapping[str, Any], bytes], Service] | None" = None
    """(endpoint, ASGI scope, body) → the service; None: `find` finds it. Raises NotLoaded, NotReady."""
    green: bool = False
    """The result of the last ping."""
    described: tuple[list[str], bytes] | None = None
    """Names of the tasks in the last OpenAPI document, and the document."""

    @property
    def endpoints(self) -> "Mapping[tuple[str, str], tuple[WireProtocol, Endpoint]]":
        """(method, path) → (protocol, endpoint)."""
        found: dict[tuple[str, str], tuple[WireProtocol, Endpoint]] = {}
        for protocol in self.protocols:
            for endpoint in protocol.endpoints:
                found.setdefault((endpoint.method, endpoint.path), (protocol, endpoint))
        return found

    @property
    def offered(self) -> "Mapping[tuple[str, str], tuple[WireProtocol, Endpoint]]":
        """The endpoints of the API whose tasks are served. Raises NotReady."""
        served = {spec.name for spec in self.specs() if spec is not None}
        return {
            key: (protocol, endpoint)
            for key, (protocol, endpoint) in self.endpoints.items()
            if endpoint.listed and (not endpoint.tasks or served.intersection(endpoint.tasks))
        }


Report = Callable[[Site[Any], Request], Awaitable[Response]]
Bodies = Mapping[str, Sequence[Any]]
"""Media type → the possible types of a body, as msgspec describes them."""


def nothing(_: TaskSpec | None) -> Bodies:
    """No body."""
    return {}


@dataclass(frozen=True, slots=True)
class Asks:
    """Answers by running the model."""

    begin: Begin


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path."""

    method: str
    path: str
    """The path; may have parameters: `{name}`, or `{name:path}` for one that may contain slashes."""
    summary: str
    answer: Asks | Report
    response: Callable[[TaskSpec | None], Bodies]
    """Body types of responses with status 200, for one task."""
    request: Callable[[TaskSpec | None], Bodies] = nothing
    query: Mapping[str, str] = field(default_factory=dict)
    """Query parameter → description; all are optional text."""
    tasks: tuple[str, ...] = ()
    """The tasks that the endpoint is for; with a model that offers none of them it answers 404. Empty: any model."""
    examples: Mapping[str, Any] | None = None
    """Name → example body; None: those of the tasks."""
    example: Callable[[TaskSpec], Any] | None = None
    """A task's example body for this endpoint, if `examples` is None; None: the task's own."""
    logged: bool = True
    """False for endpoints that are polled every few seconds."""
    listed: bool = True
    """False for what is not part of the API: GET / and /openapi.json leave it out."""


@dataclass(frozen=True, slots=True)
class WireProtocol:
    """A set of endpoints with common errors that clients know."""

    name: str
    endpoints: tuple[Endpoint, ...]
    refuse: Refuse
    error: Any
    """Type of error bodies."""

"""What a wire protocol is: its endpoints and the body of its errors. Each is one file of `protocols/`.

An endpoint asks the model (`Begin`, run by `asking.py`) or reports something (`Report`). It declares the types of its
bodies, from which `openapi.py` makes the OpenAPI document.
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
    """What the endpoints of one server share."""

    life: L_co
    """A service of one model, or a registry of several."""
    find: Callable[[Mapping[str, str]], Service]
    """The service that a path's parameters name. Raises NotLoaded, NotReady."""
    specs: Callable[[], Sequence[TaskSpec | None]]
    """The tasks that are served, None for one that only a model's own code knows. Raises NotReady."""
    metrics: Metrics
    limits: WebLimits
    room: Room
    protocols: "Sequence[WireProtocol]"
    """All that the server speaks. Where two have the same method and path, the first one answers."""
    green: bool = False
    """What the last ping answered."""

    @property
    def endpoints(self) -> "Mapping[tuple[str, str], tuple[WireProtocol, Endpoint]]":
        """(method, path) → the endpoint that answers, with its protocol."""
        found: dict[tuple[str, str], tuple[WireProtocol, Endpoint]] = {}
        for protocol in self.protocols:
            for endpoint in protocol.endpoints:
                found.setdefault((endpoint.method, endpoint.path), (protocol, endpoint))
        return found


Report = Callable[[Site[Any], Request], Awaitable[Response]]
Bodies = Mapping[str, Sequence[Any]]
"""Media type → the types that a body of it may have, as msgspec describes them."""


def nothing(_: TaskSpec | None) -> Bodies:
    """No body."""
    return {}


@dataclass(frozen=True, slots=True)
class Asks:
    """Answers by asking the model."""

    begin: Begin


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    """May have parameters, `{name}`."""
    summary: str
    answer: Asks | Report
    response: Callable[[TaskSpec | None], Bodies]
    """The bodies of answers with status 200, for one of the served tasks."""
    request: Callable[[TaskSpec | None], Bodies] = nothing
    query: Mapping[str, str] = field(default_factory=dict)
    """Name → meaning of each parameter of the query, all of them text and optional."""
    logged: bool = True
    """False for what machines ask every few seconds."""


@dataclass(frozen=True, slots=True)
class WireProtocol:
    """A dialect of HTTP that clients speak."""

    name: str
    endpoints: tuple[Endpoint, ...]
    refuse: Refuse
    error: Any
    """Type of an error's body."""

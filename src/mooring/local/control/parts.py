"""What the control plane stands on, and what it asks of those who do the work. Made by `server.py`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mooring.local.state import State
from mooring.local.wire.call import Place
from mooring.local.wire.tags import TagRules

TAGS = TagRules()


class Endpoints(Protocol):
    """Who makes endpoints live: `fleet/`. Each returns at once; the "endpoint" document moves on by itself."""

    def create(self, name: str) -> None: ...

    def update(self, name: str, config_name: str, retain_variant_properties: bool = False) -> None: ...

    def reweigh(self, name: str) -> None: ...

    def delete(self, name: str) -> None: ...

    def create_component(self, name: str) -> None: ...

    def delete_component(self, name: str) -> None: ...


class Jobs(Protocol):
    """Who runs transform jobs: `batch/`. Each returns at once; the "transform-job" document moves on by itself."""

    def start(self, name: str) -> None: ...

    def stop(self, name: str) -> None: ...


class Objects(Protocol):
    """What the control plane asks of S3."""

    def has(self, bucket: str, key: str) -> bool: ...

    def holds(self, bucket: str, prefix: str) -> bool: ...

    def locate(self, uri: str) -> tuple[str, str]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """All of them."""

    state: State
    objects: Objects
    fleet: Endpoints
    jobs: Jobs
    now: Callable[[], float] = time.time
    """Epoch seconds."""


def tags_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """A request's Tags. Raises Fault for a key that is there twice, or is reserved."""
    return TAGS.read(parameters.get("Tags", []))


def echoed(parameters: Mapping[str, Any], place: Place, kind: str, name: str) -> dict[str, Any]:
    """A request as Describe gives it back: without the tags, with the ARN."""
    given = {key: value for key, value in parameters.items() if key != "Tags"}
    return {**given, arn_member(kind): place.arn(kind, name)}


def arn_member(kind: str) -> str:
    """The member of a document that holds its ARN: "EndpointConfigArn" for "endpoint-config"."""
    return "".join(word.capitalize() for word in kind.split("-")) + "Arn"

"""What the control plane stands on, and what it asks of those who do the work. Made by `server.py`."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mooring_local.identity.manifests import OF_SAGEMAKER, media_type_of
from mooring_local.state import State
from mooring_local.wire.call import Place
from mooring_local.wire.faults import invalid
from mooring_local.wire.tags import TagRules

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


def check_unique(what: str, names: Iterable[str]) -> None:
    """Raises Fault if a name is there twice; `what` begins the message: "Variant names"."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(f"{what} must be unique; {name!r} is there more than once.")
        seen.add(name)


def check_image(parts: "Parts", place: Place, image: str) -> None:
    """Raises Fault for an image of which the local ECR knows that SageMaker would not take its manifest."""
    media = media_type_of(parts.state, image, place.account)
    if media is not None and media not in OF_SAGEMAKER:
        said = f"Unsupported manifest media type {media} for image {image}"
        raise invalid(f"{said}. Ensure that valid manifest media type is used for specified image.")


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

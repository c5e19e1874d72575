"""Dependencies and helpers of the control plane."""

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
    """Runs endpoints (`fleet/`). Each method returns at once, and updates the "endpoint" document later."""

    def create(self, name: str) -> None: ...

    def update(self, name: str, config_name: str, retain_variant_properties: bool = False) -> None: ...

    def reweigh(self, name: str) -> None: ...

    def delete(self, name: str) -> None: ...

    def create_component(self, name: str) -> None: ...

    def delete_component(self, name: str) -> None: ...


class Jobs(Protocol):
    """Runs transform jobs (`batch/`). Each method returns at once, and updates the "transform-job" document later."""

    def start(self, name: str) -> None: ...

    def stop(self, name: str) -> None: ...


class Objects(Protocol):
    """The S3 operations that the control plane needs."""

    def has(self, bucket: str, key: str) -> bool: ...

    def holds(self, bucket: str, prefix: str) -> bool: ...

    def locate(self, uri: str) -> tuple[str, str]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """All dependencies."""

    state: State
    objects: Objects
    fleet: Endpoints
    jobs: Jobs
    now: Callable[[], float] = time.time
    """Epoch seconds."""


def check_unique(what: str, names: Iterable[str]) -> None:
    """Raises Fault for a duplicate name; `what` starts the message: "Variant names"."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(f"{what} must be unique; {name!r} occurs more than once.")
        seen.add(name)


def check_image(parts: "Parts", place: Place, image: str) -> None:
    """Raises Fault for an image in the local ECR whose manifest type SageMaker does not accept."""
    media = media_type_of(parts.state, image, place.account)
    if media is not None and media not in OF_SAGEMAKER:
        said = f"Unsupported manifest media type {media} for image {image}"
        raise invalid(f"{said}. Ensure that valid manifest media type is used for specified image.")


def tags_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """A request's Tags. Raises Fault for a duplicate or reserved key."""
    return TAGS.read(parameters.get("Tags", []))


def echoed(parameters: Mapping[str, Any], place: Place, kind: str, name: str) -> dict[str, Any]:
    """A request as Describe returns it: without tags, with the ARN."""
    given = {key: value for key, value in parameters.items() if key != "Tags"}
    return {**given, arn_member(kind): place.arn(kind, name)}


def arn_member(kind: str) -> str:
    """The document member with its ARN: "EndpointConfigArn" for "endpoint-config"."""
    return "".join(word.capitalize() for word in kind.split("-")) + "Arn"

"""The observed state of an account as values: written by `observe.py`, read by `plan.py` and `removal.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mooring.deploy.requests import Request

BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
"""Statuses in which an endpoint cannot be updated or deleted."""
DEAD = frozenset({"Failed", "UpdateRollbackFailed"})
"""Statuses in which an endpoint can only be deleted."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as observed."""

    name: str
    status: str
    config: str
    arn: str
    tags: Mapping[str, str]
    serverless: bool = False


@dataclass(frozen=True, slots=True)
class Scaled:
    """Autoscaling of the endpoint's variant. `policy` is ours, None if there is none."""

    minimum: int
    maximum: int
    policy: Request | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """The state for `plan`. Models and configurations are name → tags, of those with our names or our tag."""

    bucket: bool = True
    archive: bool = True
    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    endpoint: Endpoint | None = None
    scaled: Scaled | None = None
    repository: bool = True
    image: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """All resources found under a deployment's name. Models and configurations are name → tags."""

    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    endpoint: Endpoint | None = None
    scaled: Scaled | None = None
    archives: tuple[tuple[str, str], ...] = ()
    """(bucket, key) of the objects that moor deploy uploaded."""
    strangers: tuple[tuple[str, int], ...] = ()
    """(bucket, number) of other objects under the deployment's prefix, such as asynchronous answers."""

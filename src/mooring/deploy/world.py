"""What there is in an account, as values: written by `observe.py`, read by `plan.py` and `removal.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mooring.deploy.requests import Request

BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
"""Statuses of an endpoint in which it can be neither updated nor deleted."""
DEAD = frozenset({"Failed", "UpdateRollbackFailed"})
"""Those from which only deletion leads."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as it was found."""

    name: str
    status: str
    config: str
    arn: str
    tags: Mapping[str, str]
    serverless: bool = False


@dataclass(frozen=True, slots=True)
class Scaled:
    """What autoscaling does to the endpoint's variant. `policy` is ours, None if there is none."""

    minimum: int
    maximum: int
    policy: Request | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What there is. Models and configurations: name → tags, of those that have our names or our tag."""

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
    """Everything that was found under a deployment's name. Models and configurations: name → tags."""

    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    endpoint: Endpoint | None = None
    scaled: Scaled | None = None
    archives: tuple[tuple[str, str], ...] = ()
    """(bucket, key) of the objects that deploying put there."""
    strangers: tuple[tuple[str, int], ...] = ()
    """(bucket, number) of other objects under the deployment's prefix: answers of an asynchronous endpoint, say."""

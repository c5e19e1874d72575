"""API calls and the observed state of an account as values: `plan.py` makes the former from the latter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mooring.deploy.requests import Request

Verb = Literal["create", "push", "upload", "update", "tag", "wait", "put", "delete"]
Kind = Literal[
    "repository",
    "image",
    "bucket",
    "archive",
    "model",
    "endpoint-config",
    "endpoint",
    "scalable-target",
    "scaling-policy",
]


@dataclass(frozen=True, slots=True)
class Action:
    """One call. `undo` is None if there is nothing to undo, or the result is worth keeping."""

    verb: Verb
    kind: Kind
    name: str
    request: Mapping[str, Any]
    why: str = ""
    undo: "Action | None" = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions in order, none if the state is as wanted. `kept` names existing resources that stay."""

    actions: tuple[Action, ...]
    kept: tuple[str, ...] = ()


_WORDS = {
    "create": "Creating",
    "push": "Pushing",
    "upload": "Uploading",
    "update": "Updating",
    "tag": "Tagging",
    "delete": "Deleting",
}


def named(action: Action) -> str:
    """The resource of an action: "endpoint configuration qa-36694b03ff07"."""
    return f"{action.kind.replace('endpoint-config', 'endpoint configuration').replace('-', ' ')} {action.name}"


def title(action: Action) -> str:
    """The title of an action as a step."""
    if action.verb == "wait":
        ends = {"InService": "to be in service", "gone": "to be deleted", "settled": "to settle"}
        return f"Waiting for the endpoint {ends[action.request['until']]}"
    word = "Setting" if action.verb == "put" else _WORDS[action.verb]
    return f"{word} the {named(action)}"


def described(actions: Sequence[Action]) -> list[dict[str, Any]]:
    """As `--dry-run --json` prints it."""
    return [
        {
            "do": action.verb,
            "kind": action.kind,
            "name": action.name,
            "why": action.why,
            "request": dict(action.request),
        }
        for action in actions
    ]


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

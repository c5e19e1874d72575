"""API calls as values: `plan.py` and `removal.py` return them, `apply.py` executes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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

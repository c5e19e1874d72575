"""Execute the calls of a plan in order, or undo them in reverse."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mooring.deploy.actions import Action, Plan, named, title
from mooring.deploy.faults import in_words, is_missing, is_taken, was_refused
from mooring.deploy.registry import push_image
from mooring.deploy.session import Session
from mooring.deploy.wait import Clock, wait_for
from mooring.errors import DeployError, MooringError, NameTaken
from mooring.progress import Progress

OPERATIONS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("create", "repository"): ("ecr", "create_repository"),
    ("create", "bucket"): ("s3", "create_bucket"),
    ("delete", "bucket"): ("s3", "delete_bucket"),
    ("upload", "archive"): ("s3", "upload_file"),
    ("delete", "archive"): ("s3", "delete_object"),
    ("create", "model"): ("sagemaker", "create_model"),
    ("delete", "model"): ("sagemaker", "delete_model"),
    ("create", "endpoint-config"): ("sagemaker", "create_endpoint_config"),
    ("delete", "endpoint-config"): ("sagemaker", "delete_endpoint_config"),
    ("create", "endpoint"): ("sagemaker", "create_endpoint"),
    ("update", "endpoint"): ("sagemaker", "update_endpoint"),
    ("delete", "endpoint"): ("sagemaker", "delete_endpoint"),
    ("tag", "endpoint"): ("sagemaker", "add_tags"),
    ("put", "scalable-target"): ("application-autoscaling", "register_scalable_target"),
    ("delete", "scalable-target"): ("application-autoscaling", "deregister_scalable_target"),
    ("put", "scaling-policy"): ("application-autoscaling", "put_scaling_policy"),
    ("delete", "scaling-policy"): ("application-autoscaling", "delete_scaling_policy"),
}
"""(verb, kind) → service and operation. `wait.py` implements "wait", `registry.py` "push"."""


@dataclass
class Done:
    """What a run has done so far and may have to undo. Survives an exception that ends the run."""

    actions: list[Action] = field(default_factory=list)
    serving: bool = False
    """The endpoint is in service as wanted. A later failure must not take it down."""

    @property
    def made(self) -> list[str]:
        """Resources that exist because of this run."""
        undone = [action.undo for action in self.actions if action.undo is not None and action.undo.verb == "delete"]
        return [named(action) for action in undone]


def apply(session: Session, plan: Plan, progress: Progress, done: Done, clock: Clock = Clock()) -> None:
    """Make the plan's calls and record them in `done`. Errors pass through."""
    for action in plan.actions:
        progress.begin(title(action))
        # Before the call, since an interrupted call may have taken effect.
        done.actions.append(action)
        try:
            _execute(session, action, progress.detail, clock)
        except NameTaken:
            # It exists: created by a call of ours whose response was lost, or by someone else.
            raise
        except MooringError as error:
            if action.verb != "wait" and was_refused(error):
                done.actions.pop()
            raise
        if action.verb == "wait" and action.request["until"] == "InService":
            done.serving = action is _last_wait(plan)
        progress.end(action.why)


def _last_wait(plan: Plan) -> Action | None:
    waits = [action for action in plan.actions if action.verb == "wait"]
    return waits[-1] if waits else None


def undo(session: Session, done: Done, progress: Progress) -> list[str]:
    """Undo what was done, last first, as far as possible. Returns what is left, with the reasons.

    If interrupted, `done` has what is not undone yet.
    """
    left = []
    while done.actions:
        action = done.actions[-1].undo
        if action is None:
            done.actions.pop()
            continue
        progress.begin(title(action))
        try:
            _execute(session, action, progress.detail, Clock())
        except DeployError as error:
            left.append(f"{named(action)} ({error.message})")
            progress.end("failed")
        else:
            progress.end()
        done.actions.pop()
    return left


def _execute(session: Session, action: Action, tell: Callable[[str], None], clock: Clock) -> None:
    if action.verb == "wait":
        wait_for(session, action.request, tell, clock)
        return
    if action.verb == "push":
        push_image(session, action.request["Image"], action.request["Uri"], tell)
        return
    service, operation = OPERATIONS[action.verb, action.kind]
    client = session.client(service)
    request = dict(action.request)
    if action.verb == "upload":
        request["Callback"] = _share(request["Filename"], tell)
    with in_words(title(action)):
        try:
            getattr(client, operation)(**request)
        except client.exceptions.ClientError as error:
            if action.verb == "create" and is_taken(error):
                raise NameTaken(
                    f"{title(action)} failed: it was created in the meantime, perhaps by another run.",
                    hint="Wait for the other run to end, then run the same command again to continue.",
                ) from error
            # Already deleted by someone else.
            if action.verb != "delete" or not is_missing(error):
                raise


def _share(path: str, tell: Callable[[str], None]) -> Callable[[int], None]:
    """A callback for boto3, which calls it with the bytes of each part, from several threads."""
    total, lock, sent = max(1, Path(path).stat().st_size), threading.Lock(), [0]

    def more(count: int) -> None:
        with lock:
            sent[0] += count
            tell(f"{100 * sent[0] // total} %")

    return more

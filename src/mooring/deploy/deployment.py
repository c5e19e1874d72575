"""Deploy an order, or remove a deployment. `prepare` gathers facts, `propose` plans, `carry_out` executes the plan."""

import dataclasses
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mooring.deploy.actions import Action, Plan, title
from mooring.deploy.apply import Done, apply, undo
from mooring.deploy.fit import Finding, fit_format, fit_image, fit_memory
from mooring.deploy.image import DEFAULT_IMAGE, is_ours, region_of
from mooring.deploy.observe import find_endpoint, observe, stand
from mooring.deploy.plan import plan, plan_removal, refuse_foreign_endpoint
from mooring.deploy.registry import facts_of, pushed_name, registry_facts
from mooring.deploy.requests import archive_key, archive_prefix
from mooring.deploy.role import role_arn
from mooring.deploy.session import Session
from mooring.deploy.spec import Archive, Asynchronous, Instances, Scaling, Serverless, Spec, check, check_name
from mooring.deploy.trial import Trial, task_in, trial_for, trial_of
from mooring.errors import EndpointFailed, NameTaken, UsageError
from mooring.progress import Progress
from mooring.settings import environment_notes
from mooring.spelling import nearest

if TYPE_CHECKING:
    from mooring.deploy.archive import Wanted


@dataclass(frozen=True, slots=True)
class Order:
    """The user's order. None means the default, or what the account has."""

    name: str | None = None
    model: "Wanted | str | None" = None
    """A model to upload, the S3 URI of one, or None for the model of the image or environment."""
    image: str = DEFAULT_IMAGE
    role: str | None = None
    bucket: str | None = None
    compute: Instances | Serverless | None = field(default_factory=Instances)
    asynchronous: Asynchronous | bool = False
    """True puts answers below the deployment's prefix."""
    multi_model: bool = False
    scaling: Scaling | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of `carry_out`."""

    spec: Spec
    plan: Plan
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether anything was changed."""
        return bool(self.plan.actions)

    @property
    def target_model(self) -> str | None:
        """Name of the uploaded model at a multi-model endpoint."""
        return self.spec.archive.key.rpartition("/")[2] if self.spec.multi_model and self.spec.archive else None

    @property
    def trial(self) -> Trial:
        """A request to test the endpoint with."""
        archive = self.spec.archive
        return archive.trial if archive and archive.trial else trial_for(task_in(self.spec.environment))


def prepare(session: Session, order: Order, place: Path, progress: Progress) -> Spec:
    """The complete spec: the model packed in the folder `place`, account, role and names filled in. Changes nothing.

    Raises UsageError, AccountError, NameTaken or a ModelError.
    """
    name = order.name or default_name(order.model)
    # Refuse what is invalid in any account before anything takes time.
    spec = check(
        Spec(
            name,
            order.image,
            "",
            order.compute,
            model_data="s3://to/be/known" if order.multi_model and order.model else None,
            environment=order.environment,
            multi_model=order.multi_model,
            asynchronous=_answers(order, name, "to-be-known"),
            scaling=order.scaling,
            tags=order.tags,
        )
    )
    for note in environment_notes(order.environment):
        progress.note(note)
    progress.begin("Checking the AWS identity")
    bucket = order.bucket or session.default_bucket
    role = role_arn(session, order.role, progress)
    image, push = pushed_name(session, order.image)
    if order.compute is not None:
        # `plan` checks again; this fails before a build that may take minutes.
        refuse_foreign_endpoint(name, find_endpoint(session, name))
    progress.end(f"account {session.account}, {session.region}{' (local)' if session.local else ''}")
    if isinstance(order.compute, Instances) and order.compute.type not in (known := session.instance_types()):
        near = nearest(order.compute.type, known, count=2)
        like = f" Similar types: {', '.join(near)}." if near else ""
        progress.note(f"boto3 does not know the instance type {order.compute.type}. Trying it anyway.{like}")
    _check_image(session, order)
    archive = _archive(order, name, bucket, place, progress)
    if order.compute is not None and archive is not None and not order.multi_model:
        for short in fit_memory(order.compute, archive.unpacked):
            progress.note(f"{short.what} {short.way_out}")
    spec = dataclasses.replace(
        spec,
        image=image,
        push=push,
        role=role,
        model_data=_model_data(order, name, bucket, archive),
        bucket=bucket if archive or order.asynchronous is True else None,
        archive=archive,
        asynchronous=_answers(order, name, bucket),
    )
    return check(spec)


def _check_image(session: Session, order: Order) -> None:
    """Raise UsageError for an image that SageMaker would refuse or could not run, as far as is known."""
    region = region_of(order.image)
    if session.local:
        # The image runs on this machine, but the local registry may know its format.
        found = registry_facts(session, order.image)
        _raise_first(fit_format(found) if found else ())
        return
    if region not in (None, session.region):
        raise UsageError(
            f"The image is in {region}, but SageMaker in {session.region} needs an image in its own region.",
            hint=f"Use --region {region}, or an image in {session.region}.",
        )
    facts = facts_of(order.image, session)
    _raise_first(fit_format(facts) if order.compute is None else fit_image(order.compute, facts))


def _raise_first(findings: Iterable[Finding]) -> None:
    for found in findings:
        if found.level == "error":
            raise UsageError(found.what, hint=found.way_out)


def default_name(model: "Wanted | str | None") -> str:
    """A name from the model's: "distilbert/distilbert-base-…" → "distilbert-base-…", "…/qa/model.tar.gz" → "qa"."""
    source = model.source if model is not None and not isinstance(model, str) else model or "mooring"
    folder, _, last = source.removeprefix("s3://").rstrip("/").rpartition("/")
    last = last.removesuffix(".tgz").removesuffix(".tar.gz")
    # Most archives are called model.tar.gz, so the folder's name tells them apart.
    last = folder.rpartition("/")[2].strip(".") or last if last == "model" else last
    return re.sub(r"[^a-zA-Z0-9]+", "-", last).strip("-")[:50].rstrip("-") or "mooring"


def _archive(order: Order, name: str, bucket: str, place: Path, progress: Progress) -> Archive | None:
    if order.model is None or isinstance(order.model, str):
        return None
    # Imported late: removing a deployment needs no numpy.
    from mooring.deploy.archive import archive_of

    packed = archive_of(order.model, place, progress, readable=is_ours(order.image))
    key = archive_key(name, packed.digest)
    if order.multi_model:
        key = f"{archive_prefix(name)}models/{default_name(order.model)}.tar.gz"
    trial = trial_of(packed.model, task_in(order.environment)) if packed.model is not None else None
    return Archive(packed.path, packed.digest, packed.size, packed.unpacked, bucket, key, trial)


def _model_data(order: Order, name: str, bucket: str, archive: Archive | None) -> str | None:
    if order.multi_model and archive is not None:
        return f"s3://{bucket}/{archive_prefix(name)}models/"
    return archive.uri if archive else order.model if isinstance(order.model, str) else None


def _answers(order: Order, name: str, bucket: str) -> Asynchronous | None:
    if order.asynchronous is True:
        place = f"s3://{bucket}/{archive_prefix(name)}async"
        return Asynchronous(f"{place}/answers/", f"{place}/failures/")
    return order.asynchronous or None


def propose(session: Session, spec: Spec) -> Plan:
    """Plan from the observed state."""
    return plan(spec, observe(session, spec), session.region)


def carry_out(session: Session, spec: Spec, proposed: Plan, progress: Progress, *, wait: bool = True) -> Outcome:
    """Execute the plan. After an error, undo it and report what is left. After Ctrl-C, leave everything and report it.

    Without `wait`, stop before waiting for the endpoint; later steps are left to the next run.
    """
    began = time.monotonic()
    done = Done()
    now = proposed if wait else _until_waiting(proposed)
    try:
        apply(session, now, progress, done)
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C, or SIGTERM
        progress.note(_standing(session, spec, done, proposed.kept))
        raise
    except Exception as error:  # any error: always report what was created
        if done.serving:
            progress.note(
                f"The endpoint {spec.name} is in service. For the remaining steps, run the same command again."
            )
        elif _goes_on(done, error):
            progress.note(_standing(session, spec, done, proposed.kept))
        else:
            _take_back(session, spec, done, progress)
        raise
    for action in proposed.actions[len(now.actions) :]:
        if action.verb != "wait":
            progress.note(f"Left for the next run: {title(action)}.")
    return Outcome(spec, now, time.monotonic() - began)


def _until_waiting(proposed: Plan) -> Plan:
    waits = [number for number, action in enumerate(proposed.actions) if _is_last_wait(action)]
    return dataclasses.replace(proposed, actions=proposed.actions[: waits[-1]]) if waits else proposed


def _is_last_wait(action: Action) -> bool:
    return action.verb == "wait" and action.request["until"] == "InService"


def _goes_on(done: Done, error: Exception) -> bool:
    """Whether the resources may be in use: waiting for the endpoint failed, or another run created something."""
    waited = bool(done.actions) and done.actions[-1].verb == "wait"
    return (waited and not isinstance(error, EndpointFailed)) or isinstance(error, NameTaken)


def _take_back(session: Session, spec: Spec, done: Done, progress: Progress) -> None:
    """Undo what this run created and report what is left, also after Ctrl-C."""
    try:
        left = undo(session, done, progress)
    except (KeyboardInterrupt, SystemExit):
        progress.note(_standing(session, spec, done, ()))
        raise
    for each in left:
        progress.note(f"Not removed: {each}.")
    if left:
        progress.note(f"To remove everything except buckets: {_destroy(session, spec)}")


def _standing(session: Session, spec: Spec, done: Done, kept: Sequence[str]) -> str:
    """What exists after an interrupted run, and how to continue."""
    made = f"This run created: {', '.join(done.made)}." if done.made else "This run created nothing to remove."
    earlier = f" Already there: {', '.join(kept)}." if kept else ""
    way = f"To continue, run the same command. To remove everything except buckets: {_destroy(session, spec)}"
    return f"{made}{earlier} {way}"


def _destroy(session: Session, spec: Spec) -> str:
    """The command that removes everything, even if no model names the archive's bucket yet."""
    bucket = "" if spec.bucket in (None, session.default_bucket) else f" --bucket {spec.bucket}"
    return f"moor destroy {spec.name}{bucket}{session.place.flags}"


def survey(session: Session, name: str, bucket: str | None) -> Plan:
    """Plan the removal of a deployment; no actions if there is none. Raises NameTaken if Mooring did not create it."""
    check_name(name)
    return plan_removal(name, stand(session, name, bucket))


def remove(session: Session, proposed: Plan, progress: Progress) -> None:
    """Remove a deployment. Errors are raised; another run continues."""
    apply(session, proposed, progress, Done())

"""An endpoint in, the moment it serves, or is gone, out; with what happens meanwhile told. Called by `apply.py`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mooring.deploy.faults import in_words, is_missing
from mooring.deploy.logs import log_group, tail
from mooring.deploy.session import Session
from mooring.deploy.world import BUSY
from mooring.errors import DeployError, EndpointFailed

LIMIT_S = 3600.0
LOG_LINES = 20
GRACE_S = 5.0
"""How long an endpoint may look untouched after it was told to change."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as a test drives it by hand."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def pause_after(waited_s: float) -> float:
    """Seconds until the next look: a tenth of the time waited so far, from 0.1 to 5."""
    return min(5.0, max(0.1, 0.1 * waited_s))


def wait_for(session: Session, request: Mapping[str, Any], tell: Tell, clock: Clock = Clock()) -> None:
    """`request` is that of a "wait" action: until "InService" (with that configuration), "settled" or "gone".

    Raises EndpointFailed with SageMaker's reason and the end of the log, or DeployError after an hour.
    """
    name = request["EndpointName"]
    began, said, moved = clock.now(), "", False
    while True:
        found = _describe(session, name)
        status = found["EndpointStatus"] if found else "gone"
        if status != said:
            tell(status)
            said = status
        moved = moved or status in BUSY or clock.now() - began > GRACE_S
        if (moved or not _untouched(request, found)) and _reached(session, request, found, status):
            return
        if clock.now() - began > LIMIT_S:
            raise DeployError(
                f"The endpoint {name} is still {status} after {LIMIT_S / 60:.0f} minutes.",
                hint=f"It goes on. Its log: {log_group(name)}. moor destroy {name} removes it.",
            )
        clock.sleep(pause_after(clock.now() - began))


def _describe(session: Session, name: str) -> Mapping[str, Any] | None:
    sagemaker = session.client("sagemaker")
    with in_words(f"Waiting for the endpoint {name}"):
        try:
            found: Mapping[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        except sagemaker.exceptions.ClientError as error:
            if is_missing(error):
                return None
            raise
    return found


def _untouched(request: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
    """Whether it serves with another configuration than it was told to: not begun yet, or given up."""
    if found is None or found["EndpointStatus"] != "InService":
        return False
    return bool(request.get("EndpointConfigName", found["EndpointConfigName"]) != found["EndpointConfigName"])


def _reached(session: Session, request: Mapping[str, Any], found: Mapping[str, Any] | None, status: str) -> bool:
    name, until = request["EndpointName"], request["until"]
    if until == "gone":
        if status == "Failed":
            raise _failure(session, name, found, "could not be deleted")
        return found is None
    if found is None:
        raise DeployError(f"The endpoint {name} went away while it was waited for.", hint="Somebody deleted it.")
    if until == "settled" or status in BUSY:
        return status not in BUSY
    wanted = request.get("EndpointConfigName", found["EndpointConfigName"])
    if status == "InService" and found["EndpointConfigName"] == wanted:
        return True
    # After an update that failed the endpoint serves on with the configuration it had.
    what = "could not be updated and serves on as before" if status == "InService" else f"is {status}"
    raise _failure(session, name, found, what)


def _failure(session: Session, name: str, found: Mapping[str, Any] | None, what: str) -> EndpointFailed:
    reason = str((found or {}).get("FailureReason") or "SageMaker gives no reason")
    return EndpointFailed(
        f"The endpoint {name} {what}: {reason.rstrip('.')}.",
        reason=reason,
        log=tail(session, log_group(name), LOG_LINES),
        hint=_advice(reason),
    )


def _advice(reason: str) -> str:
    """What to try, by what SageMaker's reasons are known to mean."""
    for sign, advice in _ADVICE:
        if sign in reason.lower():
            return advice
    return "moor doctor MODEL looks for what would fail; the log has the container's own words."


_ADVICE = (
    ("ping health check", "The container started and did not answer: its log says why. moor doctor MODEL looks too."),
    ("exec format", "The image is for another architecture than the instance: moor doctor MODEL --image … says which."),
    ("capacity", "AWS has no such instance free at the moment: another --instance-type, or later again."),
    (
        "ecr",
        "SageMaker could not fetch the image: the role needs ecr:BatchGetImage, the image has to be in this region.",
    ),
    ("image size", "Serverless endpoints take images up to 10 GB: use the target `serve` of the Dockerfile."),
    ("s3", "The role needs s3:GetObject on the bucket with the model."),
    ("memory", "Give it more: another --instance-type, or --memory."),
)

"""Wait until an endpoint is in service or deleted, and report its status meanwhile."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mooring.deploy.actions import BUSY
from mooring.deploy.faults import asked
from mooring.deploy.session import Session
from mooring.errors import DeployError, EndpointFailed

LIMIT_S = 3600.0
LOG_LINES = 20
GRACE_S = 5.0
"""How long an endpoint may look unchanged after an update was requested."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that tests can replace."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def pause_after(waited_s: float) -> float:
    """Seconds until the next check: a tenth of the time waited so far, from 0.1 to 5."""
    return min(5.0, max(0.1, 0.1 * waited_s))


def wait_for(session: Session, request: Mapping[str, Any], tell: Tell, clock: Clock = Clock()) -> None:
    """Wait as the `request` of a "wait" action says: until "InService" (with its configuration), "settled" or "gone".

    Raises EndpointFailed with SageMaker's reason and the end of the log, or DeployError after an hour.
    """
    name = request["EndpointName"]
    describe = partial(session.client("sagemaker").describe_endpoint, EndpointName=name)
    began, said, moved = clock.now(), "", False
    while True:
        found = asked(f"Waiting for the endpoint {name}", describe)
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
                hint=f"SageMaker continues. See the log {log_group(name)}, or run moor destroy {name}.",
            )
        clock.sleep(pause_after(clock.now() - began))


def _untouched(request: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
    """Whether it serves with another configuration than requested: the update has not begun, or has failed."""
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
        raise DeployError(
            f"The endpoint {name} disappeared during the wait.", hint="It was deleted meanwhile. Deploy it again."
        )
    if until == "settled" or status in BUSY:
        return status not in BUSY
    wanted = request.get("EndpointConfigName", found["EndpointConfigName"])
    if status == "InService" and found["EndpointConfigName"] == wanted:
        return True
    # After a failed update, the endpoint keeps its old configuration.
    what = "could not be updated and serves as before" if status == "InService" else f"is {status}"
    raise _failure(session, name, found, what)


def _failure(session: Session, name: str, found: Mapping[str, Any] | None, what: str) -> EndpointFailed:
    reason = str((found or {}).get("FailureReason") or "SageMaker gave no reason")
    return EndpointFailed(
        f"The endpoint {name} {what}: {reason.rstrip('.')}.",
        reason=reason,
        log=tail(session, log_group(name), LOG_LINES),
        hint=_advice(reason),
    )


def _advice(reason: str) -> str:
    """A hint for a known failure reason of SageMaker."""
    for sign, advice in _ADVICE:
        if sign in reason.lower():
            return advice
    return "See the container's log, and check the model with moor doctor MODEL."


_ADVICE = (
    ("ping health check", "The container did not pass its health check. See its log, and run moor doctor MODEL."),
    ("exec format", "The image has another architecture than the instance. Check with moor doctor MODEL --image …."),
    ("capacity", "AWS has no such instance available now. Use another --instance-type, or try again later."),
    (
        "ecr",
        "SageMaker could not pull the image: the role needs ecr:BatchGetImage, and the image must be in this region.",
    ),
    ("image size", "Serverless endpoints allow images up to 10 GB. Use the smaller image: moor image --target serve."),
    ("s3", "The role needs s3:GetObject on the model's bucket."),
    ("memory", "Use a larger --instance-type, or more --memory."),
)


TRANSFORM_GROUP = "/aws/sagemaker/TransformJobs"
_STREAMS = 3


def log_group(endpoint: str) -> str:
    """The log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def tail(session: Session, group: str, lines: int, prefix: str = "") -> tuple[str, ...]:
    """The last lines of the group's newest streams, or of those that begin with `prefix`.

    Used after a failure, so it never raises: without a log it is empty.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    logs = session.client("logs")
    try:
        events = [event for stream in _streams(logs, group, prefix) for event in _events(logs, group, stream, lines)]
    except (BotoCoreError, ClientError):
        return ()
    events.sort(key=lambda event: event[0])
    return tuple(text for _, text in events[-lines:])


def _streams(logs: Any, group: str, prefix: str) -> list[str]:
    # The service can sort by time or filter by prefix, but not both.
    if prefix:
        found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
    else:
        found = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
    return [stream["logStreamName"] for stream in found[:_STREAMS]]


def _events(logs: Any, group: str, stream: str, lines: int) -> list[tuple[int, str]]:
    answer = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=lines, startFromHead=False)
    return [(event["timestamp"], event["message"].rstrip()) for event in answer["events"]]

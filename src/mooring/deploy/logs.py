"""Read the last lines of a log group. Used after a failure, so it never raises."""

from typing import Any

from mooring.deploy.session import Session

TRANSFORM_GROUP = "/aws/sagemaker/TransformJobs"
_STREAMS = 3


def log_group(endpoint: str) -> str:
    """The log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def tail(session: Session, group: str, lines: int, prefix: str = "") -> tuple[str, ...]:
    """The last lines of the group's newest streams, or of those that begin with `prefix`; empty without a log."""
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

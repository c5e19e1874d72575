"""SageMaker's ModelError messages for failures of a container. contract.md §3.6."""

from mooring_local.fleet.live import LiveEndpoint
from mooring_local.fleet.logbook import endpoint_group
from mooring_local.wire.call import partition_of
from mooring_local.wire.faults import Fault

LONGEST = 2048
"""Characters of Message and of OriginalMessage."""
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container {container}. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
NOT_LOADED = "and could not load the entire response body."


def refused(live: LiveEndpoint, container: str, status: int, body: bytes) -> Fault:
    """The response status is not 2xx."""
    return _model_error(live, container, status, body.decode("utf-8", "replace"))


def timed_out(live: LiveEndpoint, container: str) -> Fault:
    """The container did not respond in time."""
    return _model_error(live, container, 0, TIMED_OUT.format(container=container))


def broke_off(live: LiveEndpoint, container: str, why: str) -> Fault:
    """The response is incomplete, most likely because the container died."""
    return _model_error(live, container, 0, f"Incomplete response from the container: {why}.")


def too_large(live: LiveEndpoint, container: str, limit: int) -> Fault:
    """The response exceeds the size limit."""
    text = f"Received server error (0) from {container} {NOT_LOADED} {where(live)}"
    return _fault(live, text, 0, f"The response has more than {limit} bytes.")


def where(live: LiveEndpoint) -> str:
    """The address of the log on SageMaker."""
    group, region = endpoint_group(live.name), live.region
    console = partition_of(region).console
    page = f"https://{region}.{console}/cloudwatch/home?region={region}#logEventViewer:group={group}"
    return f"See {page} in account {live.account} for more information."


def _model_error(live: LiveEndpoint, container: str, status: int, said: str) -> Fault:
    kind = "client" if 400 <= status < 500 else "server"
    before = f'Received {kind} error ({status}) from {container} with message "'
    after = f'". {where(live)}'
    return _fault(live, before + said[: LONGEST - len(before) - len(after)] + after, status, said)


def _fault(live: LiveEndpoint, message: str, status: int, said: str) -> Fault:
    partition = partition_of(live.region).name
    arn = f"arn:{partition}:logs:{live.region}:{live.account}:log-group:{endpoint_group(live.name)}"
    members = {"OriginalStatusCode": status, "OriginalMessage": said[:LONGEST], "LogStreamArn": arn}
    return Fault("ModelError", message[:LONGEST], 424, members)

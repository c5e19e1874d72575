"""CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob. `batch/` runs them."""

from collections.abc import Mapping
from typing import Any

from mooring.local.control import models
from mooring.local.control.listing import Listing
from mooring.local.control.parts import Parts, echoed, tags_of
from mooring.local.wire.call import Call, Place
from mooring.local.wire.faults import Fault, invalid
from mooring.local.wire.service import Handler

KIND = "transform-job"
MOST_IN_FLIGHT_MB = 100
"""MaxConcurrentTransforms × MaxPayloadInMB."""

LISTING = Listing("TransformJobSummaries", "TransformJobName", status="TransformJobStatus")


class TransformJobs:
    """The operations on transform jobs."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handlers(self) -> dict[str, Handler]:
        """Operation → who does it."""
        return {
            "CreateTransformJob": self.create,
            "DescribeTransformJob": self.describe,
            "ListTransformJobs": self.list,
            "StopTransformJob": self.stop,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        """Its model has to exist; it starts at once."""
        given, name = call.parameters, call.parameters["TransformJobName"]
        models.existing(self._parts, call.place, given["ModelName"])
        _check(given)
        arn, tags, now = call.place.arn(KIND, name), tags_of(given), self._parts.now()
        document = {
            **echoed(given, call.place, KIND, name),
            "TransformJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        if not self._parts.state.add(KIND, name, document):
            said = "Job name must be unique within an AWS account and region"
            raise Fault("ResourceInUse", f"{said}, and a job with this name already exists ({arn})")
        self._parts.state.set_tags(arn, tags)
        self._parts.jobs.start(name)
        return {"TransformJobArn": arn}

    def describe(self, call: Call) -> Mapping[str, Any]:
        """As it is now."""
        return existing(self._parts, call.place, call.parameters["TransformJobName"])

    def list(self, call: Call) -> Mapping[str, Any]:
        """A page of them."""
        return LISTING.page(self._parts.state.all(KIND), call.parameters)

    def stop(self, call: Call) -> None:
        """Only one that is in progress."""
        document = existing(self._parts, call.place, call.parameters["TransformJobName"])
        name, status = document["TransformJobName"], document["TransformJobStatus"]
        if status == "Stopping":
            return
        if status != "InProgress":
            raise invalid(f"The request was rejected because the transform job is in status {status}.")
        moved = {"TransformJobStatus": "Stopping", "LastModifiedTime": self._parts.now()}
        self._parts.state.change(KIND, name, moved)
        self._parts.jobs.stop(name)


def existing(parts: Parts, place: Place, name: str) -> dict[str, Any]:
    """The job's document. Raises Fault if there is none."""
    document = parts.state.get(KIND, name)
    if document is None:
        raise Fault("ResourceNotFound", f"Could not find requested job with name: {name} ({place.arn(KIND, name)})")
    return document


def _check(given: Mapping[str, Any]) -> None:
    """What a job demands beyond its shape. Raises Fault."""
    in_flight = given.get("MaxConcurrentTransforms", 1) * given.get("MaxPayloadInMB", 6)
    if in_flight > MOST_IN_FLIGHT_MB:
        raise invalid(f"MaxConcurrentTransforms * MaxPayloadInMB must not exceed {MOST_IN_FLIGHT_MB} MB.")
    if given.get("BatchStrategy") == "MultiRecord" and given["TransformInput"].get("SplitType", "None") == "None":
        raise invalid("BatchStrategy MultiRecord needs a SplitType other than None.")
    if given.get("DataProcessing", {}).get("JoinSource", "None") == "Input":
        source, target = given["TransformInput"], given["TransformOutput"]
        if source.get("SplitType", "None") != target.get("AssembleWith", "None"):
            raise invalid("SplitType must be equal to AssembleWith when JoinSource is Input.")
        if source.get("ContentType") != target.get("Accept"):
            raise invalid("ContentType must be equal to Accept when JoinSource is Input.")

"""CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob. `batch/` runs them."""

from collections.abc import Mapping
from typing import Any

from mooring_local.control import models
from mooring_local.control.listing import Listing
from mooring_local.control.parts import Parts, echoed, tags_of
from mooring_local.wire.call import Call, Place
from mooring_local.wire.faults import Fault, invalid
from mooring_local.wire.service import Handler

KIND = "transform-job"
MOST_IN_FLIGHT_MB = 100
"""MaxConcurrentTransforms × MaxPayloadInMB."""

LISTING = Listing("TransformJobSummaries", "TransformJobName", status="TransformJobStatus")


class TransformJobs:
    """The operations on transform jobs."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "CreateTransformJob": self.create,
            "DescribeTransformJob": self.describe,
            "ListTransformJobs": self.list,
            "StopTransformJob": self.stop,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        """Start a job; its model and input must exist."""
        given, name = call.parameters, call.parameters["TransformJobName"]
        model = models.existing(self._parts, call.place, given["ModelName"])
        _check(given)
        self._check_input(call.place, given, model)
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
        """Return the current state."""
        return existing(self._parts, call.place, call.parameters["TransformJobName"])

    def list(self, call: Call) -> Mapping[str, Any]:
        """List with filters, sorting and pages."""
        return LISTING.page(self._parts.state.all(KIND), call.parameters)

    def stop(self, call: Call) -> None:
        """Stop a job that is in progress."""
        document = existing(self._parts, call.place, call.parameters["TransformJobName"])
        name, status = document["TransformJobName"], document["TransformJobStatus"]
        if status == "Stopping":
            return
        if status != "InProgress":
            raise invalid(f"The request was rejected because the transform job is in status {status}.")
        moved = {"TransformJobStatus": "Stopping", "LastModifiedTime": self._parts.now()}
        self._parts.state.change(KIND, name, moved)
        self._parts.jobs.stop(name)

    def _check_input(self, place: Place, given: Mapping[str, Any], model: Mapping[str, Any]) -> None:
        """Check that the input has at least one object, or a manifest. Raises Fault."""
        source, objects = given["TransformInput"]["DataSource"]["S3DataSource"], self._parts.objects
        bucket, key = objects.locate(source["S3Uri"])
        listed = source["S3DataType"] == "ManifestFile"
        if objects.has(bucket, key) if listed else objects.holds(bucket, key):
            return
        role = model.get("ExecutionRoleArn", "")
        raise invalid(
            f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source. Please ensure that the '
            f"bucket exists in the selected region ({place.region}), that objects exist under that S3 prefix, and that "
            f'the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
        )


def existing(parts: Parts, place: Place, name: str) -> dict[str, Any]:
    """The job's document. Raises Fault if it does not exist."""
    document = parts.state.get(KIND, name)
    if document is None:
        # botocore's model declares ResourceNotFound, but the service responds as for other resources.
        raise invalid(f"Could not find requested job with name: {name} ({place.arn(KIND, name)})")
    return document


def _check(given: Mapping[str, Any]) -> None:
    """Check rules that botocore's model does not express. Raises Fault."""
    in_flight = given.get("MaxConcurrentTransforms", 1) * given.get("MaxPayloadInMB", 6)
    if in_flight > MOST_IN_FLIGHT_MB:
        said = f"MaxConcurrentTransforms * MaxPayloadInMB must not exceed {MOST_IN_FLIGHT_MB} MB"
        raise invalid(f"{said}; it is {in_flight} MB.")
    if given.get("BatchStrategy") == "MultiRecord" and given["TransformInput"].get("SplitType", "None") == "None":
        raise invalid("BatchStrategy MultiRecord needs a SplitType other than None.")
    if given.get("DataProcessing", {}).get("JoinSource", "None") == "Input":
        source, target = given["TransformInput"], given["TransformOutput"]
        split, assembled = source.get("SplitType", "None"), target.get("AssembleWith", "None")
        if split != assembled:
            said = "SplitType must be equal to AssembleWith when JoinSource is Input"
            raise invalid(f"{said}; they are {split!r} and {assembled!r}.")
        content_type, accept = source.get("ContentType"), target.get("Accept")
        if content_type != accept:
            said = "ContentType must be equal to Accept when JoinSource is Input"
            raise invalid(f"{said}; they are {content_type!r} and {accept!r}.")

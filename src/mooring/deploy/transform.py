"""Run a batch transform job with a SageMaker model.

SageMaker checks a job's parameters; only those that would fail late are checked here.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mooring.deploy.faults import asked, in_words
from mooring.deploy.requests import DEPLOYMENT_TAG, stem, tag_list
from mooring.deploy.session import Session
from mooring.deploy.spec import DEFAULT_INSTANCE
from mooring.deploy.wait import LOG_LINES, TRANSFORM_GROUP, pause_after, tail
from mooring.errors import EndpointFailed, UsageError, echo
from mooring.progress import Progress
from mooring.settings import load_settings

MOST_MB = 100
"""SageMaker's limit for concurrent requests times their size."""
FINAL = frozenset({"Completed", "Failed", "Stopped"})


@dataclass(frozen=True, slots=True)
class Job:
    """A batch job. None means SageMaker's default."""

    model: str
    """The SageMaker model's name."""
    source: str
    """S3 prefix of the input."""
    output: str
    """S3 prefix for the output."""
    name: str = ""
    instance_type: str = DEFAULT_INSTANCE
    instances: int = 1
    content_type: str = "application/jsonlines"
    accept: str | None = None
    split: str = "Line"
    strategy: str | None = None
    max_payload_mb: int | None = None
    max_concurrent: int | None = None
    input_filter: str | None = None
    output_filter: str | None = None
    join: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def job_request(job: Job) -> dict[str, Any]:
    """The request of CreateTransformJob. Raises UsageError for what would fail only after the instances started."""
    for what, uri in (("input", job.source), ("output", job.output)):
        if not uri.startswith("s3://"):
            raise UsageError(f"--{what} {echo(uri)} is not an S3 URI.", hint="It looks like s3://BUCKET/PREFIX.")
    if job.join and job.split == "None":
        raise UsageError("--join needs records, but --split None makes none.", hint="Use --split Line.")
    if (job.max_payload_mb or 6) * (job.max_concurrent or 1) > MOST_MB:
        raise UsageError(
            f"{job.max_concurrent or 1} concurrent requests of {job.max_payload_mb or 6} MB exceed {MOST_MB} MB.",
            hint="Lower --max-concurrent or --max-payload.",
        )
    # Load them as the container will, to find invalid values early.
    load_settings(job.environment)
    place = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": job.source}}
    # Answers of another type than the records could not be split or joined to them.
    output = {
        "S3OutputPath": job.output,
        "Accept": job.accept or job.content_type,
        "AssembleWith": "None" if job.split == "None" else "Line",
    }
    processing: dict[str, Any] = {"JoinSource": "Input"} if job.join else {}
    processing |= {"InputFilter": job.input_filter} if job.input_filter else {}
    processing |= {"OutputFilter": job.output_filter} if job.output_filter else {}
    request: dict[str, Any] = {
        "TransformJobName": job.name or f"{stem(job.model)}-{time.strftime('%y%m%d%H%M%S', time.gmtime())}",
        "ModelName": job.model,
        "TransformInput": {"DataSource": place, "ContentType": job.content_type, "SplitType": job.split},
        "TransformOutput": output,
        "TransformResources": {"InstanceType": job.instance_type, "InstanceCount": job.instances},
    }
    optional = {
        "BatchStrategy": job.strategy,
        "MaxPayloadInMB": job.max_payload_mb,
        "MaxConcurrentTransforms": job.max_concurrent,
        "Environment": dict(job.environment),
        "DataProcessing": processing,
        "Tags": tag_list(job.tags),
    }
    return request | {key: value for key, value in optional.items() if value}


def model_of(session: Session, name: str) -> str | None:
    """The SageMaker model behind the endpoint `name`, or the model `name`; None if there is neither."""
    sagemaker, doing = session.client("sagemaker"), f"Looking for {name}"

    def behind() -> str:
        config = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        return str(variants[0]["ModelName"])

    return asked(doing, behind) or asked(doing, lambda: str(sagemaker.describe_model(ModelName=name)["ModelName"]))


def run_job(session: Session, job: Job, progress: Progress, *, wait: bool = True) -> Mapping[str, Any]:
    """Start the job, and wait until it ends if `wait`. Returns the response of DescribeTransformJob.

    Raises EndpointFailed with SageMaker's reason and the end of the log. Ctrl-C leaves the job running and says so.
    """
    request = job_request(job)
    name = request["TransformJobName"]
    sagemaker = session.client("sagemaker")
    progress.begin(f"Starting the job {name}")
    with in_words(f"Starting the job {name}"):
        sagemaker.create_transform_job(**request)
    progress.end(f"{job.instances} × {job.instance_type}")
    if not wait:
        return _described(session, name)
    try:
        found = _ended(session, name, progress)
    except KeyboardInterrupt:
        progress.note(f"The job continues. To stop it: aws sagemaker stop-transform-job --transform-job-name {name}")
        raise
    if found["TransformJobStatus"] == "Failed":
        reason = str(found.get("FailureReason") or "SageMaker gave no reason")
        raise EndpointFailed(
            f"The job {name} failed: {reason.rstrip('.')}.",
            reason=reason,
            log=tail(session, TRANSFORM_GROUP, LOG_LINES, prefix=name),
            hint=f"See its log: {TRANSFORM_GROUP}, streams {name}/….",
        )
    return found


def _described(session: Session, name: str) -> Mapping[str, Any]:
    with in_words(f"Looking at the job {name}"):
        found: Mapping[str, Any] = session.client("sagemaker").describe_transform_job(TransformJobName=name)
    return found


def _ended(session: Session, name: str, progress: Progress) -> Mapping[str, Any]:
    progress.begin(f"Waiting for the job {name}")
    began, said = time.monotonic(), ""
    while True:
        found = _described(session, name)
        status = found["TransformJobStatus"]
        if status != said:
            progress.detail(status)
            said = status
        if status in FINAL:
            if status == "Completed":
                progress.end(status)
            return found
        time.sleep(pause_after(time.monotonic() - began))


def job_tags(deployment: str) -> dict[str, str]:
    """Tags of a job that uses a deployment's model."""
    return {DEPLOYMENT_TAG: deployment}

"""The wanted deployment, SageMaker's limits, and checks that need no account. Pure: no AWS client, no file.

`deployment.py` fills in what depends on the account.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mooring.deploy.trial import Trial
from mooring.errors import UsageError, echo
from mooring.settings import load_settings

Kind = Literal["real-time", "serverless", "async", "multi-model", "batch"]

# Limits per kind of endpoint, from the developer guide and the API reference. Where these contradict each other (25 MB
# or 6 MB for a request), the guide's newer and larger figure is used: the service itself decides.
MEGABYTE = 1024 * 1024
GIGABYTE = 1024 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes and seconds; None for no known limit."""

    request_bytes: int
    response_s: int
    image_bytes: int | None = None
    """Unpacked."""
    model_bytes: int | None = None
    """Packed and unpacked together, since both are on the disk for a while."""


LIMITS: Mapping[Kind, Limits] = {
    "real-time": Limits(25 * MEGABYTE, 60),
    "serverless": Limits(4 * MEGABYTE, 60, image_bytes=10 * GIGABYTE, model_bytes=5 * GIGABYTE),
    "async": Limits(1 * GIGABYTE, 3600),
    "multi-model": Limits(25 * MEGABYTE, 60),
    "batch": Limits(100 * MEGABYTE, 3600),
}

SERVERLESS_MEMORY_MB = tuple(range(1024, 6145, 1024))
SERVERLESS_CONCURRENCY = 200
ENVIRONMENT_ENTRIES = 100
ENVIRONMENT_TEXT = 1024
"""Maximum characters of a variable's name, and of its value."""
ENVIRONMENT_BYTES = 32 * 1024
TAGS = 50
NAME_LENGTH = 63
INLINE_ASYNC_BYTES = 128_000


DEFAULT_INSTANCE = "ml.c7i.large"
DEFAULT_MEMORY_MB = 3072
DEFAULT_CONCURRENCY = 5
DEFAULT_TARGET = 1000.0
"""Autoscaling target in invocations per minute and instance."""
DEFAULT_BACKLOG = 5.0
"""Autoscaling target of asynchronous endpoints, in waiting requests per instance."""

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Instances:
    """Dedicated instances."""

    type: str = DEFAULT_INSTANCE
    count: int = 1


@dataclass(frozen=True, slots=True)
class Serverless:
    """Capacity on demand."""

    memory_mb: int = DEFAULT_MEMORY_MB
    max_concurrency: int = DEFAULT_CONCURRENCY
    provisioned: int | None = None


@dataclass(frozen=True, slots=True)
class Asynchronous:
    """Requests and answers are exchanged through S3."""

    output: str
    """S3 prefix for answers."""
    failure: str | None = None
    max_concurrent: int | None = None
    """Per instance."""
    success_topic: str | None = None
    error_topic: str | None = None


@dataclass(frozen=True, slots=True)
class Scaling:
    """Target tracking. `target` is per instance: invocations per minute, or waiting requests if asynchronous."""

    minimum: int
    maximum: int
    target: float


@dataclass(frozen=True, slots=True)
class Archive:
    """A model.tar.gz to upload to `Spec.model_data` unless it is there."""

    path: Path
    digest: str
    """Hex digest of its content."""
    size: int
    """Bytes, packed."""
    unpacked: int
    bucket: str
    key: str
    trial: Trial | None = field(default=None, compare=False)
    """A test request for the model; None if only its own code can read it."""

    @property
    def uri(self) -> str:
        """S3 URI of the archive after the upload."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Push:
    """A local image to push to the account's registry unless it is there."""

    local: str
    repository: str
    tag: str
    """From the image's digest."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A complete deployment. `compute` is None for a model without an endpoint, for batch jobs."""

    name: str
    image: str
    role: str
    """ARN."""
    compute: Instances | Serverless | None = Instances()
    model_data: str | None = None
    """S3 URI. None for the image's own model, or the one that HF_MODEL_ID in `environment` names."""
    bucket: str | None = None
    """Bucket to create if missing, for the archive or the answers of an asynchronous endpoint."""
    archive: Archive | None = None
    push: Push | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    multi_model: bool = False
    asynchronous: Asynchronous | None = None
    scaling: Scaling | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """The row of `LIMITS` that applies."""
        if self.compute is None:
            return "batch"
        if isinstance(self.compute, Serverless):
            return "serverless"
        if self.asynchronous is not None:
            return "async"
        return "multi-model" if self.multi_model else "real-time"


def check(spec: Spec) -> Spec:
    """Return `spec`. Raises UsageError for what SageMaker allows in no account."""
    check_name(spec.name)
    if isinstance(spec.compute, Instances):
        _check_instances(spec.compute)
    if isinstance(spec.compute, Serverless):
        _check_serverless(spec, spec.compute)
    if spec.asynchronous and spec.multi_model:
        raise UsageError("--async and --multi-model are mutually exclusive.", hint="Leave out one of them.")
    if spec.multi_model and not spec.model_data:
        raise UsageError(
            "--multi-model needs a first model to upload.",
            hint="Name one: moor deploy MODEL --multi-model.",
        )
    if spec.scaling is not None:
        _check_scaling(spec, spec.scaling)
    _check_environment(spec.environment)
    _check_tags(spec.tags)
    return spec


def is_name(text: str) -> bool:
    """Whether SageMaker allows the name for an endpoint or a model."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> None:
    """Raise UsageError for an invalid deployment name."""
    if not is_name(name):
        raise UsageError(
            f"Invalid endpoint name {echo(name)}.",
            hint=f"Use letters, digits, and hyphens between them, at most {NAME_LENGTH} characters.",
        )


def _check_instances(wanted: Instances) -> None:
    if wanted.count < 1:
        raise UsageError(f"The number of instances is {wanted.count}.", hint="It must be at least 1.")
    if not wanted.type.startswith("ml."):
        raise UsageError(
            f"Invalid instance type {echo(wanted.type)}: SageMaker's types begin with ml.",
            hint=f"Did you mean ml.{wanted.type}?" if "." in wanted.type else f"Types look like {DEFAULT_INSTANCE}.",
        )


def _check_serverless(spec: Spec, serverless: Serverless) -> None:
    if serverless.memory_mb not in SERVERLESS_MEMORY_MB:
        allowed = ", ".join(map(str, SERVERLESS_MEMORY_MB))
        raise UsageError(
            f"Invalid memory of a serverless endpoint: {serverless.memory_mb} MB.", hint=f"Use one of {allowed}."
        )
    counts = (("max concurrency", serverless.max_concurrency), ("provisioned concurrency", serverless.provisioned or 1))
    for what, count in counts:
        if not 1 <= count <= SERVERLESS_CONCURRENCY:
            hint = f"It must be from 1 to {SERVERLESS_CONCURRENCY}."
            raise UsageError(f"The {what} is {count}.", hint=hint)
    if (serverless.provisioned or 0) > serverless.max_concurrency:
        raise UsageError(
            f"The provisioned concurrency is {serverless.provisioned}.",
            hint=f"It must be at most the max concurrency, {serverless.max_concurrency}.",
        )
    for flag, given in (
        ("--multi-model", spec.multi_model),
        ("--async", spec.asynchronous),
        ("--max-instances", spec.scaling),
    ):
        if given:
            raise UsageError(
                f"{flag} and --serverless are mutually exclusive.", hint=f"SageMaker offers {flag} on instances only."
            )
    largest = LIMITS["serverless"].model_bytes
    if spec.archive and largest and spec.archive.size + spec.archive.unpacked > largest:
        need = (spec.archive.size + spec.archive.unpacked) / GIGABYTE
        raise UsageError(
            f"The model needs {need:.1f} GB of disk, packed and unpacked; a serverless endpoint has 5 GB.",
            hint="Deploy on an instance: --instance-type.",
        )


def _check_scaling(spec: Spec, scaling: Scaling) -> None:
    least = 0 if spec.asynchronous else 1
    if scaling.minimum > scaling.maximum:
        raise UsageError(
            f"Minimum instances ({scaling.minimum}) exceeds maximum instances ({scaling.maximum}).",
            hint="Lower the minimum or raise the maximum.",
        )
    if scaling.minimum < least:
        raise UsageError(f"Minimum instances is {scaling.minimum}.", hint=f"It must be at least {least}.")
    if scaling.target <= 0:
        raise UsageError(f"The autoscaling target is {scaling.target:g}.", hint="It must be above 0.")


def _check_environment(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if not _VARIABLE.fullmatch(name) or len(name) > ENVIRONMENT_TEXT:
            raise UsageError(f"Invalid variable name {echo(name)}.", hint="Use letters, digits and underscores.")
        if len(value) > ENVIRONMENT_TEXT:
            raise UsageError(
                f"The variable {name} has {len(value)} characters.",
                hint=f"SageMaker allows at most {ENVIRONMENT_TEXT}.",
            )
    size = sum(len(f"{name}{value}".encode()) for name, value in environment.items())
    if len(environment) > ENVIRONMENT_ENTRIES or size > ENVIRONMENT_BYTES:
        raise UsageError(
            f"{len(environment)} environment variables of {size} bytes in total are too many.",
            hint=f"SageMaker allows at most {ENVIRONMENT_ENTRIES} of {ENVIRONMENT_BYTES} bytes in total.",
        )
    # Load them as the container will, to find invalid values before there is an endpoint.
    load_settings(environment)


def _check_tags(tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise UsageError(
                f"Invalid tag {echo(key)}={echo(value)}.",
                hint="A key has 1 to 128 characters and does not begin with aws:. A value has at most 256.",
            )
        if key.startswith("mooring:"):
            raise UsageError(
                f"The tag {echo(key)} is reserved by Mooring.", hint="Use a key without mooring: in front."
            )
    if len(tags) > TAGS - 3:
        raise UsageError(f"{len(tags)} tags are too many.", hint=f"Use at most {TAGS - 3}: SageMaker allows {TAGS}.")

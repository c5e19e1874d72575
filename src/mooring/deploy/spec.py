"""What a user wants deployed: plain values in, a checked `Spec` out. Pure: knows no AWS client and opens no file.

Called by `deployment.py`, which fills in what only the account knows; read by `requests.py` and `plan.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mooring.deploy import limits
from mooring.deploy.limits import Kind
from mooring.errors import UsageError, echo
from mooring.settings import load_settings

DEFAULT_INSTANCE = "ml.c7i.large"
DEFAULT_MEMORY_MB = 3072
DEFAULT_CONCURRENCY = 5
DEFAULT_TARGET = 1000.0
"""Invocations a minute and instance that autoscaling aims at."""
DEFAULT_BACKLOG = 5.0
"""The same for asynchronous endpoints: requests waiting per instance."""

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Instances:
    """Machines that are always there."""

    type: str = DEFAULT_INSTANCE
    count: int = 1


@dataclass(frozen=True, slots=True)
class Serverless:
    """Machines that come when they are needed."""

    memory_mb: int = DEFAULT_MEMORY_MB
    max_concurrency: int = DEFAULT_CONCURRENCY
    provisioned: int | None = None


@dataclass(frozen=True, slots=True)
class Asynchronous:
    """Requests are taken from S3, one after the other, and answers put there."""

    output: str
    """S3 prefix for answers."""
    failure: str | None = None
    max_concurrent: int | None = None
    """Per instance."""
    success_topic: str | None = None
    error_topic: str | None = None


@dataclass(frozen=True, slots=True)
class Scaling:
    """Target tracking. `target` is invocations a minute and instance; of an asynchronous endpoint, requests waiting."""

    minimum: int
    maximum: int
    target: float


@dataclass(frozen=True, slots=True)
class Archive:
    """A model.tar.gz to be put at `Spec.model_data` if nothing is there."""

    path: Path
    digest: str
    """Hex, over what is in it."""
    size: int
    """Bytes, packed."""
    unpacked: int
    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """Where it will be."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Push:
    """An image of this machine's engine, to be put into the account's registry if it is not there."""

    local: str
    repository: str
    tag: str
    """Made of the image's own digest."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One deployment, complete. `compute` None: a model alone, for batch jobs."""

    name: str
    image: str
    role: str
    """ARN."""
    compute: Instances | Serverless | None = Instances()
    model_data: str | None = None
    """S3 URI. None: the image's own model, or what HF_MODEL_ID in `environment` names."""
    bucket: str | None = None
    """To be made if it is not there: for the archive, or for the answers of an asynchronous endpoint."""
    archive: Archive | None = None
    push: Push | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    multi_model: bool = False
    asynchronous: Asynchronous | None = None
    scaling: Scaling | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """Which row of `limits.LIMITS` holds."""
        if self.compute is None:
            return "batch"
        if isinstance(self.compute, Serverless):
            return "serverless"
        if self.asynchronous is not None:
            return "async"
        return "multi-model" if self.multi_model else "real-time"


def check(spec: Spec) -> Spec:
    """The same spec. Raises UsageError for what no account could have, before anything is asked of one."""
    check_name(spec.name)
    if isinstance(spec.compute, Instances):
        _check_instances(spec.compute)
    if isinstance(spec.compute, Serverless):
        _check_serverless(spec, spec.compute)
    if spec.asynchronous and spec.multi_model:
        raise UsageError("An asynchronous endpoint has one model.", hint="Leave --async or --multi-model out.")
    if spec.multi_model and not spec.model_data:
        raise UsageError(
            "A multi-model endpoint serves what lies under an S3 prefix, and there is none.",
            hint="Name a model to put there first: moor deploy MODEL --multi-model.",
        )
    if spec.scaling is not None:
        _check_scaling(spec, spec.scaling)
    _check_environment(spec.environment)
    _check_tags(spec.tags)
    return spec


def is_name(text: str) -> bool:
    """Whether an endpoint or a model of SageMaker's could be called so."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> None:
    """Raise UsageError for what cannot be a deployment's name."""
    if not is_name(name):
        raise UsageError(
            f"The name {echo(name)} cannot be an endpoint's.",
            hint=f"Letters, digits and hyphens between them, at most {limits.NAME_LENGTH} in all.",
        )


def _check_instances(wanted: Instances) -> None:
    if wanted.count < 1:
        raise UsageError(f"An endpoint needs at least 1 instance; {wanted.count} were asked for.")
    if not wanted.type.startswith("ml."):
        raise UsageError(
            f"{echo(wanted.type)} is no instance type of SageMaker's: those begin with ml.",
            hint=f"Is ml.{wanted.type} meant?" if "." in wanted.type else f"It looks like {DEFAULT_INSTANCE}.",
        )


def _check_serverless(spec: Spec, serverless: Serverless) -> None:
    if serverless.memory_mb not in limits.SERVERLESS_MEMORY_MB:
        allowed = ", ".join(map(str, limits.SERVERLESS_MEMORY_MB))
        raise UsageError(
            f"A serverless endpoint cannot have {serverless.memory_mb} MB.", hint=f"It can have {allowed}."
        )
    for what, count in (("max concurrency", serverless.max_concurrency), ("provisioned", serverless.provisioned or 1)):
        if not 1 <= count <= limits.SERVERLESS_CONCURRENCY:
            raise UsageError(f"{what} is {count}; it goes from 1 to {limits.SERVERLESS_CONCURRENCY}.")
    if (serverless.provisioned or 0) > serverless.max_concurrency:
        raise UsageError(f"provisioned is {serverless.provisioned}, above the max concurrency.")
    for flag, given in (
        ("--multi-model", spec.multi_model),
        ("--async", spec.asynchronous),
        ("--max-instances", spec.scaling),
    ):
        if given:
            raise UsageError(
                f"{flag} and serverless exclude each other.", hint="SageMaker offers them on instances only."
            )
    largest = limits.LIMITS["serverless"].model_bytes
    if spec.archive and largest and spec.archive.size + spec.archive.unpacked > largest:
        need = (spec.archive.size + spec.archive.unpacked) / limits.GIGABYTE
        raise UsageError(
            f"The model needs {need:.1f} GB of disk, packed and unpacked; a serverless endpoint has 5.",
            hint="Deploy it on an instance: --instance-type.",
        )


def _check_scaling(spec: Spec, scaling: Scaling) -> None:
    least = 0 if spec.asynchronous else 1
    if not least <= scaling.minimum <= scaling.maximum:
        raise UsageError(
            f"Between {scaling.minimum} and {scaling.maximum} instances cannot be.",
            hint=f"The minimum is at least {least}, the maximum at least the minimum.",
        )
    if scaling.target <= 0:
        raise UsageError(f"The target of autoscaling is {scaling.target:g}; it must be above 0.")


def _check_environment(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if not _VARIABLE.fullmatch(name) or len(name) > limits.ENVIRONMENT_TEXT:
            raise UsageError(f"{echo(name)} cannot be the name of a variable.", hint="Letters, digits and underscores.")
        if len(value) > limits.ENVIRONMENT_TEXT:
            raise UsageError(
                f"The variable {name} has {len(value)} characters; SageMaker takes {limits.ENVIRONMENT_TEXT}."
            )
    size = sum(len(f"{name}{value}".encode()) for name, value in environment.items())
    if len(environment) > limits.ENVIRONMENT_ENTRIES or size > limits.ENVIRONMENT_BYTES:
        raise UsageError(
            f"{len(environment)} variables of {size} bytes in all are more than SageMaker takes.",
            hint=f"At most {limits.ENVIRONMENT_ENTRIES} of {limits.ENVIRONMENT_BYTES} bytes together.",
        )
    # As the container will: a value that ends its start is better known before there is an endpoint.
    load_settings(environment)


def _check_tags(tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise UsageError(
                f"The tag {echo(key)}={echo(value)} cannot be.",
                hint="A key has 1 to 128 characters and does not begin with aws:, a value at most 256.",
            )
        if key.startswith("mooring:"):
            raise UsageError(f"The tag {echo(key)} is Mooring's own.", hint="Choose a key that begins otherwise.")
    if len(tags) > limits.TAGS - 3:
        raise UsageError(f"{len(tags)} tags are too many: SageMaker takes {limits.TAGS}, and 3 are Mooring's own.")

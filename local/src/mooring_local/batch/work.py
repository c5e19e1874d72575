"""Read a transform job's document: settings, pace and input objects."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mooring_local.batch.faults import BatchFault
from mooring_local.batch.joining import Processing, processing
from mooring_local.batch.splitting import MEGABYTE
from mooring_local.objects.entry import Entry
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.call import region_of
from mooring_local.wire.faults import Fault

DEFAULT_TIMEOUT_S = 600.0
DEFAULT_RETRIES = 3
DEFAULT_PAYLOAD_MB = 6
STRATEGIES: Mapping[str, str] = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}
"""API value → container value."""


@dataclass(frozen=True, slots=True)
class Work:
    """The settings of a job."""

    name: str
    region: str
    model: str
    source: Mapping[str, Any]
    """S3DataSource."""
    compressed: bool
    split: str
    content_type: str
    accept: str
    output: str
    """S3OutputPath."""
    newline: bool
    """Write a line break after each response."""
    processing: Processing
    timeout_s: float
    retries: int
    environment: Mapping[str, str]
    """The job's variables and those that SageMaker adds."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """MaxConcurrentTransforms, MaxPayloadInMB and BatchStrategy, if the job sets them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Concurrency, payload size and batch strategy."""

    concurrency: int
    payload_mb: int
    single: bool

    @property
    def payload_bytes(self) -> int | None:
        """Maximum bytes of one request; None: no limit."""
        return self.payload_mb * MEGABYTE if self.payload_mb else None

    def __str__(self) -> str:
        """The first line of the data log."""
        strategy = STRATEGIES["SingleRecord" if self.single else "MultiRecord"]
        return f"MaxConcurrentTransforms={self.concurrency}, MaxPayloadInMB={self.payload_mb}, BatchStrategy={strategy}"


def work_of(document: Mapping[str, Any]) -> Work:
    """Raises BatchFault for invalid data processing."""
    source, target = document["TransformInput"], document["TransformOutput"]
    patience = document.get("ModelClientConfig", {})
    given = {n: document[n] for n in ("MaxConcurrentTransforms", "MaxPayloadInMB", "BatchStrategy") if n in document}
    split, content_type, accept = (
        source.get("SplitType", "None"),
        source.get("ContentType", ""),
        target.get("Accept", ""),
    )
    return Work(
        name=document["TransformJobName"],
        region=region_of(document.get("TransformJobArn", "")),
        model=document["ModelName"],
        source=source["DataSource"]["S3DataSource"],
        compressed=source.get("CompressionType") == "Gzip",
        split=split,
        content_type=content_type,
        accept=accept,
        output=target["S3OutputPath"],
        newline=target.get("AssembleWith") == "Line",
        processing=processing(document.get("DataProcessing", {}), content_type, accept, whole=split == "None"),
        timeout_s=float(patience.get("InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT_S)),
        retries=patience.get("InvocationsMaxRetries", DEFAULT_RETRIES),
        environment={**_platform(given), **document.get("Environment", {})},
        given=given,
    )


def _platform(given: Mapping[str, Any]) -> dict[str, str]:
    """SAGEMAKER_ variables with the job's settings, for those that the user set."""
    added = {"SAGEMAKER_BATCH": "true"}
    if "MaxPayloadInMB" in given:
        added["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(given["MaxPayloadInMB"])
    if "BatchStrategy" in given:
        added["SAGEMAKER_BATCH_STRATEGY"] = STRATEGIES[given["BatchStrategy"]]
    if "MaxConcurrentTransforms" in given:
        added["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(given["MaxConcurrentTransforms"])
    return added


def pace_of(work: Work, answer: bytes | None) -> Pace:
    """The job's settings, else the container's, else the defaults.

    `answer`: the response of /execution-parameters; None or invalid values are ignored.
    """
    told = _told(answer)
    concurrency = work.given.get("MaxConcurrentTransforms") or told.get("MaxConcurrentTransforms") or 1
    payload = work.given.get("MaxPayloadInMB", told.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB))
    default = told.get("BatchStrategy", STRATEGIES["MultiRecord"])
    strategy = STRATEGIES.get(work.given.get("BatchStrategy", ""), default)
    # Without a split there is only one record, so both strategies do the same.
    return Pace(concurrency, payload, strategy == STRATEGIES["SingleRecord"])


def _told(answer: bytes | None) -> dict[str, Any]:
    try:
        told = json.loads(answer or b"")
    except ValueError:
        return {}
    if not isinstance(told, dict):
        return {}
    counts = {
        name: told[name]
        for name, least in (("MaxConcurrentTransforms", 1), ("MaxPayloadInMB", 0))
        if type(told.get(name)) is int and told[name] >= least
    }
    strategy = told.get("BatchStrategy")
    return {**counts, "BatchStrategy": strategy} if strategy in STRATEGIES.values() else counts


def inputs(work: Work, store: ObjectStore) -> list[tuple[Entry, str]]:
    """The job's input objects, each with its output URI. Raises BatchFault if there are none.

    The output path below S3OutputPath is the input's path below the last slash of S3Uri, or its manifest entry.
    """
    uri = work.source["S3Uri"]
    try:
        bucket, key = store.locate(uri)
        store.folder(bucket)
        if work.source["S3DataType"] == "ManifestFile":
            found = _manifest(bucket, key, store)
        else:
            start = key.rpartition("/")[0]
            entries = [entry for entry in store.list(bucket, key) if not entry.key.endswith("/")]
            found = [(entry, entry.key.removeprefix(f"{start}/" if start else "")) for entry in entries]
        target = store.locate(work.output)[0]
        store.folder(target)
    except Fault as fault:
        raise BatchFault(
            f"{fault.message} ({fault.code})", hint=f"S3Uri is {uri}, S3OutputPath {work.output}."
        ) from None
    if not found:
        raise BatchFault(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            "exists and that objects exist under that S3 prefix."
        )
    return [(entry, f"{work.output.rstrip('/')}/{path}.out") for entry, path in found]


def _manifest(bucket: str, key: str, store: ObjectStore) -> list[tuple[Entry, str]]:
    entry = store.get(bucket, key)
    if entry is None:
        raise BatchFault(f"Manifest s3://{bucket}/{key} not found.")
    wrong = BatchFault(
        f"Invalid manifest s3://{bucket}/{key}.",
        hint='Write a JSON array: [{"prefix": "s3://bucket/folder/"}, "first", "second"].',
    )
    try:
        head, *names = json.loads(entry.path.read_bytes())
        prefix = head["prefix"]
    except (ValueError, TypeError, KeyError):
        raise wrong from None
    if not isinstance(prefix, str) or not all(isinstance(name, str) and name for name in names):
        raise wrong
    found = []
    for name in names:
        one = store.get(*store.locate(prefix + name))
        if one is None:
            raise BatchFault(f"The manifest lists {prefix}{name}, which does not exist.")
        found.append((one, name))
    return found

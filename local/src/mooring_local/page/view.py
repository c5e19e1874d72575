"""The data of the page, read from the state, the store and the logs.

Everything is bounded: the newest resources, the end of each log, one page of a bucket.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mooring
from mooring_local.batch.run import GROUP as JOB_GROUP
from mooring_local.fleet.logbook import Event, Logbook, endpoint_group
from mooring_local.objects.listing import page
from mooring_local.objects.store import ObjectStore
from mooring_local.state import State
from mooring_local.wire.call import ACCOUNT
from mooring_local.wire.faults import Fault

MOST_SHOWN = 200
"""Maximum endpoints, models and jobs."""
LOG_LINES = 300
LONGEST_LINE = 4000
BUCKET_PAGE = 200

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of the data. `data`: the data folder."""

    state: State
    store: ObjectStore
    logbook: Logbook
    data: Path


def overview(sources: Sources) -> Json:
    """Everything but logs and objects."""
    state = sources.state
    configs = {one["EndpointConfigName"]: one for one in state.all("endpoint-config")}
    endpoints = [
        {**_endpoint(one, config), "target": _target(sources, one["EndpointName"], config)}
        for one in _newest(state.all("endpoint"))
        for config in [configs.get(one["EndpointConfigName"], {})]
    ]
    return {
        "version": mooring.__version__,
        "account": ACCOUNT,
        "data": str(sources.data),
        "endpoints": endpoints,
        "models": [_model(one) for one in _newest(state.all("model"))],
        "jobs": [_job(one) for one in _newest(state.all("transform-job"))],
        "buckets": [{"name": b.name, "region": b.region, "created": b.created} for b in sources.store.buckets()],
    }


def endpoint_log(sources: Sources, name: str) -> list[Json]:
    """The last log lines of all its instances, by time."""
    return _tail(sources.logbook, endpoint_group(name), "")


def job_log(sources: Sources, name: str) -> list[Json]:
    """The last log lines of the job's container and its data log, by time."""
    return _tail(sources.logbook, JOB_GROUP, f"{name}/")


def bucket(sources: Sources, name: str, prefix: str, after: str) -> Json:
    """One page of a bucket, as a folder. Raises Fault if the bucket does not exist."""
    found = page(sources.store.keys(name, prefix), prefix, "/", after, BUCKET_PAGE)
    entries = [entry for key in found.keys if (entry := sources.store.get(name, key))]
    return {
        "name": name,
        "prefix": prefix,
        "folder": str(sources.store.folder(name)),
        "folders": list(found.prefixes),
        "objects": [
            {"key": e.key, "size": e.size, "modified": e.modified, "content_type": e.content_type} for e in entries
        ],
        "next": found.last if found.truncated else "",
    }


def _newest(documents: Sequence[Json]) -> list[Json]:
    return sorted(documents, key=lambda one: -float(one.get("CreationTime", 0)))[:MOST_SHOWN]


def _endpoint(document: Mapping[str, Any], config: Mapping[str, Any]) -> Json:
    configured = {one["VariantName"]: one for one in config.get("ProductionVariants", [])}
    variants = [_variant(one, configured.get(one["VariantName"], {})) for one in document.get("ProductionVariants", [])]
    # The document has no variants until its containers have started.
    waiting = [_variant({"VariantName": name}, one) for name, one in configured.items()]
    return {
        "name": document["EndpointName"],
        "status": document["EndpointStatus"],
        "reason": document.get("FailureReason", ""),
        "config": document["EndpointConfigName"],
        "created": document.get("CreationTime"),
        "modified": document.get("LastModifiedTime"),
        "asynchronous": "AsyncInferenceConfig" in config,
        "variants": variants or waiting,
    }


def _target(sources: Sources, endpoint: str, config: Mapping[str, Any]) -> Json | None:
    """What a request has to specify: an inference component, or a model of a multi-model endpoint."""
    components = [one for one in sources.state.all("inference-component") if one["EndpointName"] == endpoint]
    if components:
        names = [one["InferenceComponentName"] for one in components]
        return {"header": "X-Amzn-SageMaker-Inference-Component", "label": "Inference component", "names": names}
    for variant in config.get("ProductionVariants", []):
        model = sources.state.get("model", variant.get("ModelName", "")) or {}
        container = model.get("PrimaryContainer") or (model.get("Containers") or [{}])[0]
        if container.get("Mode") == "MultiModel":
            names = _archives(sources.store, container.get("ModelDataUrl", ""))
            return {"header": "X-Amzn-SageMaker-Target-Model", "label": "Target model", "names": names}
    return None


def _archives(store: ObjectStore, uri: str) -> list[str]:
    """The archives below a prefix, as values of TargetModel."""
    try:
        bucket, prefix = store.locate(uri)
        found = store.keys(bucket, prefix)
    except Fault:
        return []
    return [key.removeprefix(prefix).lstrip("/") for key in found if key.endswith(".tar.gz")][:MOST_SHOWN]


def _variant(now: Mapping[str, Any], given: Mapping[str, Any]) -> Json:
    images = now.get("DeployedImages") or [{}]
    serverless = now.get("CurrentServerlessConfig") or given.get("ServerlessConfig") or {}
    return {
        "name": now["VariantName"],
        "model": given.get("ModelName", ""),
        "image": images[0].get("SpecifiedImage", ""),
        "kind": f"serverless, {serverless['MemorySizeInMB']} MB" if serverless else given.get("InstanceType", ""),
        "weight": now.get("CurrentWeight"),
        "instances": now.get("CurrentInstanceCount"),
        "wanted": now.get("DesiredInstanceCount", given.get("InitialInstanceCount")),
    }


def _model(document: Mapping[str, Any]) -> Json:
    containers = document.get("Containers") or [document.get("PrimaryContainer", {})]
    return {
        "name": document["ModelName"],
        "created": document.get("CreationTime"),
        "containers": [
            {
                "image": one.get("Image", ""),
                "data": one.get("ModelDataUrl") or _source(one),
                "environment": one.get("Environment", {}),
            }
            for one in containers
        ],
    }


def _source(container: Mapping[str, Any]) -> str:
    uri: str = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri", "")
    return uri


def _job(document: Mapping[str, Any]) -> Json:
    source = document.get("TransformInput", {}).get("DataSource", {}).get("S3DataSource", {})
    return {
        "name": document["TransformJobName"],
        "status": document["TransformJobStatus"],
        "reason": document.get("FailureReason", ""),
        "model": document.get("ModelName", ""),
        "created": document.get("CreationTime"),
        "began": document.get("TransformStartTime"),
        "ended": document.get("TransformEndTime"),
        "input": source.get("S3Uri", ""),
        "output": document.get("TransformOutput", {}).get("S3OutputPath", ""),
    }


def _tail(logbook: Logbook, group: str, prefix: str) -> list[Json]:
    lines: list[tuple[Event, str]] = []
    streams = [one for one in logbook.streams(group) if one.name.startswith(prefix)]
    # The streams written last have the last lines.
    for stream in sorted(streams, key=lambda one: one.last_ms)[-8:]:
        lines += [(event, stream.name) for event in logbook.last(group, stream.name, LOG_LINES)]
    lines.sort(key=lambda line: line[0].timestamp_ms)
    return [
        {"at": event.timestamp_ms, "stream": stream.removeprefix(prefix), "text": event.message[:LONGEST_LINE]}
        for event, stream in lines[-LOG_LINES:]
    ]

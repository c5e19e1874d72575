"""The parameters of each API call for a `Spec`, and the names of its resources. Pure.

Names of models and endpoint configurations end in a digest of their content, so that the same spec has the same names
and a changed one gets new resources.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import mooring
from mooring.deploy.spec import Asynchronous, Instances, Serverless, Spec

VARIANT = "AllTraffic"
DEPLOYMENT_TAG = "mooring:deployment"
VERSION_TAG = "mooring:version"
DIGEST_TAG = "mooring:digest"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
NAMESPACE = "sagemaker"
POLICY_TYPE = "TargetTrackingScaling"
POLICY_KEY = "TargetTrackingScalingPolicyConfiguration"
_DIGITS = 12
ENVIRONMENT: Mapping[str, str] = {"MOORING_MAX_QUEUE_MS": "deadline"}
"""Variables of every container, unless the user sets them. SageMaker turns a 429 into an error that nobody retries, so
requests wait until their deadline instead."""

Request = Mapping[str, Any]


def stem(name: str) -> str:
    """Prefix of the names of a deployment's models and configurations: leaves room for a digest in 63 characters."""
    return name[: 62 - _DIGITS].rstrip("-")


def archive_key(name: str, digest: str) -> str:
    """S3 key of a deployment's archive."""
    return f"{archive_prefix(name)}{digest[:16]}/model.tar.gz"


def archive_prefix(name: str) -> str:
    """S3 prefix of all of a deployment's objects."""
    return f"mooring/{name}/"


def model_request(spec: Spec) -> Request:
    """The request of CreateModel."""
    container: dict[str, Any] = {"Image": spec.image}
    if spec.model_data:
        container["ModelDataUrl"] = spec.model_data
    if spec.multi_model:
        container["Mode"] = "MultiModel"
    container["Environment"] = dict(sorted({**ENVIRONMENT, **spec.environment}.items()))
    return _named(spec, "ModelName", {"PrimaryContainer": container, "ExecutionRoleArn": spec.role})


def config_request(spec: Spec) -> Request:
    """The request of CreateEndpointConfig."""
    variant: dict[str, Any] = {"VariantName": VARIANT, "ModelName": model_request(spec)["ModelName"]}
    variant |= _compute(spec)
    content: dict[str, Any] = {"ProductionVariants": [variant]}
    if spec.asynchronous:
        content["AsyncInferenceConfig"] = _asynchronous(spec.asynchronous)
    return _named(spec, "EndpointConfigName", content)


def endpoint_request(spec: Spec) -> Request:
    """The request of CreateEndpoint."""
    config = config_request(spec)
    tags = tag_list(endpoint_tags(spec))
    return {"EndpointName": spec.name, "EndpointConfigName": config["EndpointConfigName"], "Tags": tags}


def endpoint_tags(spec: Spec) -> dict[str, str]:
    """Tags of the endpoint, with its configuration's digest."""
    return _tags(spec, config_request(spec)["EndpointConfigName"][-_DIGITS:])


def scaling_requests(spec: Spec) -> tuple[Request, Request] | None:
    """The requests of RegisterScalableTarget and PutScalingPolicy; None without autoscaling."""
    scaling = spec.scaling
    if scaling is None:
        return None
    about = variant_id(spec.name)
    target = {**about, "MinCapacity": scaling.minimum, "MaxCapacity": scaling.maximum}
    tracking: dict[str, Any] = {"TargetValue": scaling.target}
    if spec.asynchronous:
        tracking["CustomizedMetricSpecification"] = {
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": "EndpointName", "Value": spec.name}],
            "Statistic": "Average",
        }
    else:
        metric = "SageMakerVariantInvocationsPerInstance"
        tracking["PredefinedMetricSpecification"] = {"PredefinedMetricType": metric}
    policy = {
        **about,
        "PolicyName": policy_name(spec.name),
        "PolicyType": POLICY_TYPE,
        POLICY_KEY: tracking,
    }
    return target, policy


def policy_name(name: str) -> str:
    """Name of the deployment's scaling policy."""
    return f"mooring-{name}"


def variant_id(name: str) -> dict[str, str]:
    """The endpoint's variant in the terms of Application Auto Scaling."""
    resource = f"endpoint/{name}/variant/{VARIANT}"
    return {"ServiceNamespace": NAMESPACE, "ResourceId": resource, "ScalableDimension": DIMENSION}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the API's form."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _compute(spec: Spec) -> dict[str, Any]:
    match spec.compute:
        case Instances(kind, count):
            # Start from autoscaling's minimum. It may be 0 for an asynchronous endpoint, but not in a configuration.
            initial = max(spec.scaling.minimum, count) if spec.scaling else count
            return {"InstanceType": kind, "InitialInstanceCount": initial, "InitialVariantWeight": 1.0}
        case Serverless(memory, concurrency, provisioned):
            serverless = {"MemorySizeInMB": memory, "MaxConcurrency": concurrency}
            return {"ServerlessConfig": serverless | ({"ProvisionedConcurrency": provisioned} if provisioned else {})}
        case None:
            raise AssertionError("a model alone has no endpoint configuration")


def _asynchronous(wanted: Asynchronous) -> dict[str, Any]:
    output: dict[str, Any] = {"S3OutputPath": wanted.output}
    if wanted.failure:
        output["S3FailurePath"] = wanted.failure
    topics = {"SuccessTopic": wanted.success_topic, "ErrorTopic": wanted.error_topic}
    if given := {key: topic for key, topic in topics.items() if topic}:
        output["NotificationConfig"] = given
    config: dict[str, Any] = {"OutputConfig": output}
    if wanted.max_concurrent:
        config["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": wanted.max_concurrent}
    return config


def _named(spec: Spec, key: str, content: dict[str, Any]) -> Request:
    """The content with a name derived from it, and tags."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(text).hexdigest()[:_DIGITS]
    return {key: f"{stem(spec.name)}-{digest}", **content, "Tags": tag_list(_tags(spec, digest))}


def _tags(spec: Spec, digest: str) -> dict[str, str]:
    ours = {DEPLOYMENT_TAG: spec.name, VERSION_TAG: mooring.__version__, DIGEST_TAG: digest}
    return {**spec.tags, **ours}

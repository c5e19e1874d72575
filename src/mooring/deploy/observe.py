"""Read a deployment's state from the account: `Observed` for planning, `Standing` for removal.

Candidates are found by name; a tag identifies those that belong to the deployment.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from mooring.deploy.actions import Endpoint, Observed, Scaled, Standing
from mooring.deploy.faults import asked, code_of, in_words, is_denied, is_hidden, is_missing
from mooring.deploy.registry import in_registry
from mooring.deploy.requests import (
    DEPLOYMENT_TAG,
    NAMESPACE,
    POLICY_KEY,
    archive_prefix,
    config_request,
    model_request,
    policy_name,
    stem,
    variant_id,
)
from mooring.deploy.session import Session
from mooring.deploy.spec import Spec
from mooring.errors import AccountError

Tagged = dict[str, dict[str, str]]


def observe(session: Session, spec: Spec) -> Observed:
    """The state that `plan` needs. Raises AccountError, or DeployError if the service does not answer."""
    models = _tagged(session, "model", spec.name, model_request(spec)["ModelName"])
    bucket, archive = _archive(session, spec)
    repository, image = (True, True) if spec.push is None else in_registry(session, spec.push)
    if spec.compute is None:
        return Observed(bucket, archive, models, repository=repository, image=image)
    configs = _tagged(session, "endpoint-config", spec.name, config_request(spec)["EndpointConfigName"])
    endpoint = find_endpoint(session, spec.name)
    asked = spec.scaling is not None
    scaled = _scaled(session, spec.name, needed=asked) if asked or endpoint is not None else None
    return Observed(bucket, archive, models, configs, endpoint, scaled, repository, image)


def stand(session: Session, name: str, bucket: str | None) -> Standing:
    """All resources of the deployment `name`. `bucket` is searched in addition to those that its models name."""
    models = _tagged(session, "model", name)
    endpoint = find_endpoint(session, name)
    buckets = {bucket or session.default_bucket}
    buckets |= {found for model in models if (found := _bucket_of(session, model))}
    archives: list[tuple[str, str]] = []
    strangers: list[tuple[str, int]] = []
    for each in sorted(buckets):
        ours, others = _objects(session, each, name)
        archives += [(each, key) for key in ours]
        strangers += [(each, others)] if others else []
    scaled = _scaled(session, name, needed=False) if endpoint else None
    configs = _tagged(session, "endpoint-config", name)
    return Standing(models, configs, endpoint, scaled, tuple(archives), tuple(strangers))


def find_endpoint(session: Session, name: str) -> Endpoint | None:
    """The endpoint, whoever created it; None if there is none."""
    sagemaker, doing = session.client("sagemaker"), f"Looking for the endpoint {name}"
    found = asked(doing, lambda: sagemaker.describe_endpoint(EndpointName=name))
    if found is None:
        return None
    tags = _tags(sagemaker, found["EndpointArn"], doing)
    variants: list[Mapping[str, Any]] = found.get("ProductionVariants") or [{}]
    serverless = bool(variants[0].get("CurrentServerlessConfig"))
    return Endpoint(name, found["EndpointStatus"], found["EndpointConfigName"], found["EndpointArn"], tags, serverless)


_LISTS: Mapping[str, tuple[str, str, str, str]] = {
    "model": ("list_models", "Models", "ModelName", "ModelArn"),
    "endpoint-config": ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", "EndpointConfigArn"),
}


def _tagged(session: Session, kind: str, name: str, wanted: str | None = None) -> Tagged:
    """Name → tags of resources with the deployment's tag, and of the one named `wanted`, whoever created it."""
    sagemaker = session.client("sagemaker")
    operation, members, key, arn = _LISTS[kind]
    found: Tagged = {}
    doing = f"Listing the resources of {name}"
    with in_words(doing):
        for page in sagemaker.get_paginator(operation).paginate(NameContains=stem(name)):
            for each in page[members]:
                if each[key].startswith(stem(name)):
                    found[each[key]] = _tags(sagemaker, each[arn], doing)
    return {each: tags for each, tags in found.items() if each == wanted or tags.get(DEPLOYMENT_TAG) == name}


def _tags(sagemaker: Any, arn: str, doing: str) -> dict[str, str]:
    """Tags of a resource; empty if it was just deleted."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return asked(doing, lambda: {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}) or {}


def _archive(session: Session, spec: Spec) -> tuple[bool, bool]:
    """Whether bucket and archive exist; True if not needed."""
    if (archive := spec.archive) is not None:
        look = partial(session.client("s3").head_object, Bucket=archive.bucket, Key=archive.key)
        there = asked(f"Looking into the bucket {archive.bucket}", look, is_hidden)
        if there is not None:
            return True, there.get("Metadata", {}).get("mooring-digest") == archive.digest
    return spec.bucket is None or _has_bucket(session, spec.bucket), spec.archive is None


def _has_bucket(session: Session, bucket: str) -> bool:
    """Whether the bucket exists. Raises AccountError if it cannot be used from here."""
    s3 = session.client("s3")
    with in_words(f"Looking for the bucket {bucket}"):
        try:
            s3.head_bucket(Bucket=bucket)
        except s3.exceptions.ClientError as error:
            if is_missing(error):
                return False
            if is_denied(error):
                raise AccountError(
                    f"The bucket {bucket} belongs to another account, or the caller has no access to it.",
                    hint="Name one of your own buckets with --bucket.",
                ) from error
            if code_of(error) not in ("301", "400"):
                raise
            raise AccountError(
                f"The bucket {bucket} is not in the region {session.region}.",
                hint="SageMaker reads models only from its own region. Name another --bucket.",
            ) from error
    return True


def _bucket_of(session: Session, model: str) -> str | None:
    sagemaker = session.client("sagemaker")
    found = asked(f"Looking at the model {model}", lambda: sagemaker.describe_model(ModelName=model)) or {}
    uri = str(found.get("PrimaryContainer", {}).get("ModelDataUrl") or "")
    return uri.removeprefix("s3://").partition("/")[0] if uri.startswith("s3://") else None


def _objects(session: Session, bucket: str, name: str) -> tuple[list[str], int]:
    """Keys below the deployment's prefix that moor deploy uploaded, and the number of others."""
    s3 = session.client("s3")
    ours: list[str] = []
    others = 0
    doing = f"Looking into the bucket {bucket}"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=archive_prefix(name))
    # Hidden: no bucket, or one of another account, which this deployment did not use.
    keys = asked(doing, lambda: [each["Key"] for page in pages for each in page.get("Contents", ())], is_hidden)
    with in_words(doing):
        for key in keys or ():
            about = s3.head_object(Bucket=bucket, Key=key).get("Metadata", {})
            if about.get("mooring-deployment") == name:
                ours.append(key)
            else:
                others += 1
    return ours, others


def _scaled(session: Session, name: str, *, needed: bool) -> Scaled | None:
    """The autoscaling in place. None if the caller may not look and does not need it."""
    scaling = session.client("application-autoscaling")
    about = variant_id(name)

    def look() -> Scaled | None:
        targets = scaling.describe_scalable_targets(
            ServiceNamespace=NAMESPACE,
            ResourceIds=[about["ResourceId"]],
            ScalableDimension=about["ScalableDimension"],
        )["ScalableTargets"]
        if not targets:
            return None
        policies = scaling.describe_scaling_policies(**about)["ScalingPolicies"]
        ours = [each[POLICY_KEY] for each in policies if each["PolicyName"] == policy_name(name)]
        return Scaled(targets[0]["MinCapacity"], targets[0]["MaxCapacity"], ours[0] if ours else None)

    return asked("Looking up the endpoint's autoscaling", look, lambda error: is_denied(error) and not needed)

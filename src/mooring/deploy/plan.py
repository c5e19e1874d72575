"""Plan the actions that turn the observed state into the wanted one. Pure: `--dry-run` prints the plan.

Each action has the parameters of a single API call, and the action that would undo it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from mooring.deploy.actions import BUSY, DEAD, Action, Endpoint, Observed, Plan, Scaled, Standing
from mooring.deploy.requests import (
    DEPLOYMENT_TAG,
    POLICY_KEY,
    POLICY_TYPE,
    VERSION_TAG,
    Request,
    archive_prefix,
    config_request,
    endpoint_request,
    endpoint_tags,
    model_request,
    policy_name,
    scaling_requests,
    tag_list,
    variant_id,
)
from mooring.deploy.spec import Serverless, Spec
from mooring.errors import DeployError, NameTaken


def plan(spec: Spec, observed: Observed, region: str = "us-east-1") -> Plan:
    """The plan. Raises NameTaken, or DeployError for a change that SageMaker cannot make in place."""
    _ours_alone(spec, observed)
    actions = [*_image(spec, observed), *_bucket(spec, observed, region), *_archive(spec, observed)]
    actions += _model(spec, observed)
    if spec.compute is not None:
        actions += [*_config(spec, observed), *_endpoint(spec, observed)]
        renewed = any(a.kind == "endpoint" and a.verb in ("create", "update") for a in actions)
        actions += [*_scaling(spec, observed, renewed=renewed)]
        actions += [*_tags(spec, observed), *_leftovers(spec, observed)]
    return Plan(tuple(actions), tuple(_kept(spec, observed)))


def _ours_alone(spec: Spec, observed: Observed) -> None:
    """Raise NameTaken for names of resources that this deployment did not create."""
    model = model_request(spec)["ModelName"]
    _refuse_foreign("model", model, spec.name, observed.models.get(model))
    if spec.compute is not None:
        config = config_request(spec)["EndpointConfigName"]
        _refuse_foreign("endpoint configuration", config, spec.name, observed.configs.get(config))
        refuse_foreign_endpoint(spec.name, observed.endpoint)


def refuse_foreign_endpoint(name: str, endpoint: Endpoint | None) -> None:
    """Raise NameTaken if the deployment `name` did not create the endpoint."""
    # An endpoint that is being deleted has lost its tags, and its name will be free.
    if endpoint is not None and endpoint.status != "Deleting":
        _refuse_foreign("endpoint", name, name, endpoint.tags)


def _refuse_foreign(kind: str, name: str, deployment: str, tags: Mapping[str, str] | None) -> None:
    if tags is None or tags.get(DEPLOYMENT_TAG) == deployment:
        return
    owner = f"the deployment {tags[DEPLOYMENT_TAG]!r}" if DEPLOYMENT_TAG in tags else "something else"
    raise NameTaken(
        f"There is already {_article(kind)} {name}, created by {owner}: it has no tag {DEPLOYMENT_TAG}={deployment}.",
        hint="Nothing was changed. Use another --name.",
    )


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _image(spec: Spec, observed: Observed) -> Iterator[Action]:
    """Images are kept when a deployment fails or is removed: their layers are shared, and pushing takes long."""
    push = spec.push
    if push is None or observed.image:
        return
    if not observed.repository:
        yield Action("create", "repository", push.repository, {"repositoryName": push.repository})
    request = {"Image": push.local, "Uri": spec.image}
    yield Action("push", "image", spec.image, request, f"from {push.local}")


def _bucket(spec: Spec, observed: Observed, region: str) -> Iterator[Action]:
    if spec.bucket is None or observed.bucket:
        return
    # us-east-1 is the only region without a location constraint.
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    undo = None if spec.multi_model else Action("delete", "bucket", spec.bucket, {"Bucket": spec.bucket})
    yield Action("create", "bucket", spec.bucket, {"Bucket": spec.bucket, **place}, "", undo)


def _archive(spec: Spec, observed: Observed) -> Iterator[Action]:
    archive = spec.archive
    if archive is None or observed.archive:
        return
    about = {"Metadata": {"mooring-deployment": spec.name, "mooring-digest": archive.digest}}
    request = {"Filename": str(archive.path), "Bucket": archive.bucket, "Key": archive.key, "ExtraArgs": about}
    where = {"Bucket": archive.bucket, "Key": archive.key}
    # With a multi-model endpoint it may replace an archive of the same name, which cannot be restored.
    undo = None if spec.multi_model else Action("delete", "archive", archive.uri, where)
    yield Action("upload", "archive", archive.uri, request, f"{archive.size / 1e6:.1f} MB", undo)


def _model(spec: Spec, observed: Observed) -> Iterator[Action]:
    request = model_request(spec)
    name = request["ModelName"]
    if name not in observed.models:
        yield Action("create", "model", name, request, spec.image, _deletion("model", name))


def _config(spec: Spec, observed: Observed) -> Iterator[Action]:
    request = config_request(spec)
    name = request["EndpointConfigName"]
    if name not in observed.configs:
        yield Action("create", "endpoint-config", name, request, _machines(spec), _deletion("endpoint-config", name))


def _machines(spec: Spec) -> str:
    variant = config_request(spec)["ProductionVariants"][0]
    if isinstance(spec.compute, Serverless):
        return f"serverless, {spec.compute.memory_mb} MB, up to {spec.compute.max_concurrency} at once"
    return f"{variant['InitialInstanceCount']} × {variant['InstanceType']}"


def _endpoint(spec: Spec, observed: Observed) -> Iterator[Action]:
    """From whatever state it is in to InService with the wanted configuration."""
    there, name = observed.endpoint, spec.name
    wanted = config_request(spec)["EndpointConfigName"]
    gone = Action("wait", "endpoint", name, {"EndpointName": name, "until": "gone"})
    if there is not None and there.status in DEAD:
        request = {"EndpointName": name}
        yield Action("delete", "endpoint", name, request, f"it is {there.status}, which cannot be updated")
        yield gone
        there = None
    elif there is not None and there.status == "Deleting":
        yield gone
        there = None
    if there is None:
        undo = _deletion("endpoint", name)
        yield Action("create", "endpoint", name, endpoint_request(spec), "", undo)
        yield _in_service(name, wanted)
        return
    if there.status in BUSY:
        yield _in_service(name, there.config)
    if there.config != wanted:
        yield from _update(spec, observed, there)


def _update(spec: Spec, observed: Observed, there: Endpoint) -> Iterator[Action]:
    wanted = config_request(spec)["EndpointConfigName"]
    if isinstance(spec.compute, Serverless) != there.serverless:
        was, becomes = ("serverless", "on instances") if there.serverless else ("on instances", "serverless")
        raise DeployError(
            f"The endpoint {spec.name} runs {was}; SageMaker cannot change it to {becomes} in place.",
            hint=f"Run moor destroy {spec.name} and deploy again, or use another --name.",
        )
    if observed.scaled is not None and observed.scaled.policy is not None:
        yield from _unscale(spec, observed.scaled, observed.scaled.policy)
    request = {"EndpointName": spec.name, "EndpointConfigName": wanted}
    yield Action("update", "endpoint", spec.name, request, f"from {there.config}")
    yield _in_service(spec.name, wanted)


def _unscale(spec: Spec, scaled: Scaled, policy: Request) -> Iterator[Action]:
    """Deregister the variant before it is replaced, as SageMaker requires, so that it is not scaled meanwhile."""
    about, name = variant_id(spec.name), policy_name(spec.name)
    put: dict[str, Any] = {**about, "PolicyName": name, "PolicyType": POLICY_TYPE, POLICY_KEY: policy}
    undo = Action("put", "scaling-policy", name, put)
    yield Action("delete", "scaling-policy", name, removal_of_policy(spec.name), "until it is updated", undo)
    put = {**about, "MinCapacity": scaled.minimum, "MaxCapacity": scaled.maximum}
    undo = Action("put", "scalable-target", spec.name, put)
    yield Action("delete", "scalable-target", spec.name, about, "until it is updated", undo)


def _in_service(name: str, config: str) -> Action:
    request = {"EndpointName": name, "EndpointConfigName": config, "until": "InService"}
    return Action("wait", "endpoint", name, request)


def _scaling(spec: Spec, observed: Observed, *, renewed: bool) -> Iterator[Action]:
    requests, there = scaling_requests(spec), None if renewed else observed.scaled
    name = spec.name
    if requests is None:
        if there is not None and there.policy is not None:
            yield Action("delete", "scaling-policy", policy_name(name), removal_of_policy(name))
            yield Action("delete", "scalable-target", name, variant_id(name))
        return
    target, policy = requests
    bounds = (target["MinCapacity"], target["MaxCapacity"])
    if there is None or (there.minimum, there.maximum) != bounds:
        yield Action("put", "scalable-target", name, target, f"{bounds[0]} to {bounds[1]} instances")
    if there is None or there.policy != policy[POLICY_KEY]:
        yield Action("put", "scaling-policy", policy_name(name), policy)


def removal_of_policy(name: str) -> Request:
    """The request of DeleteScalingPolicy."""
    return {**variant_id(name), "PolicyName": policy_name(name)}


def _tags(spec: Spec, observed: Observed) -> Iterator[Action]:
    there = observed.endpoint
    if there is None or there.status in DEAD or there.status == "Deleting":
        return
    wanted = endpoint_tags(spec)
    # Another version of Mooring alone is not a change.
    if any(there.tags.get(key) != value for key, value in wanted.items() if key != VERSION_TAG):
        yield Action("tag", "endpoint", spec.name, {"ResourceArn": there.arn, "Tags": tag_list(wanted)})


def _leftovers(spec: Spec, observed: Observed) -> Iterator[Action]:
    """Configurations and models of earlier runs, unused once the endpoint is updated."""
    config, model = config_request(spec)["EndpointConfigName"], model_request(spec)["ModelName"]
    for kind, found, current in (
        ("endpoint-config", observed.configs, config),
        ("model", observed.models, model),
    ):
        for name, tags in sorted(found.items()):
            if name != current and tags.get(DEPLOYMENT_TAG) == spec.name:
                deletion = _deletion("model" if kind == "model" else "endpoint-config", name)
                yield Action(deletion.verb, deletion.kind, name, deletion.request, "from an earlier run")


def _deletion(kind: Literal["model", "endpoint-config", "endpoint"], name: str) -> Action:
    key = {"model": "ModelName", "endpoint-config": "EndpointConfigName", "endpoint": "EndpointName"}[kind]
    return Action("delete", kind, name, {key: name})


def _kept(spec: Spec, observed: Observed) -> Iterator[str]:
    if spec.archive and observed.archive:
        yield spec.archive.uri
    if (model := model_request(spec)["ModelName"]) in observed.models:
        yield f"model {model}"
    if spec.compute is None:
        return
    if (config := config_request(spec)["EndpointConfigName"]) in observed.configs:
        yield f"endpoint configuration {config}"
    if observed.endpoint and observed.endpoint.config == config and observed.endpoint.status not in DEAD:
        yield f"endpoint {spec.name}"


def plan_removal(name: str, found: Standing) -> Plan:
    """The plan to remove a deployment; `kept` says what stays. Raises NameTaken for an endpoint that is not its own."""
    endpoint = found.endpoint
    # An endpoint that is being deleted has lost its tags.
    leaving = endpoint is not None and endpoint.status == "Deleting"
    if endpoint is not None and not leaving and endpoint.tags.get(DEPLOYMENT_TAG) != name:
        raise NameTaken(
            f"The endpoint {name} was not created by Mooring: it has no tag {DEPLOYMENT_TAG}={name}.",
            hint="Nothing was removed. To delete it yourself: aws sagemaker delete-endpoint --endpoint-name " + name,
        )
    return Plan(tuple(_removals(name, found)), tuple(_strangers(name, found)))


def _removals(name: str, found: Standing) -> Iterator[Action]:
    if found.scaled is not None and found.scaled.policy is not None:
        yield Action("delete", "scaling-policy", policy_name(name), removal_of_policy(name))
        yield Action("delete", "scalable-target", name, variant_id(name))
    if found.endpoint is not None:
        if found.endpoint.status in BUSY:
            request = {"EndpointName": name, "until": "settled"}
            yield Action("wait", "endpoint", name, request, f"it is {found.endpoint.status}")
        if found.endpoint.status != "Deleting":
            yield Action("delete", "endpoint", name, {"EndpointName": name})
        yield Action("wait", "endpoint", name, {"EndpointName": name, "until": "gone"})
    for config in _ours(name, found.configs):
        yield Action("delete", "endpoint-config", config, {"EndpointConfigName": config})
    for bucket, key in found.archives:
        yield Action("delete", "archive", f"s3://{bucket}/{key}", {"Bucket": bucket, "Key": key})
    # Last: they name the archives' bucket, which an interrupted removal needs to continue.
    for model in _ours(name, found.models):
        yield Action("delete", "model", model, {"ModelName": model})


def _ours(name: str, found: Mapping[str, Mapping[str, str]]) -> list[str]:
    return sorted(each for each, tags in found.items() if tags.get(DEPLOYMENT_TAG) == name)


def _strangers(name: str, found: Standing) -> Iterator[str]:
    for bucket, number in found.strangers:
        yield f"{number} objects under s3://{bucket}/{archive_prefix(name)}, not created by moor deploy"
    for bucket in sorted({bucket for bucket, _ in found.archives}):
        yield f"the bucket {bucket}, which other deployments and SageMaker may use too"

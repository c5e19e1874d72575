"""Plan the removal of a deployment. Pure.

Models are deleted last: they name the archives' bucket, which an interrupted removal needs to continue.
"""

from collections.abc import Iterator, Mapping

from mooring.deploy.actions import Action, Plan
from mooring.deploy.plan import removal_of_policy
from mooring.deploy.requests import DEPLOYMENT_TAG, archive_prefix, policy_name, variant_id
from mooring.deploy.world import BUSY, Standing
from mooring.errors import NameTaken


def plan_removal(name: str, found: Standing) -> Plan:
    """The plan; `kept` says what is not removed. Raises NameTaken if the endpoint is not this deployment's."""
    endpoint = found.endpoint
    # An endpoint that is being deleted has lost its tags.
    leaving = endpoint is not None and endpoint.status == "Deleting"
    if endpoint is not None and not leaving and endpoint.tags.get(DEPLOYMENT_TAG) != name:
        raise NameTaken(
            f"The endpoint {name} was not created by Mooring: it has no tag {DEPLOYMENT_TAG}={name}.",
            hint="Nothing was removed. To delete it yourself: aws sagemaker delete-endpoint --endpoint-name " + name,
        )
    return Plan(tuple(_actions(name, found)), tuple(_kept(name, found)))


def _actions(name: str, found: Standing) -> Iterator[Action]:
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
    for model in _ours(name, found.models):
        yield Action("delete", "model", model, {"ModelName": model})


def _ours(name: str, found: Mapping[str, Mapping[str, str]]) -> list[str]:
    return sorted(each for each, tags in found.items() if tags.get(DEPLOYMENT_TAG) == name)


def _kept(name: str, found: Standing) -> Iterator[str]:
    for bucket, number in found.strangers:
        yield f"{number} objects under s3://{bucket}/{archive_prefix(name)}, not created by moor deploy"
    for bucket in sorted({bucket for bucket, _ in found.archives}):
        yield f"the bucket {bucket}, which other deployments and SageMaker may use too"

"""What a deployment has → the actions that remove it, and what stays. Pure. Called by `deployment.py`.

Models go last: they say in which bucket the archives are, so that a removal that was broken off finds its way again.
"""

from collections.abc import Iterator, Mapping

from mooring.deploy.actions import Action, Plan
from mooring.deploy.plan import removal_of_policy
from mooring.deploy.requests import DEPLOYMENT_TAG, archive_prefix, policy_name, variant_id
from mooring.deploy.world import BUSY, Standing
from mooring.errors import NameTaken


def plan_removal(name: str, found: Standing) -> Plan:
    """How to remove it; `kept` says what is left alone. Raises NameTaken if the endpoint is not this deployment's."""
    endpoint = found.endpoint
    # One that is on its way out has no tags any more.
    leaving = endpoint is not None and endpoint.status == "Deleting"
    if endpoint is not None and not leaving and endpoint.tags.get(DEPLOYMENT_TAG) != name:
        raise NameTaken(
            f"The endpoint {name} was not made by Mooring: it has no tag {DEPLOYMENT_TAG}={name}.",
            hint="Nothing was removed. If it is yours: aws sagemaker delete-endpoint --endpoint-name " + name,
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
        yield f"{number} objects under s3://{bucket}/{archive_prefix(name)} that deploying did not put there"
    for bucket in sorted({bucket for bucket, _ in found.archives}):
        yield f"the bucket {bucket}: other deployments and SageMaker's own tools use it too"

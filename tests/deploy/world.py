"""A SageMaker account as values: plans are applied to it and looked at again, with no call made."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mooring.deploy.actions import BUSY, Action, Endpoint, Observed, Scaled
from mooring.deploy.requests import POLICY_KEY


class Refused(Exception):
    """What the real service would answer with a ValidationException."""


def _tags(request: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request["Tags"]}


def after(world: Observed, action: Action) -> Observed:
    """The account once the call was made. Raises Refused for calls out of order."""
    key = f"{action.verb} {action.kind}"
    if key == "wait endpoint":
        return _waited(world, action.request)
    if action.kind in ("model", "endpoint-config"):
        return _record(world, action)
    if action.kind == "endpoint":
        return _endpoint(world, action)
    if action.kind == "scalable-target":
        bounds = action.request
        scaled = Scaled(bounds["MinCapacity"], bounds["MaxCapacity"]) if action.verb == "put" else None
        if scaled and world.scaled:
            scaled = dataclasses.replace(scaled, policy=world.scaled.policy)
        return dataclasses.replace(world, scaled=scaled)
    if action.kind == "scaling-policy":
        if world.scaled is None:
            raise Refused("no scalable target")
        policy = action.request[POLICY_KEY] if action.verb == "put" else None
        return dataclasses.replace(world, scaled=dataclasses.replace(world.scaled, policy=policy))
    fields = {
        "create bucket": "bucket",
        "upload archive": "archive",
        "create repository": "repository",
        "push image": "image",
    }
    if key == "upload archive" and not world.bucket:
        raise Refused("no bucket")
    changed: dict[str, Any] = {fields[key]: True}
    return dataclasses.replace(world, **changed)


def _record(world: Observed, action: Action) -> Observed:
    field = "models" if action.kind == "model" else "configs"
    there = dict(getattr(world, field))
    if action.verb == "create":
        if action.name in there:
            raise Refused(f"{action.name} exists")
        if (
            action.kind == "endpoint-config"
            and action.request["ProductionVariants"][0]["ModelName"] not in world.models
        ):
            raise Refused("no such model")
        there[action.name] = _tags(action.request)
    else:
        if action.kind == "endpoint-config" and world.endpoint and world.endpoint.config == action.name:
            raise Refused(f"{action.name} is in use")
        del there[action.name]
    changed: dict[str, Any] = {field: there}
    return dataclasses.replace(world, **changed)


def _endpoint(world: Observed, action: Action) -> Observed:
    there = world.endpoint
    if action.verb == "create":
        config = action.request["EndpointConfigName"]
        if there is not None or config not in world.configs:
            raise Refused("taken, or no configuration")
        made = Endpoint(action.name, "Creating", config, "arn", _tags(action.request))
        return dataclasses.replace(world, endpoint=made)
    if there is None:
        raise Refused("no endpoint")
    if action.verb == "tag":
        return dataclasses.replace(
            world, endpoint=dataclasses.replace(there, tags={**there.tags, **_tags(action.request)})
        )
    if there.status in BUSY or (there.status == "Failed" and action.verb == "update"):
        raise Refused(f"it is {there.status}")
    if action.verb == "delete":
        return dataclasses.replace(world, endpoint=dataclasses.replace(there, status="Deleting"))
    config = action.request["EndpointConfigName"]
    if world.scaled is not None and world.scaled.policy is not None:
        raise Refused("a scaled variant")
    return dataclasses.replace(world, endpoint=dataclasses.replace(there, status="Updating", config=config))


def _waited(world: Observed, request: Mapping[str, Any]) -> Observed:
    if request["until"] == "gone":
        if world.endpoint is not None and world.endpoint.status != "Deleting":
            raise Refused("it will never be gone")
        return dataclasses.replace(world, endpoint=None, scaled=None)
    if world.endpoint is None or world.endpoint.status not in BUSY:
        raise Refused("nothing to wait for")
    return dataclasses.replace(world, endpoint=dataclasses.replace(world.endpoint, status="InService"))

"""What is standing → what is removed, in which order, and what is left."""

import dataclasses

import pytest

from mooring.deploy.actions import Endpoint, Scaled, Standing
from mooring.deploy.plan import plan_removal
from mooring.deploy.requests import DEPLOYMENT_TAG
from mooring.errors import NameTaken

MINE = {DEPLOYMENT_TAG: "qa"}
FOREIGN = {DEPLOYMENT_TAG: "qa-2"}
ENDPOINT = Endpoint("qa", "InService", "qa-1", "arn", MINE)
ALL = Standing(
    models={"qa-1": MINE, "qa-2-1": FOREIGN},
    configs={"qa-1": MINE, "qa-2-1": FOREIGN},
    endpoint=ENDPOINT,
    scaled=Scaled(1, 2, {"TargetValue": 1.0}),
    archives=(("bucket", "mooring/qa/x/model.tar.gz"),),
    strangers=(("bucket", 2),),
)


def steps(found: Standing) -> list[str]:
    """The plan in short."""
    return [f"{action.verb} {action.kind} {action.name}" for action in plan_removal("qa", found).actions]


def test_everything_of_ours_goes_models_last() -> None:
    """A removal that was broken off finds the archives by its models."""
    assert steps(ALL) == [
        "delete scaling-policy mooring-qa",
        "delete scalable-target qa",
        "delete endpoint qa",
        "wait endpoint qa",
        "delete endpoint-config qa-1",
        "delete archive s3://bucket/mooring/qa/x/model.tar.gz",
        "delete model qa-1",
    ]


def test_what_stays_is_named() -> None:
    """Other people's objects, and the bucket."""
    kept = plan_removal("qa", ALL).kept
    assert "2 objects" in kept[0]
    assert "bucket bucket" in kept[1]


def test_nothing_there_is_nothing_to_do() -> None:
    """Removing twice is no error."""
    assert steps(Standing()) == []


def test_an_endpoint_that_is_not_ours_stops_it() -> None:
    """Nothing at all is removed then."""
    with pytest.raises(NameTaken, match="not created by Mooring"):
        plan_removal("qa", dataclasses.replace(ALL, endpoint=dataclasses.replace(ENDPOINT, tags={})))


@pytest.mark.parametrize(
    ("status", "first"),
    [("Creating", "wait endpoint qa"), ("Deleting", "wait endpoint qa"), ("Failed", "delete endpoint qa")],
)
def test_a_busy_endpoint_is_waited_for(status: str, first: str) -> None:
    """SageMaker deletes none that is on its way somewhere."""
    found = Standing(endpoint=dataclasses.replace(ENDPOINT, status=status))
    assert steps(found)[0] == first
    assert steps(found)[-1] == "wait endpoint qa"


def test_foreign_autoscaling_is_left_alone() -> None:
    """It goes with its endpoint anyway."""
    assert not any("scal" in step for step in steps(dataclasses.replace(ALL, scaled=Scaled(1, 2, None))))

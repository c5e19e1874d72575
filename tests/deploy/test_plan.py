"""Spec × world → actions: the table, and that a plan applied leaves nothing to do."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.deploy.actions import Endpoint, Observed, Scaled
from mooring.deploy.plan import plan
from mooring.deploy.requests import (
    DEPLOYMENT_TAG,
    POLICY_KEY,
    config_request,
    endpoint_tags,
    model_request,
    scaling_requests,
)
from mooring.deploy.spec import Archive, Asynchronous, Instances, Push, Scaling, Serverless, Spec, check
from mooring.errors import DeployError, NameTaken
from tests.deploy.world import after

ARCHIVE = Archive(Path("model.tar.gz"), "ab" * 32, 10, 20, "bucket", "mooring/qa/abab/model.tar.gz")
ROLE = "arn:aws:iam::123456789012:role/service"
SPEC = Spec(
    "qa", "mooring", ROLE, Instances("ml.c7i.large", 1), model_data=ARCHIVE.uri, bucket="bucket", archive=ARCHIVE
)
SCALED = dataclasses.replace(SPEC, scaling=Scaling(1, 3, 1000))
MINE = {DEPLOYMENT_TAG: "qa"}
NOTHING = Observed(bucket=False, archive=False)


def standing(spec: Spec, status: str = "InService") -> Observed:
    """The account in which `spec` is deployed."""
    config = config_request(spec)["EndpointConfigName"]
    requests = scaling_requests(spec)
    scaled = None
    if requests and spec.scaling:
        scaled = Scaled(spec.scaling.minimum, spec.scaling.maximum, requests[1][POLICY_KEY])
    serverless = isinstance(spec.compute, Serverless)
    endpoint = Endpoint("qa", status, config, "arn", endpoint_tags(spec), serverless)
    return Observed(True, True, {model_request(spec)["ModelName"]: MINE}, {config: MINE}, endpoint, scaled)


def steps(spec: Spec, observed: Observed) -> list[str]:
    """The plan in short."""
    return [
        f"{action.verb} {action.kind}" + (f" {action.request['until']}" if action.verb == "wait" else "")
        for action in plan(spec, observed).actions
    ]


ENV = dataclasses.replace(SPEC, environment={"A": "1"})
"""Another model, and so another configuration."""
LARGER = dataclasses.replace(SPEC, compute=Instances("ml.c7i.xlarge"))
"""The same model on another machine."""
RENEW = ["create model", "create endpoint-config", "update endpoint", "wait endpoint InService", "tag endpoint"]
MAKE = ["create model", "create endpoint-config", "create endpoint", "wait endpoint InService"]
UNSCALE = ["delete scaling-policy", "delete scalable-target"]
SWEEP = ["delete endpoint-config", "delete model"]

TABLE = {
    "nothing there": (
        SPEC,
        NOTHING,
        ["create bucket", "upload archive", *MAKE],
    ),
    "the archive is there": (
        SPEC,
        Observed(),
        MAKE,
    ),
    "all as wanted": (SPEC, standing(SPEC), []),
    "interrupted while it was created": (SPEC, standing(SPEC, "Creating"), ["wait endpoint InService"]),
    "interrupted while it was updated": (SPEC, standing(SPEC, "Updating"), ["wait endpoint InService"]),
    "another environment": (ENV, standing(SPEC), RENEW + SWEEP),
    "another machine": (
        LARGER,
        standing(SPEC),
        [
            "create endpoint-config",
            "update endpoint",
            "wait endpoint InService",
            "tag endpoint",
            "delete endpoint-config",
        ],
    ),
    "another environment while busy": (
        ENV,
        standing(SPEC, "Updating"),
        [*RENEW[:2], "wait endpoint InService", *RENEW[2:], *SWEEP],
    ),
    "it failed": (
        SPEC,
        standing(SPEC, "Failed"),
        ["delete endpoint", "wait endpoint gone", "create endpoint", "wait endpoint InService"],
    ),
    "it is being deleted": (
        SPEC,
        standing(SPEC, "Deleting"),
        ["wait endpoint gone", "create endpoint", "wait endpoint InService"],
    ),
    "autoscaling is new": (SCALED, standing(SPEC), ["put scalable-target", "put scaling-policy"]),
    "autoscaling as wanted": (SCALED, standing(SCALED), []),
    "other bounds": (
        dataclasses.replace(SPEC, scaling=Scaling(1, 9, 1000)),
        standing(SCALED),
        ["put scalable-target"],
    ),
    "another target": (dataclasses.replace(SPEC, scaling=Scaling(1, 3, 50)), standing(SCALED), ["put scaling-policy"]),
    "autoscaling no more": (SPEC, standing(SCALED), UNSCALE),
    "an update while scaled": (
        dataclasses.replace(SCALED, environment={"A": "1"}),
        standing(SCALED),
        [*RENEW[:2], *UNSCALE, *RENEW[2:4], "put scalable-target", "put scaling-policy", "tag endpoint", *SWEEP],
    ),
    "a user's tag": (dataclasses.replace(SPEC, tags={"team": "search"}), standing(SPEC), ["tag endpoint"]),
    "somebody else's autoscaling": (
        SPEC,
        dataclasses.replace(standing(SPEC), scaled=Scaled(1, 2, None)),
        [],
    ),
    "an image to push": (
        dataclasses.replace(SPEC, push=Push("mooring", "mooring", "abc")),
        dataclasses.replace(standing(SPEC), repository=False, image=False),
        ["create repository", "push image"],
    ),
    "only a bucket, for answers": (
        dataclasses.replace(SPEC, model_data=None, archive=None),
        dataclasses.replace(standing(dataclasses.replace(SPEC, model_data=None)), bucket=False),
        ["create bucket"],
    ),
    "a model alone": (
        dataclasses.replace(SPEC, compute=None),
        NOTHING,
        ["create bucket", "upload archive", "create model"],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name: str) -> None:
    """Each state of the account has its steps."""
    spec, observed, wanted = TABLE[name]
    assert steps(spec, observed) == wanted


@pytest.mark.parametrize(
    "observed",
    [
        Observed(endpoint=Endpoint("qa", "InService", "other", "arn", {})),
        Observed(endpoint=Endpoint("qa", "InService", "other", "arn", {DEPLOYMENT_TAG: "qb"})),
        Observed(models={model_request(SPEC)["ModelName"]: {}}),
        Observed(configs={config_request(SPEC)["EndpointConfigName"]: {"owner": "me"}}),
    ],
)
def test_what_we_did_not_make_is_left_alone(observed: Observed) -> None:
    """A name that is taken is an error, whoever has it."""
    with pytest.raises(NameTaken, match="already"):
        plan(SPEC, observed)


def test_leftovers_of_others_stay() -> None:
    """Only what has the deployment's tag is swept up."""
    observed = dataclasses.replace(standing(SPEC), models={**standing(SPEC).models, "qa-2": {DEPLOYMENT_TAG: "qa-2"}})
    assert steps(SPEC, observed) == []


def test_real_time_does_not_become_serverless_in_place() -> None:
    """SageMaker refuses that, so it is said before anything is made."""
    with pytest.raises(DeployError, match="serverless"):
        plan(dataclasses.replace(SPEC, compute=Serverless()), standing(SPEC))
    with pytest.raises(DeployError, match="on instances"):
        plan(SPEC, standing(dataclasses.replace(SPEC, compute=Serverless())))


def test_another_version_of_mooring_alone_is_no_change() -> None:
    """An upgrade of the tool does not touch what runs."""
    world = standing(SPEC)
    assert world.endpoint is not None
    older = dataclasses.replace(world.endpoint, tags={**world.endpoint.tags, "mooring:version": "0.0.1"})
    assert steps(SPEC, dataclasses.replace(world, endpoint=older)) == []


def test_a_bucket_says_where_it_is_except_in_the_first_region() -> None:
    """S3 wants it so."""
    buckets = [plan(SPEC, NOTHING, region).actions[0].request for region in ("us-east-1", "eu-central-1")]
    assert buckets[0] == {"Bucket": "bucket"}
    assert buckets[1]["CreateBucketConfiguration"] == {"LocationConstraint": "eu-central-1"}


def test_everything_made_can_be_undone_but_images() -> None:
    """Each action that makes something says how it is unmade."""
    made = [action for action in plan(SPEC, NOTHING).actions if action.verb in ("create", "upload")]
    assert [action.undo.kind if action.undo else None for action in made] == [action.kind for action in made]


specs = st.builds(
    Spec,
    name=st.just("qa"),
    image=st.sampled_from(["mooring", "123456789012.dkr.ecr.us-east-1.amazonaws.com/mooring:1"]),
    role=st.just(ROLE),
    compute=st.sampled_from([Instances("ml.c7i.large", 1), Instances("ml.c7i.large", 2), Instances("ml.m5.large", 1)]),
    model_data=st.just(ARCHIVE.uri),
    bucket=st.just("bucket"),
    archive=st.just(ARCHIVE),
    environment=st.dictionaries(st.sampled_from("AB"), st.sampled_from("12")),
    asynchronous=st.sampled_from([None, Asynchronous("s3://bucket/answers/")]),
    scaling=st.sampled_from([None, Scaling(1, 2, 10.0), Scaling(2, 5, 10.0), Scaling(1, 2, 20.0)]),
    tags=st.dictionaries(st.sampled_from(["team", "cost"]), st.sampled_from("12")),
)


@given(st.lists(specs, min_size=1, max_size=4), st.sampled_from(["InService", "Creating", "Updating", "Failed"]))
def test_a_plan_applied_leaves_nothing_to_do(wishes: list[Spec], status: str) -> None:
    """From whatever was there before: no call is out of order, and the second plan is empty."""
    world = standing(wishes[0], status)
    for wish in wishes:
        for action in plan(check(wish), world).actions:
            world = after(world, action)
        assert plan(wish, world).actions == ()
        assert len(world.models) == len(world.configs) == 1


@given(specs)
def test_from_nothing_too(wish: Spec) -> None:
    """An empty account comes to the same end."""
    world = NOTHING
    for action in plan(wish, world).actions:
        world = after(world, action)
    assert plan(wish, world).actions == ()

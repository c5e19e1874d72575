"""Spec → the calls' parameters and names; botocore's own models judge them."""

import dataclasses
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from mooring.deploy.requests import (
    config_request,
    endpoint_request,
    model_request,
    scaling_requests,
    stem,
)
from mooring.deploy.spec import Archive, Asynchronous, Scaling, Serverless, Spec
from mooring.deploy.transform import Job, job_request
from mooring.errors import UsageError

ARCHIVE = Archive(Path("x"), "ab" * 32, 1, 1, "bucket", "mooring/qa/ab/model.tar.gz")
SPEC = Spec("qa", "mooring", "arn:aws:iam::123456789012:role/service", model_data=ARCHIVE.uri, archive=ARCHIVE)
SPECS = {
    "instances": SPEC,
    "serverless": dataclasses.replace(SPEC, compute=Serverless(2048, 4, 1)),
    "async": dataclasses.replace(SPEC, asynchronous=Asynchronous("s3://b/o", "s3://b/f", 4, "arn:aws:sns:x", "arn:y")),
    "scaled": dataclasses.replace(SPEC, scaling=Scaling(1, 4, 100.0), environment={"A": "1"}, tags={"team": "x"}),
    "several models": dataclasses.replace(SPEC, multi_model=True, model_data="s3://bucket/mooring/qa/models/"),
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Botocore's models."""
    session = botocore.session.Session()
    return {name: session.get_service_model(name) for name in ("sagemaker", "application-autoscaling")}


def complaints(services: dict[str, Any], service: str, operation: str, request: Any) -> str:
    """What botocore has against the parameters."""
    shape = services[service].operation_model(operation).input_shape
    report = ParamValidator().validate(dict(request), shape)
    return str(report.generate_report())


@pytest.mark.parametrize("name", SPECS)
def test_botocore_takes_every_request(name: str, services: dict[str, Any]) -> None:
    """Members, types and required ones."""
    spec = SPECS[name]
    assert complaints(services, "sagemaker", "CreateModel", model_request(spec)) == ""
    assert complaints(services, "sagemaker", "CreateEndpointConfig", config_request(spec)) == ""
    assert complaints(services, "sagemaker", "CreateEndpoint", endpoint_request(spec)) == ""
    if requests := scaling_requests(spec):
        assert complaints(services, "application-autoscaling", "RegisterScalableTarget", requests[0]) == ""
        assert complaints(services, "application-autoscaling", "PutScalingPolicy", requests[1]) == ""


def test_requests_wait_until_their_deadline_unless_the_user_says_otherwise() -> None:
    """SageMaker turns a 429 into a 424, which nobody sends again."""
    plain = model_request(dataclasses.replace(SPEC, environment={}))
    own = model_request(dataclasses.replace(SPEC, environment={"MOORING_MAX_QUEUE_MS": "50", "A": "1"}))
    assert plain["PrimaryContainer"]["Environment"] == {"MOORING_MAX_QUEUE_MS": "deadline"}
    assert own["PrimaryContainer"]["Environment"] == {"A": "1", "MOORING_MAX_QUEUE_MS": "50"}


def test_the_same_wish_has_the_same_names() -> None:
    """Whatever the order of its variables."""
    one = dataclasses.replace(SPEC, environment={"A": "1", "B": "2"})
    other = dataclasses.replace(SPEC, environment={"B": "2", "A": "1"})
    assert model_request(one)["ModelName"] == model_request(other)["ModelName"]


@pytest.mark.parametrize(
    "change",
    [{"environment": {"A": "1"}}, {"image": "other"}, {"model_data": "s3://b/other"}, {"role": SPEC.role + "2"}],
)
def test_another_model_has_another_name(change: dict[str, Any]) -> None:
    """And so has its configuration."""
    other = dataclasses.replace(SPEC, **change)
    assert model_request(other)["ModelName"] != model_request(SPEC)["ModelName"]
    assert config_request(other)["EndpointConfigName"] != config_request(SPEC)["EndpointConfigName"]


def test_tags_are_no_part_of_a_name() -> None:
    """Else every upgrade and every tag would make a new model."""
    other = dataclasses.replace(SPEC, tags={"team": "x"})
    assert config_request(other)["EndpointConfigName"] == config_request(SPEC)["EndpointConfigName"]


def test_names_fit() -> None:
    """An endpoint may have 63 characters, and its model no more than that."""
    longest = dataclasses.replace(SPEC, name="a" * 49 + "-" + "b" * 13)
    assert len(model_request(longest)["ModelName"]) <= 63
    assert "--" not in model_request(longest)["ModelName"]
    assert stem("qa") == "qa"


def test_a_job_is_what_botocore_takes(services: dict[str, Any]) -> None:
    """All its options at once, and none."""
    full = Job(
        "m", "s3://b/i", "s3://b/o", accept="application/json", strategy="SingleRecord", max_payload_mb=6,
        max_concurrent=2, input_filter="$.x", output_filter="$", join=True, environment={"A": "1"}, tags={"t": "1"},
    )  # fmt: skip
    for job in (full, Job("m", "s3://b/i", "s3://b/o")):
        assert complaints(services, "sagemaker", "CreateTransformJob", job_request(job)) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": "./folder"}, "input './folder'"),
        ({"output": "b/o"}, "output 'b/o'"),
        ({"join": True, "split": "None"}, "--join needs records"),
        ({"max_payload_mb": 60, "max_concurrent": 2}, "exceed 100 MB"),
        ({"environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": "two"}}, "SAGEMAKER_MODEL_SERVER_WORKERS is 'two'"),
    ],
)
def test_jobs_that_would_fail_late(change: dict[str, Any], said: str) -> None:
    """They are refused before machines are paid for."""
    with pytest.raises(UsageError, match=said):
        job_request(dataclasses.replace(Job("m", "s3://b/i", "s3://b/o"), **change))

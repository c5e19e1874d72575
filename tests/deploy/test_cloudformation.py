"""The template: what cfn-lint says of it, and that it asks for what the plan would make."""

import dataclasses
import json
from typing import Any

import pytest

from mooring.deploy.cloudformation import template
from mooring.deploy.requests import config_request
from mooring.deploy.spec import Asynchronous, Scaling, Serverless, Spec

SPEC = Spec(
    "qa",
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mooring:1",
    "arn:aws:iam::123456789012:role/service",
    model_data="s3://bucket/mooring/qa/ab/model.tar.gz",
    environment={"A": "1"},
    tags={"team": "search"},
)
SPECS = {
    "instances": SPEC,
    "no model": dataclasses.replace(SPEC, model_data=None, environment={}),
    "serverless": dataclasses.replace(SPEC, compute=Serverless(2048, 4, 1)),
    "scaled": dataclasses.replace(SPEC, scaling=Scaling(1, 4, 100.0)),
    "async": dataclasses.replace(
        SPEC, asynchronous=Asynchronous("s3://b/o", "s3://b/f", 4), scaling=Scaling(0, 2, 5.0)
    ),
    "several models": dataclasses.replace(SPEC, multi_model=True, model_data="s3://bucket/mooring/qa/models/"),
}


@pytest.mark.parametrize("name", SPECS)
def test_the_template_asks_for_what_the_plan_makes(name: str) -> None:
    """The same machines, under a reference to the model instead of its name."""
    made: dict[str, Any] = template(SPECS[name])["Resources"]
    variant = dict(made["EndpointConfig"]["Properties"]["ProductionVariants"][0])
    wanted = dict(config_request(SPECS[name])["ProductionVariants"][0])
    assert variant.pop("ModelName") == {"Fn::GetAtt": ["Model", "ModelName"]}
    del wanted["ModelName"]
    assert variant == wanted
    assert made["Endpoint"]["Properties"]["EndpointName"] == "qa"
    assert ("ScalableTarget" in made) == (SPECS[name].scaling is not None)


def complaints(made: dict[str, Any]) -> list[str]:
    """What cfn-lint says, by CloudFormation's own schemas."""
    from cfnlint.api import lint

    return [str(each) for each in lint(json.dumps(made, indent=2))]


@pytest.mark.wire
@pytest.mark.parametrize("name", SPECS)
def test_cfn_lint_has_nothing_against_it(name: str) -> None:
    """Neither errors nor warnings, as its command line has it."""
    assert complaints(template(SPECS[name])) == []


@pytest.mark.wire
def test_cfn_lint_would_say_so() -> None:
    """A misspelt member is seen: otherwise its silence would prove nothing."""
    made = template(SPEC)
    made["Resources"]["Endpoint"]["Properties"]["EndpointNam"] = "qa"
    assert any("EndpointNam" in each for each in complaints(made))

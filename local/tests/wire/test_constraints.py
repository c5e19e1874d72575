"""Each constraint of botocore's models and the words for it, in process."""

from typing import Any

import pytest

from mooring_local.wire.constraints import SHOWN, violations
from mooring_local.wire.faults import Fault
from mooring_local.wire.service_model import service_model


def found(operation: str, parameters: dict[str, Any]) -> list[str]:
    """What CreateModel or another operation of SageMaker has against its parameters."""
    return list(violations(service_model("sagemaker").inputs(operation), parameters))


def test_what_is_right_breaks_nothing() -> None:
    """A whole request."""
    container = {"Image": "mooring", "ModelDataUrl": "s3://b/k", "Environment": {"A": ""}}
    assert found("CreateModel", {"ModelName": "a-B-1", "PrimaryContainer": container, "Tags": []}) == []


@pytest.mark.parametrize(
    ("key", "right"),
    [("équipe", True), ("a b/c_d:e=f+g-h@i", True), ("tab\tbed", False), ("semi;colon", False)],
)
def test_javas_letters_are_read(key: str, right: bool) -> None:
    r"""\p{L}, \p{Z} and \p{N} within a class."""
    broken = found(
        "AddTags", {"ResourceArn": "arn:aws:sagemaker:r:123456789012:x", "Tags": [{"Key": key, "Value": ""}]}
    )
    assert (broken == []) is right


def test_javas_classes_are_read_outside_of_one() -> None:
    r"""\p{Print}+ of a policy's name."""
    shape = service_model("application-autoscaling").inputs("PutScalingPolicy").members["PolicyName"]
    assert list(violations(shape, "my policy", "policyName")) == []
    assert list(violations(shape, "my\npolicy", "policyName")) != []


@pytest.mark.parametrize("end", ["\n", "\x00", " "])
def test_a_pattern_holds_to_the_end(end: str) -> None:
    """Also to a newline there, which $ would let pass."""
    assert found("DeleteModel", {"ModelName": f"name{end}"})


def test_lists_are_bounded_and_their_members_named() -> None:
    """From one on, as AWS counts."""
    said = found("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e", "DesiredWeightsAndCapacities": []})
    assert said == [
        "Value '[]' at 'desiredWeightsAndCapacities' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    ]
    given = {"EndpointName": "e", "DesiredWeightsAndCapacities": [{"VariantName": "a"}, {"DesiredWeight": -1.0}]}
    assert found("UpdateEndpointWeightsAndCapacities", given) == [
        "Value null at 'desiredWeightsAndCapacities.2.member.variantName' failed to satisfy constraint: "
        "Member must not be null",
        "Value '-1.0' at 'desiredWeightsAndCapacities.2.member.desiredWeight' failed to satisfy constraint: "
        "Member must have value greater than or equal to 0",
    ]


def test_lists_of_words_are_refused_whole() -> None:
    """With all that is demanded of a member."""
    (said,) = found("DeleteTags", {"ResourceArn": "arn:aws:sagemaker:r:123456789012:x", "TagKeys": ["a", "k" * 129]})
    assert "at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length" in said


def test_long_values_are_cut() -> None:
    """A message repeats so much of them and no more."""
    assert all(len(said) < SHOWN + 200 for said in found("DeleteModel", {"ModelName": "x" * 1_000_000}))


def test_a_fault_counts_what_it_names() -> None:
    """Under the code that the service has for it."""
    with pytest.raises(Fault, match="2 validation errors detected: Value null at 'roleName'") as caught:
        service_model("iam").check("CreateRole", {})
    assert caught.value.code == "ValidationError"
    with pytest.raises(Fault, match="1 validation error detected") as caught:
        service_model("logs").check("GetLogEvents", {})
    assert caught.value.code == "InvalidParameterException"

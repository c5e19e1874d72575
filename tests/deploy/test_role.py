"""Trust policies, as IAM hands them over."""

from typing import Any

import pytest

from mooring.deploy.role import trusts_sagemaker


def policy(principal: Any, effect: str = "Allow") -> dict[str, Any]:
    """With one statement."""
    return {"Statement": [{"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"}]}


@pytest.mark.parametrize(
    ("document", "trusted"),
    [
        (policy({"Service": "sagemaker.amazonaws.com"}), True),
        (policy({"Service": ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]}), True),
        (policy("*"), True),
        (policy({"Service": "lambda.amazonaws.com"}), False),
        (policy({"AWS": "arn:aws:iam::1:root"}), False),
        (policy({"Service": "sagemaker.amazonaws.com"}, "Deny"), False),
        ({"Statement": policy({"Service": "sagemaker.amazonaws.com"})["Statement"][0]}, True),
        (None, True),
        ("no JSON", True),
    ],
)
def test_who_may_take_the_role(document: Any, trusted: bool) -> None:
    """What cannot be read is not held against it."""
    assert trusts_sagemaker(document) is trusted

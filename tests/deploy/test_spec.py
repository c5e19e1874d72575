"""Wishes that no account could have are refused with the limit."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from mooring.deploy.fit import instance_of
from mooring.deploy.spec import Archive, Asynchronous, Instances, Scaling, Serverless, Spec, check
from mooring.errors import UsageError

SPEC = Spec("qa", "mooring", "arn:aws:iam::123456789012:role/service")
HUGE = Archive(Path("x"), "ab", 3 * 1024**3, 3 * 1024**3, "b", "k")

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a name with a dot": ({"name": "q.a"}, "Invalid endpoint name"),
    "a long name": ({"name": "a" * 64}, "Invalid endpoint name"),
    "no instances": ({"compute": Instances(count=0)}, "at least 1"),
    "an instance type of EC2's": ({"compute": Instances("c7i.large")}, r"Did you mean ml\.c7i\.large"),
    "no instance type at all": ({"compute": Instances("banana")}, "begin with ml"),
    "odd memory": ({"compute": Serverless(memory_mb=1000)}, "1000 MB"),
    "many at once": ({"compute": Serverless(max_concurrency=201)}, "201"),
    "more provisioned than there may be": ({"compute": Serverless(2048, 2, 3)}, "at most the max concurrency, 2"),
    "serverless and scaled": ({"compute": Serverless(), "scaling": Scaling(1, 2, 1)}, "mutually exclusive"),
    "serverless and asynchronous": (
        {"compute": Serverless(), "asynchronous": Asynchronous("s3://b/o")},
        "mutually exclusive",
    ),
    "a large model, serverless": ({"compute": Serverless(), "archive": HUGE, "model_data": HUGE.uri}, "6.0 GB"),
    "several models, no prefix": ({"multi_model": True}, "--multi-model needs a first model"),
    "several models, asynchronous": (
        {"multi_model": True, "model_data": "s3://b/", "asynchronous": Asynchronous("s3://b/o")},
        "--async and --multi-model are mutually exclusive",
    ),
    "bounds the wrong way round": (
        {"scaling": Scaling(3, 2, 1)},
        r"Minimum instances \(3\) exceeds maximum instances \(2\)",
    ),
    "scaled to nothing": ({"scaling": Scaling(0, 2, 1)}, "Minimum instances is 0"),
    "no target": ({"scaling": Scaling(1, 2, 0)}, "above 0"),
    "a variable's name": ({"environment": {"A-B": "1"}}, "A-B"),
    "a variable's length": ({"environment": {"A": "x" * 1025}}, "1025 characters"),
    "many variables": ({"environment": {f"V{n}": "" for n in range(101)}}, "101 environment variables"),
    "a value that ends the container": (
        {"environment": {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "soon"}},
        "SAGEMAKER_MODEL_SERVER_TIMEOUT is 'soon'. It must be a number of minutes",
    ),
    "a value of ours that is none": ({"environment": {"MOORING_PRECISION": "fp16"}}, "MOORING_PRECISION is 'fp16'"),
    "AWS's tags": ({"tags": {"aws:x": "1"}}, "aws:x"),
    "our tags": ({"tags": {"mooring:x": "1"}}, "reserved by Mooring"),
    "many tags": ({"tags": {f"t{n}": "" for n in range(48)}}, "48 tags"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """Before anything is asked of an account."""
    changes, said = REFUSED[name]
    with pytest.raises(UsageError, match=said):
        check(dataclasses.replace(SPEC, **changes))


def test_a_variable_is_taken_as_the_stock_container_takes_it() -> None:
    """Also where that is more than is possible here."""
    environment = {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600", "SAGEMAKER_PROGRAM": "", "MMS_JOB_QUEUE_SIZE": "99999"}
    assert check(dataclasses.replace(SPEC, environment=environment)).environment == environment


def test_an_asynchronous_endpoint_may_scale_to_nothing() -> None:
    """Its requests wait in S3."""
    spec = dataclasses.replace(SPEC, asynchronous=Asynchronous("s3://b/o"), scaling=Scaling(0, 2, 5))
    assert check(spec).kind == "async"


@pytest.mark.parametrize(
    ("name", "architecture", "gib"),
    [
        ("ml.c7i.large", "amd64", 4),
        ("ml.m5.xlarge", "amd64", 16),
        ("ml.t2.medium", "amd64", 4),
        ("ml.m7i-flex.2xlarge", "amd64", 32),
        ("ml.r5d.24xlarge", "amd64", 768),
        ("ml.c7g.large", "arm64", 4),
        ("ml.m6gd.4xlarge", "arm64", 64),
        ("ml.c6gn.medium", "arm64", 2),
        ("ml.t4g.small", "arm64", None),
        ("ml.g5.xlarge", "amd64", None),
        ("ml.g4dn.xlarge", "amd64", None),
        ("ml.g5g.xlarge", "arm64", None),
        ("ml.inf2.xlarge", "amd64", None),
        ("local", None, None),
        ("c7i.large", None, None),
    ],
)
def test_what_an_instance_types_name_says(name: str, architecture: str | None, gib: float | None) -> None:
    """Graviton by the g among its attributes, memory by family and size; else nothing."""
    found = instance_of(name)
    assert found.architecture == architecture
    assert found.memory_bytes == (None if gib is None else gib * 1024**3)

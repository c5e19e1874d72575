"""The commands against a local SageMaker: refusals before anything is put there, and the lines that are printed."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from mooring.cli import run
from mooring.deploy.session import Session
from mooring.model.source import EMBEDDED_FOLDER

pytestmark = pytest.mark.wire

QUESTION = {"inputs": {"question": "Who wrote it?", "context": "Ada Lovelace wrote it in 1843."}}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["destroy", "bad/name"], "Invalid endpoint name"),
        (["transform", "MODEL", "--input", "there", "--output", "s3://b/o"], "is not an S3 URI"),
        (["transform", "MODEL", "--input", "s3://b/i", "--output", "s3://b/o", "--env", "A"], "KEY=VALUE"),
        (
            ["transform", "nobody", "--input", "s3://b/i", "--output", "s3://b/o", "--offline"],
            "No deployment or SageMaker model named",
        ),
        (["deploy", "MODEL", "--name", "q", "--instance-type", "c7i.large"], "Did you mean ml.c7i.large"),
        (
            ["deploy", "MODEL", "--name", "q", "--instance-type", "ml.c99.large", "--dry-run"],
            "boto3 does not know the instance type ml.c99",
        ),
    ],
)
def test_said_before_anything_is_made(
    arguments: list[str], said: str, local_url: str, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    """No model is put there for an order that cannot be."""
    before = session.client("sagemaker").list_models()["Models"]
    given = [str(EMBEDDED_FOLDER) if each == "MODEL" else each for each in arguments]
    run([*given, "--endpoint-url", local_url])
    assert said in capsys.readouterr().err
    assert session.client("sagemaker").list_models()["Models"] == before


def test_the_lines_that_are_printed_work(local_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Copied as they are, at an endpoint where a model has to be named too."""
    (tmp_path / "copy").symlink_to(EMBEDDED_FOLDER)
    place = ("--endpoint-url", local_url, "--region", "eu-west-1")
    assert run(["deploy", str(tmp_path / "copy"), "--name", "lines", "--multi-model", *place, "--json"]) == 0
    call = json.loads(capsys.readouterr().out)["call"]
    assert evaluated(call["python"])["answer"] == "Ada Lovelace"
    assert json.loads(evaluated(call["boto3"])["Body"].read())["answer"] == "Ada Lovelace"
    assert run(shlex.split(call["remove"])[1:]) == 0
    assert "Removed lines" in capsys.readouterr().out


def evaluated(line: str) -> Any:
    """The line as Python, with a question for its {...}."""
    import boto3

    import mooring.deploy

    names = {"mooring": mooring, "boto3": boto3, "json": json, "question": QUESTION}
    return eval(line.replace("{...}", "question"), names)

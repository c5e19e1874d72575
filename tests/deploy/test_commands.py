"""The commands as a shell sees them: what is refused before anything is put there, and lines that can be copied."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mooring.cli import run
from mooring.deploy.session import Session
from mooring.model.source import EMBEDDED_FOLDER

ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mooring:1"
QUESTION = {"inputs": {"question": "Who wrote it?", "context": "Ada Lovelace wrote it in 1843."}}


def test_help_shows_what_before_how(capsys: pytest.CaptureFixture[str]) -> None:
    """The name and the machines first, then the rest."""
    assert run(["deploy", "--help"]) == 0
    said = capsys.readouterr().out
    assert said.index("--name") < said.index("--instance-type") < said.index("--role") < said.index("--dry-run")


def test_doctor_without_an_account(capsys: pytest.CaptureFixture[str]) -> None:
    """The region is in the image's name, and who may not ask ECR is told so: the model is examined all the same."""
    assert run(["doctor", str(EMBEDDED_FOLDER), "--image", ECR, "--json"]) == 0
    said = capsys.readouterr()
    assert {"weights", "image"} <= {each["check"] for each in json.loads(said.out)}
    assert "no AWS credentials" in said.err


@pytest.mark.wire
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["destroy", "bad/name"], "cannot be an endpoint's"),
        (["transform", "MODEL", "--input", "there", "--output", "s3://b/o"], "no S3 URI"),
        (["transform", "MODEL", "--input", "s3://b/i", "--output", "s3://b/o", "--env", "A"], "KEY=VALUE"),
        (["transform", "nobody", "--input", "s3://b/i", "--output", "s3://b/o", "--offline"], "neither a deployment"),
        (["deploy", "MODEL", "--name", "q", "--instance-type", "c7i.large"], "Is ml.c7i.large meant"),
        (["deploy", "MODEL", "--name", "q", "--instance-type", "ml.c99.large", "--dry-run"], "boto3 knows no ml.c99"),
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


@pytest.mark.wire
def test_removing_loads_no_numbers() -> None:
    """What only packing needs would be a tenth of the command's time."""
    program = "import sys, mooring.cli.destroy, mooring.deploy.deployment; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


@pytest.mark.wire
def test_an_image_of_another_region() -> None:
    """SageMaker says so only when the endpoint has failed."""
    from mooring.deploy.deployment import Order, _check_image
    from mooring.deploy.session import Place
    from mooring.errors import UsageError

    with pytest.raises(UsageError, match="takes images from its own region"):
        _check_image(Session(Place(region="us-east-1")), Order(image=ECR))


@pytest.mark.wire
def test_the_lines_that_are_printed_work(local_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Copied as they are, at an endpoint where a model has to be named too."""
    (tmp_path / "copy").symlink_to(EMBEDDED_FOLDER)
    place = ("--endpoint-url", local_url, "--region", "eu-west-1")
    assert run(["deploy", str(tmp_path / "copy"), "--name", "lines", "--multi-model", *place, "--json"]) == 0
    call = json.loads(capsys.readouterr().out)["call"]
    assert evaluated(call["python"])["answer"] == "Ada Lovelace"
    assert json.loads(evaluated(call["boto3"])["Body"].read())["answer"] == "Ada Lovelace"
    assert run(shlex.split(call["remove"])[1:]) == 0
    assert "lines is gone" in capsys.readouterr().out


def evaluated(line: str) -> Any:
    """The line as Python, with a question for its {...}."""
    import boto3

    import mooring

    names = {"mooring": mooring, "boto3": boto3, "json": json, "question": QUESTION}
    return eval(line.replace("{...}", "question"), names)

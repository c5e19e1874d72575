"""The commands as a shell sees them: what is refused before anything is put there, and lines that can be copied."""

import json
import subprocess
import sys

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
def test_removing_loads_no_numbers() -> None:
    """What only packing needs would be a tenth of the command's time."""
    program = "import sys, mooring.cli.deploy, mooring.deploy.deployment; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


@pytest.mark.wire
def test_an_image_of_another_region() -> None:
    """SageMaker says so only when the endpoint has failed."""
    from mooring.deploy.deployment import Order, _check_image
    from mooring.deploy.session import Place
    from mooring.errors import UsageError

    with pytest.raises(UsageError, match="needs an image in its own region"):
        _check_image(Session(Place(region="us-east-1")), Order(image=ECR))


@pytest.mark.wire
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--region", "eu-central-1"], "no AWS credentials"),
        ([], "no region"),
        (["--profile", "nobody"], "profile (nobody)"),
        (["--region", "eu-central-1", "--serverless", "--instance-type", "ml.c7i.large"], "--instance-type"),
        (["--region", "eu-central-1", "--name", "q.a"], "q.a"),
    ],
)
def test_accounts_in_words(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Credentials, region and profile: what is missing, and what to do; no call is made."""
    assert run(["deploy", *arguments]) != 0
    assert said in capsys.readouterr().err

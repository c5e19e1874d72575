"""`moor deploy` of a model for every task: its test request, the endpoint by boto3, and a transform job."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.tests.support.transform import lines_of_a_job
from mooring.cli import run
from mooring.deploy import Predictor
from mooring.deploy.session import Session
from mooring.tasks import TASKS
from tests.support.every_task import MODELS

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("task", TASKS)
def test_a_model_is_deployed_tested_asked_and_removed(
    task: str, local_url: str, session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The test request is the model's own example, and the endpoint answers it like a server."""
    folder, place = str(MODELS[task](tmp_path / task)), ("--endpoint-url", local_url)
    deploy = ["deploy", folder, "--name", task, "--env", f"HF_TASK={task}", *place]
    assert run([*deploy, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    trial = report["trial"]
    assert trial["task"] == task
    runtime = session.client("sagemaker-runtime")
    reply = runtime.invoke_endpoint(
        EndpointName=task, ContentType="application/json", Body=json.dumps(trial["request"])
    )
    answer = json.loads(reply["Body"].read())
    assert answer == trial["answer"]
    said: Any = Predictor(task, session).predict(trial["request"])
    assert (dict(said) if task == "question-answering" else said) == answer
    assert run(deploy) == 0
    assert "request   " in capsys.readouterr().out
    # A text alone is answered by a list of one label, as in the pipeline; as one of several lines, by the label.
    line = answer[0] if task == "text-classification" else answer
    assert lines_of_a_job(session, task, report["endpoint"], [trial["request"]] * 2) == [line] * 2
    assert run(["destroy", task, *place]) == 0

"""`moor deploy` of a model for every task: its test request, the endpoint by boto3, and a transform job."""

import json
from pathlib import Path
from typing import Any

import pytest

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
    assert lines_of_a_job(session, task, report["endpoint"], trial["request"]) == [line] * 2
    assert run(["destroy", task, *place]) == 0


def lines_of_a_job(session: Session, task: str, endpoint: str, request: object) -> list[Any]:
    """Two records through a transform job of the deployed model."""
    sagemaker, s3 = session.client("sagemaker"), session.client("s3")
    config = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    bucket = session.default_bucket
    s3.put_object(Bucket=bucket, Key=f"in/{task}/a.jsonl", Body=f"{json.dumps(request)}\n" * 2)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/{task}/"}}
    sagemaker.create_transform_job(
        TransformJobName=task,
        ModelName=variant["ModelName"],
        TransformInput={"DataSource": source, "ContentType": "application/jsonlines", "SplitType": "Line"},
        TransformOutput={
            "S3OutputPath": f"s3://{bucket}/out/{task}",
            "Accept": "application/jsonlines",
            "AssembleWith": "Line",
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=task, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    body = s3.get_object(Bucket=bucket, Key=f"out/{task}/a.jsonl.out")["Body"].read()
    return [json.loads(line) for line in body.decode().splitlines()]

"""A transform job of the embedded model by boto3, against the answers of the same model asked one by one."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from mooring.testing import running_server
from mooring_local.server import LocalSageMaker, Options

pytestmark = pytest.mark.wire

QUESTIONS = [
    ("What is the capital of Portugal?", "Lisbon is the capital of Portugal."),
    ("Who wrote the first program?", "Ada Lovelace wrote what many call the first program, in 1843."),
    ("Wie hoch ist der Turm?", "Der Turm ist 324 Meter hoch und steht in Paris."),
    ("When was it founded?", "The club was founded in 1899 by Joan Gamper."),
    ("What do ships drop?", "In a harbour, ships drop their anchors or are moored to a quay."),
]


def client(service: str, url: str) -> Any:
    """Of boto3."""
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "thing"}
    return boto3.client(service, region_name="us-east-1", endpoint_url=url, **keys)


def test_a_file_of_questions(tmp_path: Path) -> None:
    """Every line is answered in its place, as the model answers it alone; the input stands beside the answer."""
    with LocalSageMaker(Options(tmp_path / "data", port=0, time_scale=0.0)) as url:
        s3, sagemaker = client("s3", url), client("sagemaker", url)
        s3.create_bucket(Bucket="data")
        lines = [{"id": n, "qa": {"question": q, "context": c}} for n, (q, c) in enumerate(QUESTIONS)]
        s3.put_object(Bucket="data", Key="in/questions.jsonl", Body="\n".join(map(json.dumps, lines)))
        role = "arn:aws:iam::123456789012:role/SageMakerLocal"
        sagemaker.create_model(ModelName="qa", PrimaryContainer={"Image": "mooring"}, ExecutionRoleArn=role)
        sagemaker.create_transform_job(
            TransformJobName="nightly",
            ModelName="qa",
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in/"}},
                "ContentType": "application/jsonlines",
                "SplitType": "Line",
            },
            TransformOutput={
                "S3OutputPath": "s3://data/out",
                "Accept": "application/jsonlines",
                "AssembleWith": "Line",
            },
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            DataProcessing={"InputFilter": "$.qa", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
        )
        waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
        waiter.wait(TransformJobName="nightly", WaiterConfig={"Delay": 1, "MaxAttempts": 60})

        done = sagemaker.describe_transform_job(TransformJobName="nightly")
        body = s3.get_object(Bucket="data", Key="out/questions.jsonl.out")["Body"].read()
        logs = client("logs", url)
        (stream,) = [
            one["logStreamName"]
            for one in logs.describe_log_streams(logGroupName="/aws/sagemaker/TransformJobs")["logStreams"]
            if one["logStreamName"].endswith("/data-log")
        ]
        events = logs.get_log_events(logGroupName="/aws/sagemaker/TransformJobs", logStreamName=stream)["events"]

    assert done["TransformJobStatus"] == "Completed"
    found = [json.loads(line) for line in body.splitlines()]
    assert [one["id"] for one in found] == list(range(len(QUESTIONS)))
    assert "MaxPayloadInMB=" in events[0]["message"]
    with running_server() as server:
        alone = [server.ask(question, context) for question, context in QUESTIONS]
    assert [one["SageMakerOutput"]["answer"] for one in found] == [one["answer"] for one in alone]
    assert found[0]["SageMakerOutput"]["answer"] == "Lisbon"
    for one, other in zip(found, alone, strict=True):
        assert one["SageMakerOutput"]["score"] == pytest.approx(other["score"], abs=1e-6)

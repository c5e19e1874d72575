"""The AWS CLI, in an environment of its own, against the local SageMaker: as `eval "$(moor local env)"` leaves it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.tests.fidelity.book import Book
from local.tests.fidelity.environments import Place, version
from local.tests.fidelity.tap import Tap

pytestmark = pytest.mark.sdk
Places = Callable[[str], Place]
PATIENCE_S = 60.0
VARIANT = "VariantName=AllTraffic,ModelName=qa,InitialInstanceCount=1,InstanceType=ml.m5.large"
ASKED = {"inputs": {"question": "Where does Amina live?", "context": "My name is Amina and I live in Lisbon."}}


def test_from_a_model_to_its_answer(place: Places, archive: Path, book: Book, tap: Tap, tmp_path: Path) -> None:
    """Up with the data, a model, an endpoint, a wait, a question; logs; down with it all."""
    where = place("awscli")
    ran: list[str] = []

    def aws(*words: str | Path) -> Any:
        """What it prints: JSON, or words."""
        done = where.run("aws", *words)
        assert done.refused == ()
        ran.append(" ".join(str(word) for word in words[:2]))
        return json.loads(done.output) if done.output.startswith("{") else done.output.split()

    assert aws("sts", "get-caller-identity")["Account"] == "123456789012"
    aws("s3", "mb", "s3://quay")
    aws("s3", "cp", archive, "s3://quay/qa/model.tar.gz", "--no-progress")
    aws("s3", "cp", "s3://quay/qa/model.tar.gz", tmp_path / "back.tar.gz", "--no-progress")
    assert (tmp_path / "back.tar.gz").read_bytes() == archive.read_bytes()
    assert aws("s3", "ls", "s3://quay/qa/")[2:] == [str(archive.stat().st_size), "model.tar.gz"]

    container = "Image=mooring,ModelDataUrl=s3://quay/qa/model.tar.gz"
    role = where.variables["SAGEMAKER_ROLE"]
    model = ("--model-name", "qa")
    endpoint, config = ("--endpoint-name", "qa"), ("--endpoint-config-name", "qa")
    aws("sagemaker", "create-model", *model, "--primary-container", container, "--execution-role-arn", role)
    aws("sagemaker", "create-endpoint-config", *config, "--production-variants", VARIANT)
    aws("sagemaker", "create-endpoint", *endpoint, *config, "--tags", "Key=team,Value=quay")
    until(lambda: aws("sagemaker", "describe-endpoint", *endpoint)["EndpointStatus"] == "InService")
    aws("sagemaker", "wait", "endpoint-in-service", *endpoint)
    assert [one["ModelName"] for one in aws("sagemaker", "list-models")["Models"]] == ["qa"]
    assert len(aws("sagemaker", "list-endpoint-configs", "--page-size", "1")["EndpointConfigs"]) == 1
    assert aws("sagemaker", "list-endpoints", "--query", "Endpoints[].EndpointName", "--output", "text") == ["qa"]

    (tmp_path / "asked.json").write_text(json.dumps(ASKED))
    said = ("--content-type", "application/json", "--body", f"fileb://{tmp_path}/asked.json", tmp_path / "answer.json")
    done = aws("sagemaker-runtime", "invoke-endpoint", *endpoint, *said)
    assert done["InvokedProductionVariant"] == "AllTraffic"
    assert json.loads((tmp_path / "answer.json").read_text())["answer"] == "Lisbon"

    group = ("--log-group-name", "/aws/sagemaker/Endpoints/qa")
    streams = aws("logs", "describe-log-streams", *group)["logStreams"]
    stream = ("--log-stream-name", streams[0]["logStreamName"])
    assert any("is ready" in event["message"] for event in aws("logs", "get-log-events", *group, *stream)["events"])

    refused = where.run("aws", "sagemaker", "describe-endpoint", "--endpoint-name", "other", fails=True)
    assert "(ValidationException) when calling the DescribeEndpoint operation: Could not find" in refused.output

    aws("sagemaker", "delete-endpoint", *endpoint)
    until(lambda: aws("sagemaker", "list-endpoints")["Endpoints"] == [])
    aws("sagemaker", "wait", "endpoint-deleted", *endpoint)
    aws("sagemaker", "delete-endpoint-config", *config)
    aws("sagemaker", "delete-model", *model)
    aws("s3", "rm", "s3://quay", "--recursive")
    aws("s3", "rb", "s3://quay")
    assert aws("s3", "ls") == []
    book.passed(("AWS CLI", version("awscli", "awscli")), tap, {f"aws {words}" for words in ran})


def until(true: Callable[[], bool]) -> None:
    """The CLI's own `wait` sleeps for 30 s after a first look that is too early."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end

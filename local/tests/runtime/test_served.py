"""Several models, weights and an asynchronous call on the real server in real processes, by real boto3."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from mooring_local.server import LocalSageMaker, Options
from tests.support.tiny_models import write_tiny_distilbert

pytestmark = pytest.mark.wire
ROLE = "arn:aws:iam::123456789012:role/SageMakerLocal"
WAIT = {"Delay": 1, "MaxAttempts": 60}
ASKED = json.dumps({"question": "Who wrote it?", "context": "Ada Lovelace wrote it."})
TYPE = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}


class Clients:
    """boto3's, of one server."""

    def __init__(self, url: str) -> None:
        session = boto3.Session("any", "thing", region_name="eu-west-1")
        self.sagemaker: Any = session.client("sagemaker", endpoint_url=url)
        self.runtime: Any = session.client("sagemaker-runtime", endpoint_url=url)
        self.s3: Any = session.client("s3", endpoint_url=url)

    def create(self, name: str, container: dict[str, Any], **config: Any) -> None:
        """Model, configuration and endpoint of one name, in service."""
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        variant = {"VariantName": "AllTraffic", "ModelName": name, **TYPE}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **config)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        self.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=WAIT)

    def close(self) -> None:
        """Their connections."""
        for client in (self.sagemaker, self.runtime, self.s3):
            client.close()


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """With the bucket `models`."""
    folder: Path = tmp_path_factory.mktemp("served")
    with LocalSageMaker(Options(folder, port=0, time_scale=0.0)) as url:
        found = Clients(url)
        found.s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield found
        found.close()


def test_several_models_in_one_process(clients: Clients, tmp_path: Path) -> None:
    """The same archive under two names, and one that is not there."""
    folder = write_tiny_distilbert(tmp_path / "tiny")
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    for name in ("one", "two"):
        clients.s3.put_object(Bucket="models", Key=f"all/{name}.tar.gz", Body=held.getvalue())
    clients.create("several", {"Image": "mooring", "Mode": "MultiModel", "ModelDataUrl": "s3://models/all/"})
    answers = []
    for name in ("one", "two", "one"):
        reply = clients.runtime.invoke_endpoint(
            EndpointName="several", TargetModel=f"{name}.tar.gz", ContentType="application/json", Body=ASKED
        )
        answers.append(json.loads(reply["Body"].read()))
    assert answers[0] == answers[1] == answers[2]
    with pytest.raises(clients.runtime.exceptions.ValidationError, match="Failed to download model data"):
        clients.runtime.invoke_endpoint(EndpointName="several", TargetModel="three.tar.gz", Body=ASKED)


def test_an_asynchronous_call(clients: Clients) -> None:
    """The answer is an object, of the embedded model."""
    clients.create(
        "later", {"Image": "mooring"}, AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": "s3://models/out"}}
    )
    clients.s3.put_object(Bucket="models", Key="in/question.json", Body=ASKED)
    accepted = clients.runtime.invoke_endpoint_async(
        EndpointName="later", InputLocation="s3://models/in/question.json", ContentType="application/json"
    )
    key = accepted["OutputLocation"].removeprefix("s3://models/")
    clients.s3.get_waiter("object_exists").wait(Bucket="models", Key=key, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    answer = clients.s3.get_object(Bucket="models", Key=key)
    assert json.loads(answer["Body"].read())["answer"] == "Ada Lovelace"


OWN = b"""
import boto3

def model_fn(folder):
    return boto3.client("s3")

def predict_fn(data, s3):
    found = s3.get_object(Bucket="models", Key="own/words.txt")
    return {"said": found["Body"].read().decode(), "region": s3.meta.region_name}
"""


def test_a_models_own_code_finds_the_local_s3(clients: Clients) -> None:
    """boto3 without any argument: its address, its keys, and the region of the endpoint."""
    clients.s3.put_object(Bucket="models", Key="own/words.txt", Body=b"from here")
    clients.s3.put_object(Bucket="models", Key="mine/code/inference.py", Body=OWN)
    data = {"S3Uri": "s3://models/mine/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    clients.create("own", {"Image": "mooring", "ModelDataSource": {"S3DataSource": data}})
    reply = clients.runtime.invoke_endpoint(EndpointName="own", ContentType="application/json", Body=b"{}")
    assert json.loads(reply["Body"].read()) == {"said": "from here", "region": "eu-west-1"}

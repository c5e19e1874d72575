"""The local SageMaker whole: real boto3, a real endpoint in a real process, and what survives its end."""

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

import mooring_local
from mooring.errors import UsageError
from mooring_local.server import LocalSageMaker, Options

pytestmark = pytest.mark.wire
ASKED = {"inputs": {"question": "Where does Amina live?", "context": "My name is Amina and I live in Lisbon."}}
WAIT = {"Delay": 1, "MaxAttempts": 60}
VARIANT = {"VariantName": "AllTraffic", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder for one."""
    return tmp_path / "data"


@pytest.fixture
def url(data: Path) -> Iterator[str]:
    """Of a running one."""
    with LocalSageMaker(Options(data, port=0, time_scale=0.0)) as address:
        yield address


def client(service: str, url: str) -> Any:
    """Of boto3."""
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "thing"}
    return boto3.client(service, region_name="eu-central-1", endpoint_url=url, **keys)


def ask(url: str) -> str:
    """What the endpoint answers."""
    done = client("sagemaker-runtime", url).invoke_endpoint(
        EndpointName="qa", ContentType="application/json", Body=json.dumps(ASKED).encode()
    )
    assert (done["ContentType"], done["InvokedProductionVariant"]) == ("application/json", "AllTraffic")
    return str(json.loads(done["Body"].read())["answer"])


def test_from_a_model_to_the_right_answer_and_to_nothing_again(data: Path) -> None:
    """Create, wait, ask; stop the server and start it: the endpoint is back; delete, and nothing is left."""
    with LocalSageMaker(Options(data, port=0, time_scale=0.0)) as url:
        sagemaker = client("sagemaker", url)
        role = "arn:aws:iam::123456789012:role/SageMakerLocal"
        sagemaker.create_model(ModelName="qa", PrimaryContainer={"Image": "mooring"}, ExecutionRoleArn=role)
        sagemaker.create_endpoint_config(EndpointConfigName="qa", ProductionVariants=[{**VARIANT, "ModelName": "qa"}])
        sagemaker.create_endpoint(EndpointName="qa", EndpointConfigName="qa")
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="qa", WaiterConfig=WAIT)
        assert ask(url) == "Lisbon"
        logs = client("logs", url)
        streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/Endpoints/qa")["logStreams"]
        events = logs.get_log_events(
            logGroupName="/aws/sagemaker/Endpoints/qa", logStreamName=streams[0]["logStreamName"]
        )
        assert events["events"]

    with LocalSageMaker(Options(data, port=0, time_scale=0.0)) as url:
        sagemaker = client("sagemaker", url)
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="qa", WaiterConfig=WAIT)
        assert ask(url) == "Lisbon"
        sagemaker.delete_endpoint(EndpointName="qa")
        sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="qa", WaiterConfig=WAIT)
        sagemaker.delete_endpoint_config(EndpointConfigName="qa")
        sagemaker.delete_model(ModelName="qa")
        assert sagemaker.list_endpoints()["Endpoints"] == []


def test_a_folder_is_served_once(url: str, data: Path) -> None:
    """A second one says who has it, and the first goes on."""
    with pytest.raises(UsageError, match="in use by another local SageMaker") as caught:
        LocalSageMaker(Options(data, port=0)).start()
    assert url in caught.value.message
    assert client("sagemaker", url).list_models()["Models"] == []


def test_a_browser_finds_the_page(url: str) -> None:
    """From / to the page, and what it shows; a program that asks for / is answered by S3."""
    asked = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(asked) as page:
        assert page.url == f"{url}/_mooring/"
        assert b"<title>" in page.read()
    with urllib.request.urlopen(f"{url}/_mooring/api/overview") as overview:
        assert json.loads(overview.read())["account"] == "123456789012"
    with urllib.request.urlopen(url) as buckets:
        assert b"ListAllMyBucketsResult" in buckets.read()


def test_what_runs_nowhere_says_so_and_stop_may_be_called_again(data: Path) -> None:
    """Starting and stopping twice leaves the folder free."""
    local = LocalSageMaker(Options(data, port=0, time_scale=0.0))
    first = local.start()
    assert client("sts", first).get_caller_identity()["Account"] == "123456789012"
    local.stop()
    local.stop()
    assert client("sts", local.start()).get_caller_identity()["Account"] == "123456789012"
    local.stop()


def test_one_that_serves_goes_on_when_it_is_started_again(data: Path) -> None:
    """There is one of it, and stop ends it."""
    local = LocalSageMaker(Options(data, port=0, time_scale=0.0))
    assert local.start() == local.start()
    local.stop()
    with pytest.raises(EndpointConnectionError):
        client("sts", local.url).get_caller_identity()


def test_one_that_serves_in_a_thread_of_the_callers_ends_when_told(data: Path) -> None:
    """What `run` promises."""
    local = LocalSageMaker(Options(data, port=0, time_scale=0.0))
    there = threading.Event()
    thread = threading.Thread(target=local.run, args=(lambda _: there.set(),))
    thread.start()
    assert there.wait(30)
    local.stop()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize("name", ["s3", "logs", "run"])
def test_a_folder_with_something_in_the_way_is_refused(data: Path, name: str) -> None:
    """At the start, not when it is needed; afterwards it is free."""
    data.mkdir()
    (data / name).touch()
    with pytest.raises(UsageError, match=r"Cannot use the data folder .*: File exists"):
        LocalSageMaker(Options(data, port=0)).start()
    (data / name).unlink()
    with LocalSageMaker(Options(data, port=0)) as url:
        assert url


def test_a_program_starts_one_and_goes_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder stays where it was; what leads a program there is complete."""
    monkeypatch.chdir(tmp_path)
    with mooring_local.start("data", instant=True) as local:
        (tmp_path / "other").mkdir()
        monkeypatch.chdir(tmp_path / "other")
        for name, value in local.environment().items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="here")
        assert (tmp_path / "data" / "s3" / "here").is_dir()
        assert Path(os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"]).parent == tmp_path / "data"
        assert list((tmp_path / "other").iterdir()) == []


def test_a_notebook_is_not_shown_what_models_are_given(tmp_path: Path) -> None:
    """A fault is a line with its place: no values, no variables. What the program itself logs goes its own way."""
    done = subprocess.run([sys.executable, "-c", FAULTY, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "a request failed" in done.stderr
    assert "error=RuntimeError" in done.stderr
    assert "hf_secret" not in done.stderr + done.stdout
    assert "WARNING:its:own" in done.stderr


FAULTY = """
import logging, sys, boto3, botocore.exceptions, mooring_local
logging.basicConfig()
with mooring_local.start(sys.argv[1], instant=True) as local:
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "thing"}
    once = boto3.session.Config(retries={"total_max_attempts": 1})
    client = boto3.client("sagemaker", region_name="eu-west-1", endpoint_url=local.url, config=once, **keys)
    from mooring_local.state import State
    def broken(*_):
        raise RuntimeError("hf_secret in words")
    State.add = broken
    try:
        client.create_model(
            ModelName="m", PrimaryContainer={"Image": "mooring", "Environment": {"HF_TOKEN": "hf_secret"}}
        )
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "InternalFailure"
    logging.getLogger("its").warning("own")
"""


def test_a_transform_job_runs_to_its_end(url: str) -> None:
    """Two lines in, two answers out, in the order of the lines; the waiter sees it."""
    s3, sagemaker = client("s3", url), client("sagemaker", url)
    s3.create_bucket(Bucket="batch", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="batch", Key="in/two.jsonl", Body=b"\n".join([json.dumps(ASKED["inputs"]).encode()] * 2))
    sagemaker.create_model(ModelName="qa", PrimaryContainer={"Image": "mooring"})
    kind = {"ContentType": "application/jsonlines", "SplitType": "Line"}
    sagemaker.create_transform_job(
        TransformJobName="job",
        ModelName="qa",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://batch/in/"}},
            **kind,
        },
        TransformOutput={"S3OutputPath": "s3://batch/out", "Accept": "application/jsonlines", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName="job", WaiterConfig=WAIT)
    job = sagemaker.describe_transform_job(TransformJobName="job")
    assert job["TransformJobStatus"] == "Completed", job
    (made,) = s3.list_objects_v2(Bucket="batch", Prefix="out/")["Contents"]
    assert made["Key"].endswith("two.jsonl.out")
    lines = s3.get_object(Bucket="batch", Key=made["Key"])["Body"].read().splitlines()
    assert [json.loads(line)["answer"] for line in lines] == ["Lisbon", "Lisbon"]

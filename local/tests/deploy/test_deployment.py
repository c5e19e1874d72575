"""Whole deployments with real boto3 on a local SageMaker: made, asked, changed, broken off, removed."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from mooring.cli import run
from mooring.deploy import Model, Predictor
from mooring.deploy.archive import Wanted
from mooring.deploy.deployment import Order, carry_out, prepare, propose, remove, survey
from mooring.deploy.session import Session
from mooring.deploy.spec import Scaling, Serverless
from mooring.errors import AccountError, EndpointFailed, InvokeError, NameTaken, PayloadTooLarge
from mooring.progress import Silent

pytestmark = pytest.mark.wire

QUESTION = {"inputs": {"question": "Who wrote it?", "context": "Ada Lovelace wrote it in 1843."}}


class Heard(Silent):
    """Keeps what was noted; Ctrl-C comes when the endpoint is seen in `interrupt_at`."""

    def __init__(self, interrupt_at: str = "") -> None:
        super().__init__()
        self._interrupt_at = interrupt_at

    def detail(self, text: str) -> None:
        """Perhaps Ctrl-C."""
        if text == self._interrupt_at:
            raise KeyboardInterrupt


def standing(session: Session, name: str) -> dict[str, list[str]]:
    """Everything of that name in the account but objects; the tests share one account."""
    sagemaker = session.client("sagemaker")
    configs = sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
    return {
        "models": [each["ModelName"] for each in sagemaker.list_models(NameContains=name)["Models"]],
        "configs": [each["EndpointConfigName"] for each in configs],
        "endpoints": [each["EndpointName"] for each in sagemaker.list_endpoints(NameContains=name)["Endpoints"]],
    }


NOTHING: dict[str, list[str]] = {"models": [], "configs": [], "endpoints": []}


def moor(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """Run the command and decode what it prints."""
    assert run([*arguments, "--json"]) == code, capsys.readouterr().err
    said = capsys.readouterr().out
    return json.loads(said) if said else None


def test_deploy_predict_again_update_destroy(
    local_url: str, session: Session, artefact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole story, by the command line, with a batch job on the way."""
    there = ("--name", "qa", "--endpoint-url", local_url)
    dry = moor(capsys, "deploy", str(artefact), *there, "--dry-run")
    assert [each["do"] for each in dry["actions"]][-2:] == ["create", "wait"]
    assert standing(session, "qa") == NOTHING

    began = time.monotonic()
    made = moor(capsys, "deploy", str(artefact), *there)
    assert made["changed"]
    assert made["trial"]["answer"]["answer"]
    said = Predictor("qa", session).predict(QUESTION)
    assert said["answer"] == "Ada Lovelace"
    took = time.monotonic() - began

    again = moor(capsys, "deploy", str(artefact), *there)
    assert not again["changed"]
    assert again["model_data"] == made["model_data"]

    before = standing(session, "qa")
    foreign = ("--env", "MOORING_LOG_LEVEL=warning", "--env", "SAGEMAKER_MODEL_SERVER_TIMEOUT=3600")
    changed = moor(capsys, "deploy", str(artefact), *there, *foreign)
    assert changed["changed"]
    after = standing(session, "qa")
    assert after["endpoints"] == ["qa"]
    assert len(after["models"]) == len(after["configs"]) == 1
    assert after["models"] != before["models"]
    assert Predictor("qa", session).ask("Who wrote it?", "Ada Lovelace wrote it.").text == "Ada Lovelace"

    lines = "".join(f"{json.dumps(QUESTION)}\n" for _ in range(3))
    session.client("s3").put_object(Bucket="sagemaker-us-east-1-123456789012", Key="in/a.jsonl", Body=lines)
    place = "s3://sagemaker-us-east-1-123456789012"
    where = ("--input", f"{place}/in/", "--output", f"{place}/out", "--endpoint-url", local_url)
    assert moor(capsys, "transform", "qa", *where)["status"] == "Completed"
    answers = session.client("s3").list_objects_v2(Bucket="sagemaker-us-east-1-123456789012", Prefix="out")["Contents"]
    said = session.client("s3").get_object(Bucket="sagemaker-us-east-1-123456789012", Key=answers[0]["Key"])
    assert [json.loads(line)["answer"] for line in said["Body"].read().splitlines()] == ["Ada Lovelace"] * 3

    began = time.monotonic()
    assert moor(capsys, "destroy", "qa", "--endpoint-url", local_url)["removed"]
    took += time.monotonic() - began
    assert standing(session, "qa") == NOTHING
    assert moor(capsys, "destroy", "qa", "--endpoint-url", local_url)["actions"] == []
    print(f"deploy, predict, destroy: {took:.2f} s")


def test_model_and_predictor(local_url: str, session: Session, artefact: Path) -> None:
    """What HuggingFaceModel's users write, with one import changed."""
    model = Model(
        model_data=str(artefact),
        role="arn:aws:iam::123456789012:role/SageMakerLocal",
        transformers_version="4.49",
        pytorch_version="2.6",
        py_version="py312",
        env={"HF_TASK": "question-answering"},
        endpoint_url=local_url,
        quiet=True,
    )
    predictor = model.deploy(initial_instance_count=1, instance_type="ml.m5.large", endpoint_name="story")
    assert predictor.predict(QUESTION)["answer"] == "Ada Lovelace"
    with pytest.raises(InvokeError, match="context") as caught:
        predictor.predict({"inputs": {"question": "Who?"}})
    assert caught.value.status == 400
    with pytest.raises(PayloadTooLarge, match="26,214,400"):
        predictor.predict(b"x" * 26_214_401)
    predictor.delete_model()
    predictor.delete_endpoint()
    model.destroy()
    assert standing(session, "story") == NOTHING


def test_serverless(local_url: str, session: Session) -> None:
    """With its own, smaller limit checked before anything is sent."""
    model = Model(endpoint_url=local_url, name="less", quiet=True)
    predictor = model.deploy(serverless_inference_config={"memory_size_in_mb": 2048, "max_concurrency": 2})
    assert predictor.predict(QUESTION)["answer"] == "Ada Lovelace"
    with pytest.raises(PayloadTooLarge, match="serverless"):
        predictor.predict(b"x" * 4_194_305)
    model.destroy()
    assert standing(session, "less") == NOTHING


def test_asynchronous(local_url: str, session: Session) -> None:
    """Through S3 there and back; what the endpoint wrote stays, and is mentioned."""
    model = Model(endpoint_url=local_url, name="later", quiet=True)
    predictor = model.deploy(async_inference_config=True)
    assert predictor.predict_async(QUESTION).result(timeout_s=20)["answer"] == "Ada Lovelace"
    with pytest.raises(InvokeError, match="failed"):
        predictor.predict_async({"inputs": {}}).result(timeout_s=20)
    plan = survey(session, "later", None)
    assert any("objects" in kept for kept in plan.kept)
    model.destroy()
    assert standing(session, "later") == NOTHING


def test_several_models(local_url: str, session: Session, artefact: Path) -> None:
    """The model is put under a prefix, and named with each request."""
    model = Model(str(artefact), endpoint_url=local_url, name="many", quiet=True)
    predictor = model.deploy(multi_model=True)
    assert predictor.target_model == "minilm-squad.tar.gz"
    assert predictor.predict(QUESTION)["answer"] == "Ada Lovelace"
    model.destroy()
    assert standing(session, "many") == NOTHING


def order(name: str, artefact: Path | None = None, **changes: Any) -> Order:
    """One that needs no account."""
    return Order(name=name, model=Wanted(str(artefact)) if artefact else None, **changes)


def test_a_failed_endpoint_is_undone_and_explained(session: Session, artefact: Path, tmp_path: Path) -> None:
    """Nothing is left of the run but its reason, and the end of the log."""
    wish = order("broken", artefact, bucket="broken-archives", environment={"HF_TASK": "fill-mask"})
    spec = prepare(session, wish, tmp_path, Silent())
    with pytest.raises(EndpointFailed) as caught:
        carry_out(session, spec, propose(session, spec), Silent())
    assert caught.value.reason
    assert any("fill-mask" in line for line in caught.value.log)
    remove(session, survey(session, "broken", None), Silent())
    assert standing(session, "broken") == NOTHING
    assert "broken-archives" not in [each["Name"] for each in session.client("s3").list_buckets()["Buckets"]]


def test_a_variable_that_surprises_is_told_of_before_anything_is_made(session: Session, tmp_path: Path) -> None:
    """As the container's log will."""
    heard = Heard()
    prepare(session, order("noted", environment={"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"}), tmp_path, heard)
    (said,) = (note for note in heard.notes if note.startswith("SAGEMAKER_"))
    assert said == "SAGEMAKER_MODEL_SERVER_TIMEOUT=3600 (minutes) is above the maximum: deadline_s is 86400."


def test_a_failed_update_leaves_the_endpoint_as_it_was(session: Session, tmp_path: Path) -> None:
    """The old configuration serves on, the new one is gone."""
    good = prepare(session, order("steady"), tmp_path, Silent())
    carry_out(session, good, propose(session, good), Silent())
    before = standing(session, "steady")
    bad = prepare(session, order("steady", environment={"HF_TASK": "fill-mask"}), tmp_path, Silent())
    with pytest.raises(EndpointFailed, match="as before"):
        carry_out(session, bad, propose(session, bad), Silent())
    assert standing(session, "steady") == before
    assert Predictor("steady", session).predict(QUESTION)["answer"] == "Ada Lovelace"
    remove(session, survey(session, "steady", None), Silent())
    assert standing(session, "steady") == NOTHING


def test_ctrl_c_says_what_exists_and_the_next_run_goes_on(session: Session, tmp_path: Path) -> None:
    """Nothing half-made stays unmentioned."""
    spec = prepare(session, order("cut"), tmp_path, Silent())
    heard = Heard(interrupt_at="Creating")
    with pytest.raises(KeyboardInterrupt):
        carry_out(session, spec, propose(session, spec), heard)
    assert "endpoint cut" in heard.notes[-1]
    assert "moor destroy cut" in heard.notes[-1]
    rest = propose(session, spec)
    assert {action.verb for action in rest.actions} <= {"wait"}
    carry_out(session, spec, rest, Silent())
    remove(session, survey(session, "cut", None), Silent())
    assert standing(session, "cut") == NOTHING


def test_a_name_that_is_taken(session: Session, tmp_path: Path) -> None:
    """By an endpoint without our tag: it is neither changed nor removed."""
    sagemaker = session.client("sagemaker")
    role = "arn:aws:iam::123456789012:role/someone"
    sagemaker.create_model(ModelName="theirs", PrimaryContainer={"Image": "mooring"}, ExecutionRoleArn=role)
    variant = {"VariantName": "v", "ModelName": "theirs", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="taken", EndpointConfigName="theirs")
    with pytest.raises(NameTaken, match="already an endpoint taken"):
        prepare(session, order("taken", tmp_path / "not even looked for"), tmp_path, Silent())
    with pytest.raises(NameTaken, match="not created by Mooring"):
        survey(session, "taken", None)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="taken", WaiterConfig={"Delay": 0.2})
    sagemaker.delete_endpoint(EndpointName="taken")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="taken", WaiterConfig={"Delay": 0.2})
    sagemaker.delete_endpoint_config(EndpointConfigName="theirs")
    sagemaker.delete_model(ModelName="theirs")


def test_without_waiting_the_rest_is_left_to_the_next_run(session: Session, tmp_path: Path) -> None:
    """--no-wait returns while it is created; then autoscaling is set, and goes with the endpoint."""
    spec = prepare(session, order("wide", scaling=Scaling(1, 3, 200.0)), tmp_path, Silent())
    heard = Heard()
    outcome = carry_out(session, spec, propose(session, spec), heard, wait=False)
    assert outcome.plan.actions[-1].verb == "create"
    assert any("scaling policy" in note for note in heard.notes)
    carry_out(session, spec, propose(session, spec), Silent())
    assert propose(session, spec).actions == ()
    scaling = session.client("application-autoscaling")
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert [(each["MinCapacity"], each["MaxCapacity"]) for each in found] == [(1, 3)]
    remove(session, survey(session, "wide", None), Silent())
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert standing(session, "wide") == NOTHING


def test_a_role_that_does_not_exist(session: Session, tmp_path: Path) -> None:
    """Before anything is packed or made."""
    with pytest.raises(AccountError, match="Role 'nobody' not found"):
        prepare(session, order("x", role="nobody", compute=Serverless()), tmp_path, Silent())


def test_a_template_instead(local_url: str, artefact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is printed, nothing is made, and what has to be uploaded first is said."""
    arguments = ["deploy", str(artefact), "--name", "paper", "--endpoint-url", local_url, "--emit", "cloudformation"]
    assert run(arguments) == 0
    said = capsys.readouterr()
    assert "AWS::SageMaker::Endpoint" in {each["Type"] for each in json.loads(said.out)["Resources"].values()}
    assert "aws s3 cp" in said.err

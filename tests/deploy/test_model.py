"""`Model`'s arguments: HuggingFaceModel's, checked before anything is read."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mooring.deploy.deployment import Order
from mooring.deploy.model import Model
from mooring.deploy.spec import Asynchronous, Instances, Serverless
from mooring.errors import UsageError


def order(tmp_path: Path, model: Model, **given: Any) -> Order:
    """What it would deploy."""
    return model._order(tmp_path, Instances(), given)


def test_an_entry_point_becomes_code(tmp_path: Path) -> None:
    """As the SDK packs it, under its own name."""
    script = tmp_path / "answer.py"
    script.write_text("def predict_fn(data, model): ...")
    made = order(tmp_path, Model("some/model", entry_point=str(script)))
    assert made.environment == {"SAGEMAKER_PROGRAM": "answer.py"}
    assert made.model is not None
    assert not isinstance(made.model, str)
    assert made.model.code is not None
    assert (made.model.code / "answer.py").is_file()


def test_a_source_dir_goes_whole(tmp_path: Path) -> None:
    """With the entry point looked for in it."""
    (tmp_path / "inference.py").touch()
    made = order(tmp_path, Model("some/model", source_dir=str(tmp_path), entry_point="inference.py"))
    assert not isinstance(made.model, str | None)
    assert made.model.code == tmp_path
    with pytest.raises(UsageError, match=r"is not a folder that contains nope\.py"):
        order(tmp_path, Model("some/model", source_dir=str(tmp_path), entry_point="nope.py"))


def test_a_hub_id_in_the_environment_is_left_to_the_container(tmp_path: Path) -> None:
    """Nothing is uploaded then."""
    made = order(tmp_path, Model(env={"HF_MODEL_ID": "a/some-model", "HF_TASK": "question-answering"}))
    assert (made.model, made.name) == (None, "some-model")


def test_the_sdks_configurations(tmp_path: Path) -> None:
    """As objects, as dicts, as ours."""

    class Async:
        output_path = "s3://b/o"
        failure_path = "s3://b/f"
        max_concurrent_invocations_per_instance = 4
        notification_config = None

    model = Model("m")
    wanted = Asynchronous("s3://b/o", "s3://b/f", 4)
    for given in (Async(), {"output_path": "s3://b/o", "failure_path": "s3://b/f",
                            "max_concurrent_invocations_per_instance": 4}, wanted):  # fmt: skip
        assert order(tmp_path, model, async_inference_config=given).asynchronous == wanted
    assert order(tmp_path, model, async_inference_config={"output_path": None}).asynchronous is True
    assert order(tmp_path, model).asynchronous is False
    assert order(tmp_path, model, tags=[{"Key": "a", "Value": "b"}]).tags == {"a": "b"}


def test_arguments_that_cannot_be() -> None:
    """A misspelt one is named with the nearest there is."""
    with pytest.raises(UsageError, match="Did you mean image_uri"):
        Model("m", image_url="x", quiet=True)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="Both model and model_data were given"):
        Model("m", model_data="n")
    with pytest.raises(UsageError, match="instance_type has no effect on a serverless endpoint"):
        Model("m", quiet=True).deploy(1, "ml.m5.large", serverless_inference_config=Serverless())


def test_a_model_is_named_by_text_or_path(tmp_path: Path) -> None:
    """Whatever else HuggingFaceModel takes is refused with a way out."""
    assert order(tmp_path, Model(tmp_path / "mine")).name == "mine"
    with pytest.raises(UsageError, match="moor pack"):
        Model(model_data={"S3DataSource": {}})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="role="):
        Model("arn:aws:iam::123456789012:role/x")
    with pytest.raises(UsageError, match="Invalid tags"):
        order(tmp_path, Model("m"), tags="team=search")
    with pytest.raises(UsageError, match="must be a whole number"):
        Model("m", quiet=True).deploy("1", "ml.m5.large")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Did you mean instance_type"):
        Model("m", quiet=True).deploy(instance_typ="ml.m5.large")  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="boto3"):
        Model("m", vpc_config={})  # type: ignore[call-arg]


def test_one_notice_for_what_is_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    """However much it is."""
    Model("m", transformers_version="4.49", pytorch_version="2.6", py_version="py312")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "transformers_version, pytorch_version, py_version" in said


@pytest.mark.wire
def test_importing_mooring_stays_cheap() -> None:
    """Nothing of deploying, and no boto3, until it is asked for; without boto3 the way to it."""
    program = (
        "import sys, mooring; assert not {'boto3', 'numpy', 'mooring.deploy'} & set(sys.modules)\n"
        "import mooring.deploy as deploy; assert 'boto3' not in sys.modules\n"
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'boto3' else found(name, *more)\n"
        "try:\n    deploy.Model\nexcept ImportError as error:\n    print(error)\n"
        "u.find_spec = found; assert deploy.Model.__name__ == 'Model' and deploy.Predictor\n"
        "assert not hasattr(mooring, 'Nothing') and not hasattr(deploy, 'Nothing') and callable(mooring.open)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "[aws]'" in done.stdout) == (0, True), done.stderr

"""The doctor's findings: each fault of a model, with its way out."""

import dataclasses
import tarfile
from pathlib import Path

import pytest

from mooring.deploy.doctor import Case, examine
from mooring.deploy.fit import Finding
from mooring.deploy.image import ImageFacts
from mooring.deploy.spec import Instances, Serverless
from tests.support.tiny_models import write_tiny_bert

IMAGE = ImageFacts("mooring", "docker", architectures=("amd64",), size=500_000_000, python=(3, 11))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A sound one."""
    return write_tiny_bert(tmp_path / "model")


def bad(case: Case) -> dict[str, Finding]:
    """Check → finding, of those that are not well."""
    return {each.check: each for each in examine(case) if each.level != "ok"}


def code(model: Path, text: str, name: str = "inference.py") -> None:
    """Give the model code."""
    (model / "code").mkdir(exist_ok=True)
    (model / "code" / name).write_text(text)


def test_a_sound_model_only_could_be_faster(model: Path) -> None:
    """Straight from the Hub it is fp32."""
    found = examine(Case(str(model), image=IMAGE))
    assert [each.check for each in found if each.level != "ok"] == ["speed"]
    assert {"layout", "weights", "tokenizer", "size", "architecture", "pickles"} <= {each.check for each in found}


def test_no_such_model() -> None:
    """One finding, the error's own words."""
    assert [each.level for each in examine(Case("./nowhere"))] == ["error"]


def test_missing_weights(model: Path) -> None:
    """By name."""
    (model / "model.safetensors").unlink()
    found = bad(Case(str(model), image=IMAGE))["weights"]
    assert found.level == "error"
    assert "model.safetensors" in found.what


def test_only_pickles(model: Path) -> None:
    """With the command that converts them."""
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    found = bad(Case(str(model), image=IMAGE))["weights"]
    assert (found.level, "pickle" in found.what, "torch.load" in found.way_out) == ("error", True, True)


def test_pickles_beside(model: Path) -> None:
    """A warning: they are left out."""
    (model / "pytorch_model.bin").write_bytes(b"x")
    assert bad(Case(str(model), image=IMAGE))["pickles"].level == "warning"


def test_a_tokenizer_that_cannot_be_read(model: Path) -> None:
    """Before the container finds out."""
    (model / "tokenizer.json").write_text("{}")
    assert bad(Case(str(model), image=IMAGE))["tokenizer"].level == "error"


def test_a_nested_archive(model: Path, tmp_path: Path) -> None:
    """Served, but not as SageMaker wants it."""
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(model, "nested")
    found = bad(Case(str(path), image=IMAGE))["layout"]
    assert "nested" in found.what
    assert "moor pack" in found.way_out


@pytest.mark.parametrize(
    ("text", "level", "said"),
    [
        ("def model_fn(", "error", "inference.py:1"),
        ("def predict_fun(x): ...", "warning", "none of"),
        ("import torch\ndef predict_fn(d, m): ...", "warning", "inference.py:1 imports torch"),
        ("def f[T](x: T) -> T: return x\ndef predict_fn(d, m): ...", "error", "Python 3.11"),
    ],
)
def test_faults_of_code(model: Path, text: str, level: str, said: str) -> None:
    """File and line, judged by the image's Python, and never run."""
    code(model, text)
    found = bad(Case(str(model), image=IMAGE))["code"]
    assert (found.level, said in found.what) == (level, True)
    assert found.way_out


def test_code_that_is_fine(model: Path) -> None:
    """Its own modules, the standard library, the image's packages and its requirements can be imported."""
    code(model, "import json, numpy, sklearn, mine\nfrom . import other\ndef predict_fn(d, m): ...")
    code(model, "x = 1", "mine.py")
    code(model, "scikit-learn>=1.5  # for the scores\n", "requirements.txt")
    found = [each for each in examine(Case(str(model), image=IMAGE)) if each.check == "code"]
    assert [each.level for each in found] == ["ok", "warning"]
    assert "from the network" in found[1].what


def test_requirements_that_are_none(model: Path) -> None:
    """Line by line."""
    code(model, "def predict_fn(d, m): ...")
    code(model, "numpy\nthis is no requirement\n", "requirements.txt")
    assert any("requirements.txt:2" in each.what for each in examine(Case(str(model), image=IMAGE)))


def test_code_under_another_name(model: Path) -> None:
    """Nobody would run it."""
    code(model, "x = 1", "main.py")
    assert "neither" in bad(Case(str(model), image=IMAGE))["code"].what


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"compute": Instances("ml.c7g.large")}, "architecture", "ml.c7g.large is arm64"),
        ({"compute": Instances("large")}, "instance", "no instance type"),
        ({"compute": Instances("ml.g5.xlarge")}, "instance", "accelerators"),
        ({"compute": Serverless(), "image": dataclasses.replace(IMAGE, size=13_494_688_833)}, "image", "13.5 GB"),
        (
            {"compute": Serverless(), "image": dataclasses.replace(IMAGE, architectures=("arm64",))},
            "architecture",
            "arm64",
        ),
        ({"compute": Serverless(256)}, "size", "256 MB"),
        ({"image": ImageFacts("nobody/knows", "")}, "image", "nobody/knows"),
    ],
)
def test_machine_and_image(model: Path, change: dict[str, object], check: str, said: str) -> None:
    """What does not fit together, before it is paid for."""
    case = dataclasses.replace(Case(str(model), image=IMAGE), **change)  # type: ignore[arg-type]
    found = bad(case)[check]
    assert said in found.what
    assert found.way_out

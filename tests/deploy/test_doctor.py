"""The doctor's findings: each fault of a model, with its way out."""

import dataclasses
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from mooring.deploy.doctor import Case, examine
from mooring.deploy.fit import OVERHEAD_BYTES, Finding
from mooring.deploy.image import ImageFacts
from mooring.deploy.spec import Instances, Serverless
from mooring.model.source import EMBEDDED_FOLDER
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


def test_a_file_that_is_missed_is_not_the_tokenizers_fault(model: Path) -> None:
    """A model can do without it."""
    (model / "tokenizer_config.json").unlink(missing_ok=True)
    found = bad(Case(str(model), image=IMAGE))
    assert "tokenizer_config.json is missing" in found["files"].what
    assert "tokenizer" not in found


def test_the_memory_of_the_server_is_the_measured_one() -> None:
    """With the model's size, it is at least what docs/benchmarks.md has for the embedded model, and not much more."""
    tables = json.loads((Path(__file__).parents[2] / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    most = max(*(row["peak"] for row in tables["use"]["figures"]), tables["growth"]["figures"]["after_5500"])
    files = sum(path.stat().st_size for path in EMBEDDED_FOLDER.iterdir())
    assert most <= files + OVERHEAD_BYTES <= 1.25 * most


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
        ("def predict_fun(x): ...", "warning", "defines predict_fun (predict_fn?), but none of"),
        ("def model_fn(d): ...\ndef predict(d, m): ...", "warning", "defines predict, which is never called"),
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


def all_of(model: Path) -> list[Finding]:
    """The findings on code that are not well."""
    return [each for each in examine(Case(str(model), image=IMAGE)) if each.check == "code" and each.level != "ok"]


def test_functions_of_another_contract_are_named(model: Path) -> None:
    """As at the start of the server: the file would be served without being called."""
    code(model, "def load_fn(d): ...\ndef preprocess_fn(b, c): ...\ndef predict(d): ...\n")
    (finding,) = all_of(model)
    for name in ("load_fn (model_fn?)", "preprocess_fn (input_fn?)", "predict (predict_fn?)", "transform_fn"):
        assert name in finding.what


def test_requirements_that_pip_refuses(model: Path) -> None:
    """Line by line, with pip's reason."""
    code(model, "def predict_fn(d, m): ...")
    code(model, "tqdm\nnumpy=1.26.4=py311\n", "requirements.txt")
    error, network = all_of(model)
    assert (error.level, "code/requirements.txt:2" in error.what, "Use ==" in error.what) == ("error", True, True)
    assert network.what.startswith("1 package is installed from the network")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bom-pip-takes-doctor-refuses.txt", ["2 packages are installed"]),
        ("one-package-counted-as-two.txt", ["1 package is installed"]),
        (
            "pip-takes-doctor-refuses.txt",
            [
                "'./wheels/own-1.0-py3-none-any.whl', which is not in the archive",
                "2 packages are",
                "the image has no git",
            ],
        ),
    ],
)
def test_requirements_that_pip_takes(model: Path, name: str, said: list[str]) -> None:
    """No errors; each package once; what the start needs besides."""
    code(model, "def predict_fn(d, m): ...")
    shutil.copyfile(Path(__file__).parent / "requirements" / name, model / "code" / "requirements.txt")
    found = all_of(model)
    assert [each.level for each in found] == ["warning"] * len(said)
    assert all(words in each.what for words, each in zip(said, found, strict=True))


def test_requirements_without_an_index(model: Path) -> None:
    """Wheels that lie beside it need no network."""
    code(model, "import own\ndef predict_fn(d, m): ...")
    (model / "code" / "own-1.0-py3-none-any.whl").touch()
    code(model, "--no-index\n--find-links .\nown\n./own-1.0-py3-none-any.whl\n", "requirements.txt")
    assert not all_of(model)


def test_requirements_beside_code_at_the_top(model: Path) -> None:
    """Those are the ones that are installed; other code's imports do not matter."""
    (model / "inference.py").write_text("import sklearn, left_pad\ndef predict_fn(d, m): ...")
    (model / "requirements.txt").write_text("scikit-learn")
    (model / "train.py").write_text("import nothing_at_all")
    assert [each.what.partition(",")[0] for each in all_of(model)] == [
        "1 package is installed from the network at every start of the container.",
        "inference.py:1 imports left_pad",
    ]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["code/main.py"],
            "will not run code/main.py: neither code/ nor the top folder has inference.py or handler.py",
        ),
        (["examples/inference.py"], "will not run examples/inference.py: neither code/"),
        (["code/inference.py", "inference.py"], "will not run inference.py: the model's code is code/inference.py"),
        (["code/requirements.txt"], "will not run code/requirements.txt"),
    ],
)
def test_code_that_nobody_would_run(model: Path, names: list[str], said: str) -> None:
    """Wherever it lies."""
    for name in names:
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("" if name.endswith("txt") else "def predict_fn(d, m): ...")
    (finding,) = all_of(model)
    assert said in finding.what
    assert "SAGEMAKER_PROGRAM" in finding.way_out


def test_code_in_several_folders(model: Path) -> None:
    """The container would not know which: an error."""
    for name in ("a", "b"):
        (model / name / "code").mkdir(parents=True)
        (model / name / "code" / "inference.py").touch()
    assert all_of(model)[0].level == "error"


def test_code_beside_a_nested_model(model: Path, tmp_path: Path) -> None:
    """It runs, and the model need not be readable by the engine."""
    archive = tmp_path / "model.tar.gz"
    (model / "model.safetensors").unlink()
    inference = tmp_path / "inference.py"
    inference.write_text("def model_fn(d): ...\ndef predict_fn(d, m): ...")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(model, "nested")
        tar.add(inference, "code/inference.py")
    found = {each.check: each for each in examine(Case(str(archive), image=IMAGE))}
    assert (found["code"].level, found["code"].what) == ("ok", "code/inference.py: model_fn, predict_fn")
    assert found["weights"].level == "warning"


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"compute": Instances("ml.c7g.large")}, "architecture", "ml.c7g.large is arm64"),
        ({"compute": Instances("large")}, "instance", "Unknown instance type"),
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

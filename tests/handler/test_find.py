"""Finding the model's own code without running it, wherever it lies."""

from pathlib import Path

import pytest

from mooring.errors import HandlerError
from mooring.handler.find import Located, Places, UserCode, locate, read_code


def write(path: Path, text: str = "") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path) -> UserCode:
    """The code of a model, read."""
    path = locate(Places(folder)).path
    assert path is not None
    return read_code(path)


def run(located: Located, folder: Path) -> str | None:
    """What would be run, relative to the folder."""
    return None if located.path is None else located.path.relative_to(folder).as_posix()


def idle(located: Located, folder: Path) -> list[str]:
    """What would not."""
    return [path.relative_to(folder).as_posix() for path in located.idle]


def test_inference_py_in_code(tmp_path: Path) -> None:
    """With the functions that it defines, and the requirements beside it."""
    write(tmp_path / "code" / "inference.py", "def input_fn(a, b): ...\ndef helper(): ...\n")
    write(tmp_path / "code" / "requirements.txt", "six\n")
    found = read(tmp_path)
    assert (found.kind, set(found.defined), found.own) == ("functions", {"input_fn", "helper"}, False)
    assert found.requirements == tmp_path / "code" / "requirements.txt"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("def predict_fn(d, m): ...", True),
        ("async def transform_fn(*a): ...", True),
        ("model_fn = lambda d: None", True),
        ("from other import predict_fn", True),
        ("def output_fn(p, a): ...", False),
        ("if True:\n    def predict_fn(d, m): ...", True),
        ("try:\n    import a\nexcept ImportError:\n    def predict_fn(d, m): ...", True),
        ("def make():\n    def predict_fn(d, m): ...", False),
        ("# def predict_fn(d, m): ...", False),
        ("class EndpointHandler: ...", True),
    ],
)
def test_whether_it_predicts_by_itself(tmp_path: Path, text: str, own: bool) -> None:
    """As far as the top level shows."""
    write(tmp_path / "inference.py", text)
    assert read(tmp_path).own is own


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("handler.py", "class EndpointHandler: ...", "endpoint"),
        ("handler.py", "def predict_fn(d, m): ...", "functions"),
        ("handler.py", "", "endpoint"),
        ("inference.py", "class EndpointHandler: ...", "endpoint"),
        ("inference.py", "class EndpointHandler: ...\ndef input_fn(a, b): ...", "functions"),
        ("inference.py", "", "functions"),
    ],
)
def test_functions_or_an_endpoint(tmp_path: Path, name: str, text: str, kind: str) -> None:
    """What the file defines decides, and its name only where that does not tell."""
    write(tmp_path / name, text)
    assert read(tmp_path).kind == kind


def test_a_named_program_wins_and_may_lack_its_suffix(tmp_path: Path) -> None:
    """SAGEMAKER_PROGRAM."""
    write(tmp_path / "code" / "inference.py")
    write(tmp_path / "code" / "mine.py", "def model_fn(d): ...")
    for name in ("mine", "mine.py"):
        assert run(locate(Places(tmp_path), name), tmp_path) == "code/mine.py"


def test_a_named_program_that_is_nowhere_is_a_problem(tmp_path: Path) -> None:
    """With the places where it was looked for, and with the code that there is."""
    write(tmp_path / "code" / "inference.py")
    problem = locate(Places(tmp_path), "mine").problem
    assert isinstance(problem, HandlerError)
    assert "'mine.py' not found in " in problem.message
    assert str(tmp_path / "code" / "inference.py") in problem.message


def test_one_of_several_models_need_not_have_the_named_program(tmp_path: Path) -> None:
    """The name is given to the server; a model without any code has none to name."""
    assert locate(Places(tmp_path), "mine", required=False) == Located(None)
    write(tmp_path / "code" / "inference.py")
    assert locate(Places(tmp_path), "mine", required=False).problem is not None


def test_code_of_a_platform_beside_a_model_from_elsewhere(tmp_path: Path) -> None:
    """HF_MODEL_ID with /opt/ml/model/code."""
    write(tmp_path / "model" / "code" / "inference.py")
    assert run(locate(Places(base=tmp_path)), tmp_path) == "model/code/inference.py"


def test_a_submitted_folder_is_looked_at_first(tmp_path: Path) -> None:
    """SAGEMAKER_SUBMIT_DIRECTORY, as a path or as file://. The model's own code is then idle, and is named."""
    write(tmp_path / "model" / "code" / "inference.py")
    path = write(tmp_path / "sent" / "inference.py")
    for named in (str(path.parent), f"file://{path.parent}"):
        located = locate(Places(tmp_path / "model", submitted=named))
        assert located.path == path
        assert idle(located, tmp_path) == ["model/code/inference.py"]
    folders = Places(tmp_path / "model", submitted="/no/such/folder").folders
    assert folders[0] == tmp_path / "model" / "code"


@pytest.mark.parametrize(
    ("model", "files", "runs", "idle_files"),
    [
        # Beside a nested model's folder, where SageMaker's own containers look.
        ("nested", ["code/inference.py", "nested/config.json"], "code/inference.py", []),
        ("nested", ["inference.py", "nested/config.json"], "inference.py", []),
        (
            "nested",
            ["nested/code/inference.py", "code/inference.py"],
            "nested/code/inference.py",
            ["code/inference.py"],
        ),
        # Deeper than the stock containers look.
        (".", ["src/code/inference.py"], "src/code/inference.py", []),
        (".", ["code/code/inference.py", "code/code/helper.py"], "code/code/inference.py", []),
        (".", ["a/b/c/code/handler.py"], "a/b/c/code/handler.py", []),
        # In a folder of another name: perhaps a sample, so it is named and not run.
        (".", ["examples/inference.py"], None, ["examples/inference.py"]),
        (".", ["code/src/inference.py"], None, ["code/src/inference.py"]),
        # Under another name.
        (".", ["code/main.py", "code/helper.py"], None, ["code/helper.py", "code/main.py"]),
        (".", ["code/requirements.txt"], None, ["code/requirements.txt"]),
        # Two of them.
        (".", ["code/inference.py", "inference.py"], "code/inference.py", ["inference.py"]),
        (".", ["inference.py", "code/helper.py"], "inference.py", ["code/helper.py"]),
        (".", ["code/inference.py", "other/code/x.py"], "code/inference.py", ["other/code/x.py"]),
        # Helpers are part of what runs; code that no container runs is no code of the model.
        (
            ".",
            ["code/inference.py", "code/a.py", "code/lib/inference.py", "code/requirements.txt"],
            "code/inference.py",
            [],
        ),
        (".", ["modeling_custom.py", "train.py", "notes/code.py"], None, []),
        (".", [".git/code/inference.py", "code/__pycache__/inference.py"], None, []),
    ],
)
def test_code_anywhere_in_a_model_is_run_or_named(
    tmp_path: Path, model: str, files: list[str], runs: str | None, idle_files: list[str]
) -> None:
    """Never left out silently."""
    for name in files:
        write(tmp_path / name)
    top = None if model == "." else tmp_path
    located = locate(Places(tmp_path / model, top))
    assert run(located, tmp_path) == runs
    assert idle(located, tmp_path) == idle_files
    assert located.problem is None


def test_several_folders_that_could_be_meant_are_a_problem(tmp_path: Path) -> None:
    """Both are named, and the way to choose."""
    write(tmp_path / "a" / "code" / "inference.py")
    write(tmp_path / "b" / "code" / "inference.py")
    located = locate(Places(tmp_path))
    assert located.path is None
    assert located.first == tmp_path / "a" / "code" / "inference.py"
    assert located.problem is not None
    assert "a/code" in located.problem.message
    assert "b/code" in located.problem.message
    assert "--submit-dir" in located.problem.hint


def test_an_endpoint_beside_functions_is_named(tmp_path: Path) -> None:
    """Unless inference.py imports it: then it is a helper."""
    write(tmp_path / "code" / "inference.py", "def predict_fn(d, m): ...")
    write(tmp_path / "code" / "handler.py", "class EndpointHandler: ...")
    assert idle(locate(Places(tmp_path)), tmp_path) == ["code/handler.py"]
    write(tmp_path / "code" / "inference.py", "from handler import EndpointHandler\ndef predict_fn(d, m): ...")
    assert not locate(Places(tmp_path)).idle


def test_a_linked_folder_is_the_folder_that_it_leads_to(tmp_path: Path) -> None:
    """Code is often kept in a repository of its own. A link that leads back ends after a few folders."""
    write(tmp_path / "repository" / "inference.py")
    model = tmp_path / "model"
    model.mkdir()
    (model / "code").symlink_to(tmp_path / "repository")
    (tmp_path / "repository" / "code").symlink_to(model)
    assert run(locate(Places(model)), model) == "code/inference.py"


def test_a_model_with_too_many_files_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual places are looked at all the same."""
    monkeypatch.setattr("mooring.model.code.MAX_FILES", 3)
    for number in range(5):
        write(tmp_path / f"{number}.txt")
    write(tmp_path / "code" / "inference.py")
    located = locate(Places(tmp_path))
    assert (run(located, tmp_path), located.complete) == ("code/inference.py", False)


def test_what_is_no_python_is_refused_with_its_line(tmp_path: Path) -> None:
    """Before any worker is started."""
    write(tmp_path / "inference.py", "import os\n\ndef input_fn(:\n")
    with pytest.raises(HandlerError, match=r"inference\.py:3 is not valid Python"):
        read(tmp_path)


def test_without_code_there_is_none(tmp_path: Path) -> None:
    """Most models."""
    assert locate(Places(tmp_path, base=tmp_path)) == Located(None)

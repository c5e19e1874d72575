"""Finding the model's own code without running it."""

from pathlib import Path

import pytest

from mooring.errors import HandlerError
from mooring.handler.find import code_folders, find_code


def write(path: Path, text: str = "") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_inference_py_in_code(tmp_path: Path) -> None:
    """With the functions that it defines, and the requirements beside it."""
    write(tmp_path / "code" / "inference.py", "def input_fn(a, b): ...\ndef helper(): ...\n")
    write(tmp_path / "code" / "requirements.txt", "six\n")
    found = find_code(code_folders(tmp_path, None, None), None)
    assert found is not None
    assert (found.kind, set(found.defined), found.own) == ("functions", {"input_fn"}, False)
    assert found.requirements == tmp_path / "code" / "requirements.txt"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("def predict_fn(d, m): ...", True),
        ("async def transform_fn(*a): ...", True),
        ("model_fn = lambda d: None", True),
        ("from other import predict_fn", True),
        ("def output_fn(p, a): ...", False),
        ("if True:\n    def predict_fn(d, m): ...", False),
        ("# def predict_fn(d, m): ...", False),
    ],
)
def test_whether_it_predicts_by_itself(tmp_path: Path, text: str, own: bool) -> None:
    """As far as the top level shows."""
    write(tmp_path / "inference.py", text)
    found = find_code(code_folders(tmp_path, None, None), None)
    assert found is not None
    assert found.own is own


def test_handler_py_with_an_endpoint_handler(tmp_path: Path) -> None:
    """As on Hugging Face's endpoints, at the top of the folder."""
    write(tmp_path / "handler.py", "class EndpointHandler: ...")
    found = find_code(code_folders(tmp_path, None, None), None)
    assert found is not None
    assert (found.kind, found.own) == ("endpoint", True)


def test_a_named_program_wins_and_may_lack_its_suffix(tmp_path: Path) -> None:
    """SAGEMAKER_PROGRAM."""
    write(tmp_path / "code" / "inference.py")
    write(tmp_path / "code" / "mine.py", "def model_fn(d): ...")
    folders = code_folders(tmp_path, None, None)
    for name in ("mine", "mine.py"):
        found = find_code(folders, name)
        assert found is not None
        assert found.path.name == "mine.py"


def test_a_named_program_that_is_nowhere_is_an_error(tmp_path: Path) -> None:
    """With the places where it was looked for."""
    (tmp_path / "code").mkdir()
    with pytest.raises(HandlerError, match=r"There is no 'mine\.py' in .*code"):
        find_code(code_folders(tmp_path, None, None), "mine")


def test_code_of_a_platform_beside_a_model_from_elsewhere(tmp_path: Path) -> None:
    """HF_MODEL_ID with /opt/ml/model/code."""
    write(tmp_path / "model" / "code" / "inference.py")
    assert find_code(code_folders(None, tmp_path, None), None) is not None


def test_a_submitted_folder_is_looked_at_first(tmp_path: Path) -> None:
    """SAGEMAKER_SUBMIT_DIRECTORY, as a path or as file://."""
    write(tmp_path / "model" / "code" / "inference.py")
    path = write(tmp_path / "sent" / "inference.py")
    for named in (str(path.parent), f"file://{path.parent}"):
        found = find_code(code_folders(tmp_path / "model", None, named), None)
        assert found is not None
        assert found.path == path
    assert code_folders(tmp_path / "model", None, "/no/such/folder")[0] == tmp_path / "model" / "code"


def test_what_is_no_python_is_refused_with_its_line(tmp_path: Path) -> None:
    """Before any worker is started."""
    write(tmp_path / "inference.py", "import os\n\ndef input_fn(:\n")
    with pytest.raises(HandlerError, match=r"inference\.py:3 is not Python"):
        find_code(code_folders(tmp_path, None, None), None)


def test_without_code_there_is_none(tmp_path: Path) -> None:
    """Most models."""
    assert find_code(code_folders(tmp_path, tmp_path, None), None) is None

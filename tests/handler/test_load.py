"""Importing user code: hints that fit the failure, modules of several models, and packages for each of them."""

import sys
from pathlib import Path

import pytest

from mooring.errors import HandlerError
from mooring.handler import load
from mooring.handler.find import read_code
from mooring.handler.load import install_requirements, load_module
from tests.support.wheels import write_wheel


def write(folder: Path, text: str, name: str = "inference.py") -> Path:
    """A file of code/."""
    path = folder / "code" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("import torch_not_there", "in the image, in its folder, or in a requirements.txt"),
        ("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')", "moor image --target full"),
        ("raise ImportError('AutoModel requires the PyTorch library')", "moor image --target full"),
        ("open('/opt/ml/model/labels.txt')", "Use model_dir, the argument of model_fn"),
        ("open('labels-not-there.txt')", "Path(__file__).parent"),
        ("from mms.model_service.mxnet_model_service import MXNetBaseService", "define model_fn"),
        ("1 / 0", ""),
    ],
)
def test_the_hint_fits_the_failure(tmp_path: Path, text: str, hint: str) -> None:
    """A missing file is no missing package."""
    with pytest.raises(HandlerError) as caught:
        load_module(read_code(write(tmp_path, text)))
    assert hint in str(caught.value)
    assert bool(caught.value.hint) is (hint not in ("", "define model_fn"))


def test_the_line_is_the_users_also_for_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """moor serve ./model."""
    write(tmp_path, "\nraise RuntimeError('x')", "mate.py")
    write(tmp_path, "import mate")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HandlerError, match=r"\(mate\.py:2\)"):
        load_module(read_code(Path("code/inference.py")))


def test_models_in_one_process_have_their_own_helpers(tmp_path: Path) -> None:
    """Of the same names: each model's code runs with its own, whichever was loaded last."""
    for name in ("one", "two"):
        write(tmp_path / name, f"NAME = {name!r}", "mate.py")
        write(tmp_path / name, "import mate\nfrom lib import x\ndef predict_fn(d, m): return [mate.NAME, x.NAME]")
        write(tmp_path / name, f"NAME = {name!r}", "lib/x.py")
    first = load_module(read_code(tmp_path / "one" / "code" / "inference.py"))
    second = load_module(read_code(tmp_path / "two" / "code" / "inference.py"))
    again = load_module(read_code(tmp_path / "one" / "code" / "inference.py"))
    assert [found.predict_fn(1, 2) for found in (first, second, again)] == [
        ["one", "one"],
        ["two", "two"],
        ["one", "one"],
    ]


def test_other_packages_stay_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the users' own modules make way, not an environment that lies in their folder."""
    monkeypatch.setattr(load, "_loaded", set())
    write(tmp_path / "one", "")
    write(tmp_path / "two", "")
    packages = tmp_path / "one" / "code" / ".venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "mate.py").write_text("")
    monkeypatch.syspath_prepend(str(packages))
    load_module(read_code(tmp_path / "one" / "code" / "inference.py"))
    __import__("mate")
    load_module(read_code(tmp_path / "two" / "code" / "inference.py"))
    assert "mate" in sys.modules


@pytest.mark.wire
def test_each_file_of_requirements_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """Two models ask for different packages; the same file is installed once. Paths are relative to the file."""
    for name, value in (("one", 1), ("two", 2)):
        wheel = write_wheel(tmp_path / name / "code" / "wheels", f"helper_{name}_of_a_test", f"VALUE = {value}\n")
        requirements = write(tmp_path / name, f"--no-index\n./wheels/{wheel.name}\n", "requirements.txt")
        write(tmp_path / name, "raise SystemExit('pip imported this')", "logging.py")
        install_requirements(requirements, tmp_path / "packages", 60)
        install_requirements(requirements, tmp_path / "packages", 60)
        assert value == __import__(f"helper_{name}_of_a_test").VALUE
    assert len(list((tmp_path / "packages").iterdir())) == 2

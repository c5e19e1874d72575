"""Whether a model's own code is run, refused or left out, and what is said of code that is not run."""

import dataclasses
import shutil
import tarfile
from pathlib import Path

import pytest

from mooring.errors import HandlerError, UsageError
from mooring.handler.find import read_code
from mooring.handler.functions import UserFunctions
from mooring.model.source import Kind, ResolvedModel, resolve
from mooring.settings import Settings
from mooring.wiring.handler import Loaded, loading_context, user_code_of
from tests.support.tiny_models import write_tiny_bert

CODE = "def predict_fn(data, model): return data\n"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound model."""
    return write_tiny_bert(tmp_path_factory.mktemp("tiny") / "tiny")


def put(folder: Path, *names: str) -> None:
    """Code in each of these files."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CODE)


def packed(folder: Path, out: Path) -> Path:
    """The folder's content as an archive."""
    with tarfile.open(out, "w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return out


PLACES = (
    ("model", ["code/inference.py"]),
    ("model", ["handler.py"]),
    ("model", ["inference.py"]),
    ("model", ["src/code/inference.py"]),
    ("model", ["examples/inference.py"]),
    ("model", ["code/main.py"]),
    ("model", ["code/requirements.txt"]),
    ("model", ["a/code/inference.py", "b/code/inference.py"]),
    ("nested", ["code/inference.py"]),
    ("nested", ["handler.py"]),
    ("nested", ["nested/code/inference.py"]),
    ("nested", ["other/code/inference.py"]),
)
"""Where the model lies in the folder ("model": at its top), and where code does."""


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize(("shape", "names"), PLACES)
def test_code_anywhere_is_refused_until_somebody_says(
    tiny: Path, tmp_path: Path, shape: str, names: list[str], archive: bool
) -> None:
    """A folder or an archive, with a path to look at; without it, the model is served."""
    folder = tmp_path / "all"
    shutil.copytree(tiny, folder if shape == "model" else folder / "nested")
    put(folder, *names)
    source = packed(folder, tmp_path / "model.tar.gz") if archive else folder
    found = resolve(str(source))
    with pytest.raises(UsageError) as caught:
        user_code_of(Settings(), found)
    assert names[0] in caught.value.message
    assert "--run-code" in caught.value.hint
    assert "--no-run-code" in caught.value.hint
    assert user_code_of(Settings(run_code=False), found) == (None, ())


@pytest.mark.parametrize(("shape", "names"), PLACES)
def test_when_it_is_to_be_run_it_is_run_or_named(tiny: Path, tmp_path: Path, shape: str, names: list[str]) -> None:
    """As in the image, where running is the default."""
    folder = tmp_path / "all"
    shutil.copytree(tiny, folder if shape == "model" else folder / "nested")
    put(folder, *names)
    found = resolve(str(folder))
    if len(names) > 1:
        with pytest.raises(HandlerError, match="several folders"):
            user_code_of(Settings(run_code=True), found)
        return
    code, warnings = user_code_of(Settings(run_code=True), found)
    assert (code is None) is bool(warnings)
    if code is None:
        assert f"Not run: {folder / names[0]}" in warnings[0]
    else:
        assert code.path == folder / names[0]


def test_broken_code_does_not_matter_to_who_leaves_it_out(tiny: Path, tmp_path: Path) -> None:
    """Nor does a program that is not there."""
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    (folder / "inference.py").write_text("def (")
    found = resolve(str(folder))
    assert user_code_of(Settings(run_code=False, program="gone.py"), found) == (None, ())
    with pytest.raises(UsageError):
        user_code_of(Settings(), found)
    with pytest.raises(HandlerError, match="is not valid Python"):
        user_code_of(Settings(run_code=True), found)


def test_other_code_beside_what_runs_is_named(tiny: Path, tmp_path: Path) -> None:
    """And what runs instead of it."""
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    put(folder, "code/inference.py", "inference.py")
    code, (warning,) = user_code_of(Settings(run_code=True), resolve(str(folder)))
    assert code is not None
    assert warning == f"Not run: {folder / 'inference.py'}. The model's code is {code.path}."


def test_a_submitted_folder_that_is_not_there_is_named(tiny: Path) -> None:
    """As when it is in S3, which is not asked."""
    found = resolve(str(tiny))
    _, warnings = user_code_of(Settings(run_code=True, submit_dir="s3://bucket/source.tar.gz"), found)
    assert "'s3://bucket/source.tar.gz'" in warnings[0]


def test_of_several_models_one_need_not_have_the_servers_program(tiny: Path, tmp_path: Path) -> None:
    """SAGEMAKER_PROGRAM is said to the server, not of a model."""
    settings = Settings(run_code=True, multi_model=True, program="inference.py")
    assert user_code_of(settings, resolve(str(tiny))) == (None, ())
    with pytest.raises(HandlerError, match=r"'inference\.py' not found"):
        user_code_of(dataclasses.replace(settings, multi_model=False), resolve(str(tiny)))


def test_code_of_the_hub_and_of_the_embedded_model_is_none(tmp_path: Path) -> None:
    """The Hub's is named when it is downloaded."""
    put(tmp_path, "code/inference.py")
    kinds: tuple[Kind, ...] = ("hub", "embedded")
    for kind in kinds:
        found = ResolvedModel(tmp_path, "owner/name", kind)
        assert user_code_of(Settings(run_code=True), found) == (None, ())
        assert user_code_of(Settings(), found) == (None, ())


def test_code_beside_a_nested_model_gets_the_folder_of_both(tmp_path: Path) -> None:
    """As model_dir: on SageMaker it is the folder that the archive was unpacked into."""
    put(tmp_path, "code/inference.py")
    loaded = Loaded(read_code(tmp_path / "code" / "inference.py"), UserFunctions(), None)
    beside = ResolvedModel(tmp_path / "nested", "x", "archive", top=tmp_path)
    inside = ResolvedModel(tmp_path, "x", "archive", top=tmp_path.parent)
    assert loading_context(loaded, beside, "m").system_properties["model_dir"] == str(tmp_path)
    assert loading_context(loaded, inside, "m").system_properties["model_dir"] == str(tmp_path)

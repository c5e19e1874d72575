"""A model by any name → an archive to upload."""

import tarfile
from pathlib import Path

import pytest

from mooring.deploy import archive
from mooring.deploy.archive import Wanted, archive_of
from mooring.deploy.deployment import default_name
from mooring.deploy.pack import pack
from mooring.errors import ModelNotFound, UnsafeWeights
from mooring.model.source import ResolvedModel
from mooring.progress import Silent
from tests.support.tiny_models import write_tiny_bert


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder as from the Hub."""
    return write_tiny_bert(tmp_path / "model")


def test_a_folder_is_packed(model: Path, tmp_path: Path) -> None:
    """Into the place given, and nowhere else."""
    packed = archive_of(Wanted(str(model)), tmp_path, Silent())
    assert packed.path == tmp_path / "model.tar.gz"


def test_a_good_archive_goes_as_it_is(model: Path, tmp_path: Path) -> None:
    """No second one is made."""
    mine = pack(model, tmp_path / "mine.tar.gz")
    found = archive_of(Wanted(str(mine.path)), tmp_path, Silent())
    assert found.path == mine.path
    assert (found.size, found.unpacked, found.members) == (mine.size, mine.unpacked, mine.members)


def test_a_nested_archive_is_packed_again(model: Path, tmp_path: Path) -> None:
    """SageMaker wants the model at the top."""
    nested = tmp_path / "nested.tar.gz"
    with tarfile.open(nested, "w:gz") as tar:
        tar.add(model, "inside")
    found = archive_of(Wanted(str(nested)), tmp_path, Silent())
    assert found.path == tmp_path / "model.tar.gz"
    assert "config.json" in found.members


def test_code_is_put_beside_it(model: Path, tmp_path: Path) -> None:
    """Also beside the model of an archive."""
    code = tmp_path / "src"
    code.mkdir()
    (code / "inference.py").write_text("def predict_fn(data, model): ...")
    mine = pack(model, tmp_path / "mine.tar.gz")
    assert "code/inference.py" in archive_of(Wanted(str(mine.path), code=code), tmp_path, Silent()).members


def nested(model: Path, tmp_path: Path, *code: str) -> Path:
    """An archive with the model in a folder, and code at these places of it."""
    path, source = tmp_path / "nested.tar.gz", tmp_path / "inference.py"
    source.write_text("def predict_fn(data, model): ...")
    with tarfile.open(path, "w:gz") as tar:
        tar.add(model, "inside")
        for name in code:
            tar.add(source, name)
    return path


def test_code_beside_a_nested_model_goes_as_it_is(model: Path, tmp_path: Path) -> None:
    """SageMaker gives the code the folder of both, so nothing may be moved; it need not be a model of ours."""
    (model / "model.safetensors").unlink()
    path, said = nested(model, tmp_path, "code/inference.py"), Silent()
    found = archive_of(Wanted(str(path)), tmp_path / "out", said, readable=True)
    assert found.path == path
    assert any("The container runs the model's own code: " in note for note in said.notes)


def test_code_in_a_nested_model_comes_along(model: Path, tmp_path: Path) -> None:
    """When the model is moved to the top."""
    path = nested(model, tmp_path, "inside/code/inference.py")
    assert "code/inference.py" in archive_of(Wanted(str(path)), tmp_path, Silent()).members


def test_code_that_the_container_will_not_run_is_named(model: Path, tmp_path: Path) -> None:
    """Before anything is uploaded."""
    (model / "samples").mkdir()
    (model / "samples" / "inference.py").touch()
    said = Silent()
    archive_of(Wanted(str(model)), tmp_path, said)
    assert any("The container will not run" in note and "samples/inference.py" in note for note in said.notes)


@pytest.mark.parametrize("places", [["code"], [""], ["code", "top"]])
def test_a_build_takes_the_models_code_along(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: list[str]
) -> None:
    """Built or found in the cache, whichever the code is by now."""
    built = write_tiny_bert(tmp_path / "built")
    monkeypatch.setattr(archive, "_built", lambda *_: ResolvedModel(built, "built", "folder"))
    source = str(model)
    if places == ["code", "top"]:
        source = str(nested(model, tmp_path, "code/inference.py", "code/data/words.txt"))
    else:
        (model / places[0]).mkdir(exist_ok=True)
        (model / places[0] / "inference.py").write_text("def input_fn(body, kind): ...")
    packed = archive_of(Wanted(source, build=True), tmp_path, Silent())
    wanted = {"code/inference.py"} if places[0] else {"inference.py"}
    assert wanted <= set(packed.members)
    assert ("code/data/words.txt" in packed.members) is (places == ["code", "top"])
    assert not any(name.startswith("inside/") for name in packed.members)


def test_no_model(tmp_path: Path) -> None:
    """The error of whoever looks for it."""
    with pytest.raises(ModelNotFound):
        archive_of(Wanted("./nowhere"), tmp_path, Silent())


def test_what_the_engine_cannot_read_is_not_uploaded(model: Path, tmp_path: Path) -> None:
    """Unless the model has code of its own, or the image is somebody else's."""
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    wanted = Wanted(str(model))
    with pytest.raises(UnsafeWeights):
        archive_of(wanted, tmp_path, Silent(), readable=True)
    assert archive_of(wanted, tmp_path, Silent()).members
    (model / "code").mkdir()
    (model / "code" / "mine.py").touch()
    assert archive_of(wanted, tmp_path, Silent(), readable=True).members


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Wanted("distilbert/distilbert-base-uncased-distilled-squad"), "distilbert-base-uncased-distilled-squad"),
        (Wanted("./out/model_v1.2.tar.gz"), "model-v1-2"),
        (Wanted("./folder/"), "folder"),
        ("s3://bucket/x/model.tar.gz", "x"),
        ("s3://bucket/model.tar.gz", "bucket"),
        (Wanted("./model.tar.gz"), "model"),
        (Wanted("/qa/model/"), "qa"),
        (Wanted("..."), "mooring"),
        (None, "mooring"),
        (Wanted("a" * 80), "a" * 50),
    ],
)
def test_a_name_is_made_of_the_models(model: Wanted | str | None, name: str) -> None:
    """One that an endpoint can have."""
    assert default_name(model) == name

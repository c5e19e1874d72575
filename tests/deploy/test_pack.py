"""Folder → model.tar.gz: the same bytes, only what is served, nothing half-written."""

import os
import tarfile
from pathlib import Path

import pytest

from mooring.deploy.pack import pack
from mooring.errors import DeployError, ModelIncomplete


def write(folder: Path, *names: str) -> Path:
    """A folder with those files, each holding its own name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def members(path: Path) -> dict[str, bytes]:
    """Name → content."""
    with tarfile.open(path) as tar:
        return {info.name: (tar.extractfile(info) or pytest.fail(info.name)).read() for info in tar.getmembers()}


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    """Whatever their dates, their rights, and where they lie."""
    one = write(tmp_path / "one", "config.json", "model.safetensors", "code/inference.py")
    other = write(tmp_path / "elsewhere" / "other", "code/inference.py", "model.safetensors", "config.json")
    for path in other.rglob("*"):
        os.utime(path, (1, 1))
    (other / "config.json").chmod(0o600)
    first, second = pack(one, tmp_path / "1.tar.gz"), pack(other, tmp_path / "2.tar.gz")
    assert first.digest == second.digest
    assert first.path.read_bytes() == second.path.read_bytes()


def test_one_byte_more_is_another_digest(tmp_path: Path) -> None:
    """Content decides."""
    folder = write(tmp_path / "one", "config.json")
    first = pack(folder, tmp_path / "1.tar.gz")
    (folder / "config.json").write_text("other")
    assert pack(folder, tmp_path / "2.tar.gz").digest != first.digest


def test_what_is_not_served_is_left_out_and_named(tmp_path: Path) -> None:
    """Other frameworks' weights, pickles, hidden files and caches."""
    kept = ("config.json", "model.safetensors", "tokenizer.json")
    weights = ("pytorch_model.bin", "tf_model.h5", "model.onnx")
    folder = write(tmp_path / "m", *kept, *weights, ".git/config", "__pycache__/x.pyc", "onnx/model.onnx")
    packed = pack(folder, tmp_path / "out.tar.gz")
    assert packed.members == kept
    assert packed.left_out == tuple(sorted(weights))


def test_pickles_stay_where_there_is_nothing_else(tmp_path: Path) -> None:
    """It is the doctor's to complain."""
    folder = write(tmp_path / "m", "config.json", "pytorch_model.bin")
    assert "pytorch_model.bin" in pack(folder, tmp_path / "out.tar.gz").members


def test_a_model_with_code_keeps_every_file(tmp_path: Path) -> None:
    """Its code may read any of them."""
    folder = write(tmp_path / "m", "model.safetensors", "pytorch_model.bin", "code/inference.py", "code/data/x.h5")
    assert len(pack(folder, tmp_path / "out.tar.gz").members) == 4


def test_a_model_with_code_keeps_every_folder(tmp_path: Path) -> None:
    """Also those that serving without it would not need."""
    names = ("model.safetensors", "code/inference.py", "onnx/model.onnx", "runs/labels.json")
    assert set(pack(write(tmp_path / "m", *names), tmp_path / "out.tar.gz").members) == set(names)
    sample = write(tmp_path / "s", "model.safetensors", "samples/inference.py", "onnx/model.onnx")
    assert "onnx/model.onnx" not in pack(sample, tmp_path / "out.tar.gz").members


def test_a_linked_folder_of_code_is_packed(tmp_path: Path) -> None:
    """SageMaker takes no links."""
    write(tmp_path / "repository", "inference.py", "lib/x.py")
    folder = write(tmp_path / "m", "model.safetensors")
    (folder / "code").symlink_to(tmp_path / "repository")
    assert {"code/inference.py", "code/lib/x.py"} <= set(pack(folder, tmp_path / "out.tar.gz").members)


def test_given_code_takes_the_place_of_the_models(tmp_path: Path) -> None:
    """As source_dir does."""
    folder = write(tmp_path / "m", "model.safetensors", "code/old.py")
    code = write(tmp_path / "src", "inference.py")
    assert set(members(pack(folder, tmp_path / "out.tar.gz", code).path)) == {"model.safetensors", "code/inference.py"}


def test_links_are_packed_as_the_files_they_lead_to(tmp_path: Path) -> None:
    """The Hub's cache is made of links, and SageMaker takes none."""
    blob = write(tmp_path / "blobs", "abc") / "abc"
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (folder / "config.json").symlink_to(blob)
    assert members(pack(folder, tmp_path / "out.tar.gz").path) == {"config.json": b"abc"}


def test_nothing_to_pack(tmp_path: Path) -> None:
    """An empty folder is no model."""
    with pytest.raises(ModelIncomplete, match="No files to pack"):
        pack(tmp_path, tmp_path / "out.tar.gz")


def test_an_archive_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """A file that vanishes meanwhile leaves no half archive."""
    folder = write(tmp_path / "m", "config.json")
    target = tmp_path / "taken"
    write(target, "x")
    with pytest.raises(DeployError, match="Cannot write"):
        pack(folder, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "taken"]
    with pytest.raises(DeployError, match="Cannot write"):
        pack(folder, tmp_path / "nowhere" / "out.tar.gz")

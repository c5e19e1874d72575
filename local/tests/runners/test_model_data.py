"""Model data from the object store and from this machine, into the folder of a container."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mooring.errors import ModelInvalid, ModelNotFound
from mooring_local.objects.store import ObjectStore
from mooring_local.runners.model_data import locate, place, place_one


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """With the bucket `models`."""
    store = ObjectStore(tmp_path / "s3")
    store.create_bucket("models")
    return store


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """An archive with these files."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return held.getvalue()


def placed(container: Mapping[str, Any], store: ObjectStore, folder: Path) -> dict[str, bytes]:
    """What lies below the container's folder afterwards."""
    folder.mkdir()
    place(container, store, folder, lambda _: None)
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def source(uri: str, kind: str, compression: str) -> dict[str, Any]:
    """A ModelDataSource."""
    return {"S3DataSource": {"S3Uri": uri, "S3DataType": kind, "CompressionType": compression}}


@pytest.mark.parametrize(
    "url", ["s3://models/a/model.tar.gz", "https://models.s3.eu-west-1.amazonaws.com/a/model.tar.gz"]
)
def test_an_archive_is_unpacked(store: ObjectStore, tmp_path: Path, url: str) -> None:
    """Into model/."""
    store.put("models", "a/model.tar.gz", tar_gz({"config.json": b"{}", "code/inference.py": b"pass"}))
    files = placed({"ModelDataUrl": url}, store, tmp_path / "o")
    assert files == {"model/config.json": b"{}", "model/code/inference.py": b"pass"}


def test_a_prefix_is_copied_with_its_folders(store: ObjectStore, tmp_path: Path) -> None:
    """Keys without the prefix; the "folders" that consoles make are none."""
    for key, data in {"m/": b"", "m/config.json": b"{}", "m/code/x.py": b"x", "other": b"o"}.items():
        store.put("models", key, data)
    container = {"ModelDataSource": source("s3://models/m/", "S3Prefix", "None")}
    assert placed(container, store, tmp_path / "o") == {"model/config.json": b"{}", "model/code/x.py": b"x"}


def test_one_object_keeps_its_name(store: ObjectStore, tmp_path: Path) -> None:
    """S3Object without compression; with Gzip it is an archive."""
    store.put("models", "deep/model.safetensors", b"weights")
    store.put("models", "deep/model.tar.gz", tar_gz({"a": b"a"}))
    plain = {"ModelDataSource": source("s3://models/deep/model.safetensors", "S3Object", "None")}
    assert placed(plain, store, tmp_path / "o") == {"model/model.safetensors": b"weights"}
    packed = {"ModelDataSource": source("s3://models/deep/model.tar.gz", "S3Object", "Gzip")}
    assert placed(packed, store, tmp_path / "p") == {"model/a": b"a"}


def test_further_sources_lie_beside_it(store: ObjectStore, tmp_path: Path) -> None:
    """By their channel's name; without model data, model/ is there and empty."""
    store.put("models", "draft/a", b"a")
    extra = {"ChannelName": "draft", **source("s3://models/draft/", "S3Prefix", "None")}
    files = placed({"AdditionalModelDataSources": [extra]}, store, tmp_path / "o")
    assert files == {"additional-model-data-sources/draft/a": b"a"}
    assert (tmp_path / "o" / "model").is_dir()


@pytest.mark.parametrize("channel", ["..", "."])
def test_a_channels_name_leads_nowhere_else(store: ObjectStore, tmp_path: Path, channel: str) -> None:
    """The pattern of channel names allows dots."""
    store.put("models", "draft/a", b"a")
    extra = {"ChannelName": channel, **source("s3://models/draft/", "S3Prefix", "None")}
    files = placed({"AdditionalModelDataSources": [extra]}, store, tmp_path / "o")
    assert files == {"additional-model-data-sources/unnamed/a": b"a"}


def test_a_folder_of_this_machine_is_linked_in(store: ObjectStore, tmp_path: Path) -> None:
    """As it lies; an archive of this machine is unpacked."""
    mine = tmp_path / "my model"
    mine.mkdir()
    (mine / "config.json").write_bytes(b"{}")
    (tmp_path / "model.tar.gz").write_bytes(tar_gz({"b": b"b"}))
    folder = tmp_path / "o"
    folder.mkdir()
    place({"ModelDataUrl": mine.as_uri()}, store, folder, lambda _: None)
    assert (folder / "model").resolve() == mine
    assert placed({"ModelDataUrl": (tmp_path / "model.tar.gz").as_uri()}, store, tmp_path / "p") == {"model/b": b"b"}


@pytest.mark.parametrize("uri", ["s3://models/none.tar.gz", "s3://no-bucket/x.tar.gz", "file:///no/such/folder"])
def test_what_is_not_there_is_named(store: ObjectStore, tmp_path: Path, uri: str) -> None:
    """As the platform says it."""
    with pytest.raises(ModelNotFound, match=f"Could not find model data at {uri}"):
        placed({"ModelDataUrl": uri}, store, tmp_path / "o")


def test_a_bad_archive_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    """One that would write outside, and what is none."""
    store.put("models", "evil.tar.gz", tar_gz({"../../evil": b"x"}))
    store.put("models", "text.tar.gz", b"hello")
    for number, name in enumerate(("evil", "text")):
        with pytest.raises(ModelInvalid):
            placed({"ModelDataUrl": f"s3://models/{name}.tar.gz"}, store, tmp_path / str(number))
    assert not list(tmp_path.rglob("evil"))


def test_one_of_several_models(store: ObjectStore, tmp_path: Path) -> None:
    """Below its prefix; on this machine never outside of it."""
    store.put("models", "all/one.tar.gz", tar_gz({"x": b"x"}))
    place_one(store, "s3://models/all/", "one.tar.gz", tmp_path / "one")
    assert (tmp_path / "one" / "x").read_bytes() == b"x"
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.tar.gz").write_bytes(tar_gz({"x": b"x"}))
    with pytest.raises(ModelNotFound):
        place_one(store, inside.as_uri(), "../secret.tar.gz", tmp_path / "two")


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("s3://b/a/k", ("b", "a/k")),
        ("s3://b/what?#", ("b", "what?#")),
        ("https://s3.eu-west-1.amazonaws.com/b/a/k", ("b", "a/k")),
        ("https://s3-eu-west-1.amazonaws.com/b/k", ("b", "k")),
        ("https://s3.amazonaws.com/b/k", ("b", "k")),
        ("https://b.s3.amazonaws.com/a%20k", ("b", "a k")),
        ("https://b.s3.cn-north-1.amazonaws.com.cn/k", ("b", "k")),
    ],
)
def test_addresses_of_objects(uri: str, found: tuple[str, str]) -> None:
    """All the ways to write one."""
    assert locate(uri) == found


@pytest.mark.parametrize("uri", ["https://example.com/b/k", "ftp://b/k", "s3:///k", "model.tar.gz"])
def test_addresses_of_nothing(uri: str) -> None:
    """Say what to write instead."""
    with pytest.raises(ModelNotFound, match="s3://BUCKET/KEY"):
        locate(uri)

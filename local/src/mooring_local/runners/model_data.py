"""Place a container's model data in its folder before it starts.

`s3://` is read from the local object store, `file://` from this machine. `model/` in the folder is /opt/ml/model in
the container; contract.md §1.3 explains prefixes, objects and archives.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from mooring.errors import ModelError, ModelInvalid, ModelNotFound, echo
from mooring.model.archive import unpack

_PATH_STYLE = re.compile(r"s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?|s3\.amazonaws\.com")
_HOST_STYLE = re.compile(r"(?P<bucket>.+)\.s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?|(?P<old>.+)\.s3\.amazonaws\.com")


class Entry(Protocol):
    """An object of the store, with its file."""

    @property
    def key(self) -> str: ...

    @property
    def path(self) -> Path: ...


class Objects(Protocol):
    """The part of the object store that is needed."""

    def get(self, bucket: str, key: str) -> Entry | None: ...

    def list(self, bucket: str, prefix: str = "") -> Sequence[Entry]: ...


@dataclass(frozen=True, slots=True)
class Source:
    """Model data of a container definition, from ModelDataUrl or ModelDataSource."""

    uri: str
    kind: str
    """S3Object or S3Prefix."""
    compressed: bool


def sources(container: Mapping[str, Any]) -> Source | None:
    """The model data of a container definition; None without model data, and for multi-model containers."""
    if container.get("Mode") == "MultiModel":
        return None
    given = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if given:
        return Source(given["S3Uri"], given["S3DataType"], given["CompressionType"] == "Gzip")
    if url := container.get("ModelDataUrl"):
        return Source(url, "S3Object", compressed=True)
    return None


def place(container: Mapping[str, Any], objects: Objects, folder: Path, say: Callable[[str], None]) -> None:
    """Write the container's model data below `folder`. Blocks; `say` receives warnings for the container's log.

    Raises ModelNotFound, ModelInvalid (a bad archive) or ModelError (no space).
    """
    model = folder / "model"
    if (source := sources(container)) is not None:
        _place(source, objects, model, say)
    else:
        model.mkdir(parents=True, exist_ok=True)
    for extra in container.get("AdditionalModelDataSources") or ():
        data = extra["S3DataSource"]
        # The pattern of channel names allows "..".
        target = folder / "additional-model-data-sources" / (Path(extra["ChannelName"]).name.strip(".") or "unnamed")
        _place(Source(data["S3Uri"], data["S3DataType"], data["CompressionType"] == "Gzip"), objects, target, say)


def _place(source: Source, objects: Objects, target: Path, say: Callable[[str], None]) -> None:
    if source.uri.startswith("file://"):
        _from_file(source, target, say)
        return
    bucket, key = locate(source.uri)
    if source.kind == "S3Prefix":
        _copy_all(objects.list(bucket, key), key, target, source)
        return
    entry = objects.get(bucket, key)
    if entry is None:
        raise _absent(source.uri)
    if source.compressed:
        _unpack(entry.path, target, say)
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(entry.path, target / key.rpartition("/")[2])


def place_one(objects: Objects, prefix: str, name: str, target: Path) -> None:
    """One model of a multi-model endpoint: the archive `name` below `prefix`, unpacked into `target`.

    Raises ModelNotFound if there is none, and what `unpack` raises.
    """
    uri = f"{prefix.rstrip('/')}/{name}"
    if uri.startswith("file://"):
        root = _path(prefix).resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise _absent(uri)
    else:
        entry = objects.get(*locate(uri))
        if entry is None:
            raise _absent(uri)
        path = entry.path
    unpack(path, target)


def locate(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key` or of an S3 URL. Raises ModelNotFound for anything else."""
    parts = urlsplit(uri)
    path = unquote(parts.path) if parts.scheme == "https" else uri.removeprefix("s3://").partition("/")[2]
    if parts.scheme == "s3" and parts.netloc:
        return parts.netloc, path
    if parts.scheme == "https" and _PATH_STYLE.fullmatch(parts.netloc):
        bucket, _, key = path.lstrip("/").partition("/")
        return bucket, key
    if parts.scheme == "https" and (match := _HOST_STYLE.fullmatch(parts.netloc)):
        return match["bucket"] or match["old"], path.lstrip("/")
    raise ModelNotFound(
        f"Invalid model data address {echo(uri)}.",
        hint="Use s3://BUCKET/KEY (in the local S3), or file:///FOLDER or file:///model.tar.gz on this machine.",
    )


def _from_file(source: Source, target: Path, say: Callable[[str], None]) -> None:
    path = _path(source.uri)
    if path.is_dir():
        # Linked, not copied: models are large, and the next start should see changes.
        target.symlink_to(path.resolve(), target_is_directory=True)
    elif path.is_file() and source.compressed:
        _unpack(path, target, say)
    elif path.is_file():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path.name)
    else:
        raise _absent(source.uri)


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))


def _unpack(archive: Path, target: Path, say: Callable[[str], None]) -> None:
    for warning in unpack(archive, target).warnings:
        say(f"Warning: {warning}")


def _copy_all(entries: Sequence[Entry], prefix: str, target: Path, source: Source) -> None:
    """Copy objects to the path of their key without the prefix. Skips the "folder" keys that consoles create."""
    if not entries:
        raise _absent(source.uri)
    target.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        relative = entry.key[len(prefix) :].lstrip("/")
        if not relative or relative.endswith("/"):
            continue
        path = target / relative
        if not path.resolve().is_relative_to(target.resolve()):
            raise ModelInvalid(f"Key {echo(entry.key)} points outside the model folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(entry.path, path)


def _absent(uri: str) -> ModelError:
    return ModelNotFound(
        f"Could not find model data at {uri}.",
        hint="Upload it first (aws s3 cp model.tar.gz …), or correct the address.",
    )

"""A model.tar.gz in, a folder with its files out. Called by `source.py`.

Archives come from strangers: only plain files and folders that stay inside the target are written, within limits of
bytes and number. Whatever goes wrong, nothing half-unpacked is left behind.
"""

import errno
import gzip
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Self

from mooring.errors import ModelError, ModelInvalid, echo
from mooring.model.folder import CONFIG_FILE, MANIFEST_FILE

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz")

_CHUNK = 1 << 20
_MAX_HEADER = 1 << 20
_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one archive may unpack to."""

    max_bytes: int = 20 * 1024**3
    max_members: int = 10_000


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`folder` is where the model is: the target itself, or the one folder in it."""

    folder: Path
    warnings: tuple[str, ...] = ()


def unpack(archive: Path, target: Path, limits: Limits = Limits()) -> Unpacked:
    """Unpack into `target`, which must not exist; it appears whole or not at all.

    Raises ModelInvalid (not a tar.gz, cut off, damaged, or with a member that is not allowed, by name) or ModelError
    (no space left, no permission).
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}-", dir=target.parent))
    except OSError as error:
        raise _storage_error(archive, target, error) from error
    try:
        _extract(archive, workplace, limits)
        _move(workplace, target)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ModelInvalid(
            f"The archive {echo(str(archive))} is cut off, damaged or no tar.gz: {error}.",
            hint="Copy or download it again; it is made with: tar -czf model.tar.gz -C FOLDER .",
        ) from error
    except OSError as error:
        raise _storage_error(archive, target, error) from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return locate(target)


def locate(folder: Path, what: str = "archive") -> Unpacked:
    """Where the model is in an unpacked archive, or in a folder: at the top, or with a warning one level below."""
    if _is_model(folder):
        return Unpacked(folder)
    try:
        nested = sorted(p for p in folder.iterdir() if p.is_dir() and _is_model(p))
    except OSError:  # whoever opens the model says so
        return Unpacked(folder)
    if len(nested) != 1:
        return Unpacked(folder)  # the manifest will say what is missing
    return Unpacked(
        nested[0],
        (
            f"The {what} has the model in a folder {echo(nested[0].name)} instead of at its top. It is served all the "
            "same, but SageMaker expects it at the top: tar -czf model.tar.gz -C FOLDER .",
        ),
    )


class _Info(tarfile.TarInfo):
    """Refuses names and extended headers of more than 1 MiB, which tarfile would read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in _EXTENSIONS and info.size > _MAX_HEADER:
            raise ModelInvalid(f"The archive has a header of {info.size} bytes; at most {_MAX_HEADER} are read.")
        return info


def _extract(archive: Path, into: Path, limits: Limits) -> None:
    total = members = 0
    with gzip.open(archive) as plain, tarfile.open(fileobj=plain, mode="r|", tarinfo=_Info) as tar:
        for member in tar:
            members += 1
            total += member.size
            if members > limits.max_members:
                raise ModelInvalid(f"The archive has more than {limits.max_members} members.")
            if total > limits.max_bytes:
                raise ModelInvalid(
                    f"The archive unpacks to more than {limits.max_bytes} bytes (at {echo(member.name)})."
                )
            _write(tar, member, into)
        # gzip checks its checksum at the very end only, which tarfile does not read.
        while block := plain.read(_CHUNK):
            total += len(block)
            if total > limits.max_bytes:
                raise ModelInvalid(f"The archive goes on after its end for more than {limits.max_bytes} bytes.")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    path = _inside(into, member)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    if path.name.startswith("._"):  # written by tar on macOS: file attributes, no files
        return
    if (free := shutil.disk_usage(into).free) < member.size:
        raise OSError(errno.ENOSPC, f"{member.name} needs {member.size} bytes, {free} are free")
    path.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None or path.exists():
        raise ModelInvalid(f"The archive has {echo(member.name)} twice.")
    with path.open("xb") as file:
        _copy(source.read, file)
    if path.stat().st_size != member.size:
        raise EOFError(f"{member.name} should have {member.size} bytes and has {path.stat().st_size}")


def _copy(read: Callable[[int], bytes], file: IO[bytes]) -> None:
    while block := read(_CHUNK):
        file.write(block)


def _inside(into: Path, member: tarfile.TarInfo) -> Path:
    """The member's path below `into`. Raises ModelInvalid for anything but a plain file or folder that stays there."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise ModelInvalid(f"The archive has a member {echo(member.name)} that points outside of it.", hint=_DISTRUST)
    if odd := next((character for character in "\\:\0" if character in member.name), None):
        raise ModelInvalid(
            f"The archive has a member {echo(member.name)} with {echo(odd)} in its name, which means something else on "
            "other systems.",
            hint="Nothing was unpacked. Rename the file and pack the folder again.",
        )
    if not (member.isreg() or member.isdir()) or member.issparse():
        kind = "a link" if member.issym() or member.islnk() else "neither a plain file nor a folder"
        raise ModelInvalid(f"The archive's member {echo(member.name)} is {kind}.", hint=_DISTRUST)
    return into.joinpath(*name.parts)


_DISTRUST = "Nothing was unpacked. Make the archive from plain files: tar -czhf model.tar.gz -C FOLDER ."


def _move(workplace: Path, target: Path) -> None:
    try:
        workplace.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise another process unpacked the same archive meanwhile
            raise
    else:
        target.chmod(0o755)  # mkdtemp's own mode is for its owner alone


def _storage_error(archive: Path, target: Path, error: OSError) -> ModelError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ModelError(
            f"No space left while unpacking {echo(str(archive))} into {echo(str(target.parent))}: {error.strerror}.",
            hint="Free some space there, or name another folder with --cache-dir. Nothing half-unpacked was left.",
        )
    return ModelError(
        f"The archive {echo(str(archive))} could not be unpacked into {echo(str(target.parent))}: {error}.",
        hint="--cache-dir names another folder to unpack into.",
    )


def _is_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (CONFIG_FILE, MANIFEST_FILE))

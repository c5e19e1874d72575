"""Unpack a model archive (.tar.gz). Called by `source.py`.

Archives are untrusted: only regular files and folders inside the target are written, within limits on bytes and
count. On any error, nothing half-unpacked is left behind.
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
    """Limits on what one archive may unpack to."""

    max_bytes: int = 20 * 1024**3
    max_members: int = 10_000


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`folder` is where the model is: the target itself, or the one folder in it."""

    folder: Path
    warnings: tuple[str, ...] = ()


def unpack(archive: Path, target: Path, limits: Limits = Limits()) -> Unpacked:
    """Unpack into `target`, which must not exist; it appears whole or not at all.

    Raises ModelInvalid (not a .tar.gz, truncated, damaged, or with a forbidden member) or ModelError (no space left,
    no permission).
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
            f"The archive {echo(str(archive))} is truncated, damaged or not a .tar.gz: {error}.",
            hint="Copy or download it again, or create it with: tar -czf model.tar.gz -C FOLDER .",
        ) from error
    except OSError as error:
        raise _storage_error(archive, target, error) from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return locate(target)


def locate(folder: Path, what: str = "archive") -> Unpacked:
    """The model in an unpacked archive or folder: at the top, or one level below (with a warning)."""
    if _is_model(folder):
        return Unpacked(folder)
    try:
        nested = sorted(p for p in folder.iterdir() if p.is_dir() and _is_model(p))
    except OSError:  # opening the model reports it
        return Unpacked(folder)
    if len(nested) != 1:
        return Unpacked(folder)  # reading the manifest reports what is missing
    return Unpacked(
        nested[0],
        (
            f"The {what} has the model in the folder {echo(nested[0].name)}, not at its top level. Mooring serves it, "
            "but SageMaker expects it at the top level: tar -czf model.tar.gz -C FOLDER .",
        ),
    )


class _Info(tarfile.TarInfo):
    """Refuse names and extended headers of more than 1 MiB: tarfile would read them into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in _EXTENSIONS and info.size > _MAX_HEADER:
            raise ModelInvalid(f"The archive has a header of {info.size} bytes; the limit is {_MAX_HEADER}.")
        return info


def _extract(archive: Path, into: Path, limits: Limits) -> None:
    total = members = 0
    with gzip.open(archive) as plain, tarfile.open(fileobj=plain, mode="r|", tarinfo=_Info) as tar:
        for member in tar:
            members += 1
            total += member.size
            if members > limits.max_members:
                raise ModelInvalid(f"The archive has more than {limits.max_members} files.")
            if total > limits.max_bytes:
                raise ModelInvalid(
                    f"The archive unpacks to more than {limits.max_bytes} bytes (at {echo(member.name)})."
                )
            _write(tar, member, into)
        # The gzip checksum is at the very end, which tarfile does not read.
        while block := plain.read(_CHUNK):
            total += len(block)
            if total > limits.max_bytes:
                raise ModelInvalid(f"The archive has more than {limits.max_bytes} bytes of data after its end.")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    path = _inside(into, member)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    if path.name.startswith("._"):  # written by tar on macOS: file attributes, not files
        return
    if (free := shutil.disk_usage(into).free) < member.size:
        raise OSError(errno.ENOSPC, f"{member.name} needs {member.size} bytes and {free} are free")
    path.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None or path.exists():
        raise ModelInvalid(f"The archive contains {echo(member.name)} twice.")
    with path.open("xb") as file:
        _copy(source.read, file)
    if path.stat().st_size != member.size:
        raise EOFError(f"{member.name} should have {member.size} bytes but has {path.stat().st_size}")


def _copy(read: Callable[[int], bytes], file: IO[bytes]) -> None:
    while block := read(_CHUNK):
        file.write(block)


def _inside(into: Path, member: tarfile.TarInfo) -> Path:
    """The member's path below `into`. Raises ModelInvalid unless it is a regular file or folder inside `into`."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise ModelInvalid(f"The archive member {echo(member.name)} points outside the archive.", hint=_DISTRUST)
    if odd := next((character for character in "\\:\0" if character in member.name), None):
        raise ModelInvalid(
            f"The archive member {echo(member.name)} has {echo(odd)} in its name, which has another meaning on "
            "other systems.",
            hint="Nothing was unpacked. Rename the file and pack the folder again.",
        )
    if not (member.isreg() or member.isdir()) or member.issparse():
        kind = "a link" if member.issym() or member.islnk() else "neither a regular file nor a folder"
        raise ModelInvalid(f"The archive member {echo(member.name)} is {kind}.", hint=_DISTRUST)
    return into.joinpath(*name.parts)


_DISTRUST = "Nothing was unpacked. Create the archive from regular files: tar -czhf model.tar.gz -C FOLDER ."


def _move(workplace: Path, target: Path) -> None:
    try:
        workplace.rename(target)
    except OSError:
        if not target.is_dir():  # another process unpacked the same archive first
            raise
    else:
        target.chmod(0o755)  # mkdtemp creates it for its owner only


def _storage_error(archive: Path, target: Path, error: OSError) -> ModelError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ModelError(
            f"No space left while unpacking {echo(str(archive))} into {echo(str(target.parent))}: {error.strerror}.",
            hint="Free some space there, or choose another folder with --cache-dir. Nothing was left half-unpacked.",
        )
    return ModelError(
        f"The archive {echo(str(archive))} could not be unpacked into {echo(str(target.parent))}: {error}.",
        hint="Choose another folder to unpack into with --cache-dir.",
    )


def _is_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (CONFIG_FILE, MANIFEST_FILE))

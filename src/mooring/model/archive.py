"""Unpack a model archive (.tar.gz). Called by `source.py`.

Archives are untrusted: only regular files and folders inside the target are written, within limits on bytes and
count. On any error, nothing half-unpacked is left behind.
"""

import errno
import gzip
import os
import shutil
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mooring.errors import ModelError, ModelInvalid, echo
from mooring.model.folder import CONFIG_FILE, MANIFEST_FILE
from mooring.model.tar import Member, TarReader

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz")

MAX_DEPTH = 32
"""Most levels of a member's name."""
MAX_NAME = 1024
"""Most characters of a member's name."""
MAX_PART_BYTES = 255
"""Most bytes of one level, as in Linux's file systems."""
MAX_TRAILING_BYTES = 16 << 20
"""Most bytes after the end of the tar; tar programs pad to 10 KiB."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on what one archive may unpack to."""

    max_bytes: int = 20 * 1024**3
    max_members: int = 10_000
    """Files and folders, including folders that are only part of a name."""


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


def _extract(archive: Path, into: Path, limits: Limits) -> None:
    total = members = 0
    placed = _Placed(into, limits.max_members)
    with gzip.open(archive) as plain:
        tar = TarReader(plain)
        for member in tar:
            members += 1
            total += member.size
            if members > limits.max_members:
                raise _too_many(limits.max_members)
            if total > limits.max_bytes:
                raise ModelInvalid(
                    f"The archive unpacks to more than {limits.max_bytes} bytes (at {echo(member.name)})."
                )
            _write(tar, member, placed)
        # The gzip checksum is at the very end, behind the end of the tar.
        after, most = 0, min(MAX_TRAILING_BYTES, limits.max_bytes)
        while block := plain.read(_CHUNK):
            after += len(block)
            if after > most:
                raise ModelInvalid(f"The archive has more than {most} bytes after its end, which is the limit.")


class _Placed:
    """The folders and files written so far, at most `most` of both: a name's folders need no members of their own."""

    def __init__(self, into: Path, most: int) -> None:
        self.into = into
        self._most = most
        self._folders: set[tuple[str, ...]] = {()}
        self._files: set[tuple[str, ...]] = set()

    def folder(self, parts: tuple[str, ...]) -> None:
        """Make a folder and those above it."""
        if parts in self._folders:
            return
        for depth in range(1, len(parts) + 1):
            part = parts[:depth]
            if part in self._files:
                raise ModelInvalid(f"The archive contains {echo('/'.join(part))} as a file and as a folder.")
            if part not in self._folders:
                self._count()
                self._folders.add(part)
                os.mkdir("/".join((str(self.into), *part)))  # noqa: PTH102 - pathlib takes longer than the call

    def file(self, parts: tuple[str, ...]) -> Path:
        """The path of a new file, whose folder is made."""
        self.folder(parts[:-1])
        if parts in self._files or parts in self._folders:
            raise ModelInvalid(f"The archive contains {echo('/'.join(parts))} twice.")
        self._count()
        self._files.add(parts)
        return self.into.joinpath(*parts)

    def _count(self) -> None:
        if len(self._folders) + len(self._files) > self._most:
            raise _too_many(self._most)


def _too_many(most: int) -> ModelInvalid:
    return ModelInvalid(f"The archive has more than {most} files and folders.")


def _write(tar: TarReader, member: Member, placed: _Placed) -> None:
    parts = _parts(member)
    if member.kind == "folder":
        placed.folder(parts)
        return
    if not parts:
        raise ModelInvalid(f"The archive member {echo(member.name)} has no name.", hint=_DISTRUST)
    if parts[-1].startswith("._"):  # written by tar on macOS: file attributes, not files
        return
    if (free := shutil.disk_usage(placed.into).free) < member.size:
        raise OSError(errno.ENOSPC, f"{member.name} needs {member.size} bytes and {free} are free")
    with placed.file(parts).open("xb") as file:
        for chunk in tar.content():
            file.write(chunk)


def _parts(member: Member) -> tuple[str, ...]:
    """The parts of the member's name. Raises ModelInvalid unless it is a regular file or folder inside the archive."""
    if len(member.name) > MAX_NAME:
        raise ModelInvalid(f"The archive member {echo(member.name)} has a name of more than {MAX_NAME} characters.")
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise ModelInvalid(f"The archive member {echo(member.name)} points outside the archive.", hint=_DISTRUST)
    if odd := next((character for character in "\\:\0" if character in member.name), None):
        raise ModelInvalid(
            f"The archive member {echo(member.name)} has {echo(odd)} in its name, which has another meaning on "
            "other systems.",
            hint="Nothing was unpacked. Rename the file and pack the folder again.",
        )
    if member.kind not in ("file", "folder"):
        kind = "a link" if member.kind == "link" else "neither a regular file nor a folder"
        raise ModelInvalid(f"The archive member {echo(member.name)} is {kind}.", hint=_DISTRUST)
    if len(name.parts) > MAX_DEPTH:
        raise ModelInvalid(
            f"The archive member {echo(member.name)} is {len(name.parts)} levels deep; the limit is {MAX_DEPTH}."
        )
    if long := next((part for part in name.parts if len(os.fsencode(part)) > MAX_PART_BYTES), None):
        raise ModelInvalid(f"The archive has a name of more than {MAX_PART_BYTES} bytes: {echo(long)}.")
    return name.parts


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

"""Corpora and answers in S3, through pyarrow: its credentials, regions and retries.

S3 has no rename, so a part is complete locally before it is put under its name, and counts once the manifest names it.
There is no lock either: two runs of one job into one folder answer records twice, into equal parts.
"""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from pyarrow import ArrowInvalid, fs

from mooring.batch.manifest import SourceFile
from mooring.batch.patterns import has_magic, pattern_of
from mooring.batch.places import HIDDEN, S3_PREFIX, Output
from mooring.errors import BatchError, UsageError, echo

READ_AHEAD = 256 << 10
"""Bytes of one request to S3, at least."""
FAILED = (OSError, ArrowInvalid)
"""What pyarrow raises: the second for paths that S3 does not allow."""
HINT = (
    "Check the bucket, the path and your AWS credentials and region (AWS_PROFILE, AWS_DEFAULT_REGION; "
    "AWS_ENDPOINT_URL for another S3)."
)


class S3:
    """A `Place`."""

    def __init__(self) -> None:
        self._files = _filesystem()

    def find(self, pattern: str, suffixes: tuple[str, ...]) -> list[SourceFile]:
        """See `Place.find`. A prefix is a folder."""
        path = _path(pattern)
        wild = pattern_of(path) if has_magic(path) else None
        base = path.rstrip("/") if wild is None else wild.folder
        try:
            if wild is None and (facts := self._files.get_file_info(path)).type == fs.FileType.File:
                return [_described(facts)]
            inside = self._files.get_file_info(fs.FileSelector(base, recursive=True))
        except FileNotFoundError as error:
            if wild is not None:
                return []
            raise UsageError(f"There is nothing at {pattern}.", hint=HINT) from error
        except FAILED as error:
            raise UsageError(f"Cannot read {pattern}: {_said(error)}.", hint=HINT) from error
        found = []
        for one in inside:
            inner = PurePosixPath(one.path.removeprefix(base).lstrip("/"))
            wanted = _listed(inner, suffixes) if wild is None else wild.matches(inner.parts)
            if wanted and one.type == fs.FileType.File:
                found.append(_described(one))
        return sorted(found, key=lambda file: file.path)

    def open(self, path: str) -> BinaryIO:
        """See `Place.open`."""
        # pyarrow's files have no readline.
        return io.BufferedReader(self._files.open_input_file(_path(path)), READ_AHEAD)

    def output(self, path: str) -> Output:
        """See `Place.output`."""
        return S3Output(path.rstrip("/"), self._files)


def _filesystem() -> Any:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return fs.S3FileSystem()
    scheme, _, host = endpoint.partition("://")
    if scheme not in ("http", "https") or not host:
        raise UsageError(
            f"AWS_ENDPOINT_URL is {echo(endpoint)}.",
            hint="Set it to a URL, such as https://s3.example or http://HOST:PORT.",
        )
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return fs.S3FileSystem(endpoint_override=host.rstrip("/"), scheme=scheme, region=region)


def _path(url: str) -> str:
    return url.removeprefix(S3_PREFIX)


def _listed(inner: PurePosixPath, suffixes: tuple[str, ...]) -> bool:
    return inner.suffix.lower() in suffixes and not any(part.startswith(HIDDEN) for part in inner.parts)


def _described(facts: Any) -> SourceFile:
    return SourceFile(S3_PREFIX + facts.path, facts.size, facts.mtime_ns or 0)


def _said(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")


class S3Output:
    """An `Output`."""

    def __init__(self, path: str, files: Any) -> None:
        self.path = path
        self._files = files

    def holds(self, path: str) -> bool:
        """See `Output.holds`."""
        return path.startswith(f"{self.path}/")

    def names(self) -> list[str]:
        """See `Output.names`."""
        try:
            found = self._files.get_file_info(fs.FileSelector(_path(self.path), allow_not_found=True))
        except FAILED as error:
            raise self._failed(self.path, error) from error
        return sorted(one.base_name for one in found)

    def read(self, name: str) -> bytes | None:
        """See `Output.read`."""
        try:
            with self._files.open_input_file(f"{_path(self.path)}/{name}") as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(f"{self.path}/{name}", error) from error

    def write(self, name: str, data: bytes) -> None:
        """See `Output.write`."""
        with self.part(name) as file:
            file.write(data)

    @contextmanager
    def part(self, name: str) -> Iterator[BinaryIO]:
        """See `Output.part`. It is in a temporary file until it is complete."""
        try:
            with tempfile.TemporaryDirectory(prefix="mooring-batch-") as folder:
                whole = Path(folder) / name
                with whole.open("wb") as file:
                    yield file
                # One call: Ctrl-C would close a stream of pyarrow, which puts what was written so far.
                there = f"{_path(self.path)}/{name}"
                fs.copy_files(
                    str(whole), there, fs.LocalFileSystem(), self._files, chunk_size=8 << 20, use_threads=False
                )
        except OSError as error:
            raise self._failed(f"{self.path}/{name}", error) from error

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """See `Output.reserved`: there is nothing to create, to lock or to remove."""
        yield

    def _failed(self, path: str, error: Exception) -> BatchError:
        return BatchError(f"Cannot use {path}: {_said(error)}.", hint=HINT)

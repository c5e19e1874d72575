"""Where corpora and answers are: on a disk or in S3. The protocols, and which place a path names."""

from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from mooring.batch.manifest import SourceFile
from mooring.batch.needs import need

S3_PREFIX = "s3://"
HIDDEN = (".", "_")
"""First characters of file names that folders are searched without, as Spark and Hive do."""


class Output(Protocol):
    """A folder for parts and the manifest."""

    path: str

    def holds(self, path: str) -> bool:
        """Whether the path of a `SourceFile` lies in it."""

    def names(self) -> list[str]:
        """All files in it, without unfinished parts."""

    def read(self, name: str) -> bytes | None:
        """A whole file; None if there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Write or replace a file, at once for readers. Raises BatchError."""

    def part(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A file that appears under its name, whole, when the with-block ends without an error. Raises BatchError."""

    def reserved(self) -> AbstractContextManager[None]:
        """Create it, keep other jobs out, and remove what killed ones left unfinished. Raises BatchError."""


class Place(Protocol):
    """A file system."""

    def find(self, pattern: str, suffixes: tuple[str, ...]) -> list[SourceFile]:
        """The file, the files with these suffixes in a folder, or those that match. Sorted. Raises UsageError."""

    def open(self, path: str) -> BinaryIO:
        """A seekable file. Raises OSError."""

    def output(self, path: str) -> Output:
        """A folder to write to; nothing is created yet."""


def place_of(path: str) -> Place:
    """The place that a path names. Raises UsageError for s3:// without pyarrow."""
    if path.startswith(S3_PREFIX):
        need("pyarrow", "batch", S3_PREFIX)
        from mooring.batch.s3 import S3

        return S3()
    from mooring.batch.disk import Disk

    return Disk()

"""Buckets and objects as folders and files below one root.

    <root>/<bucket>/<key>              an object: a plain file that may be copied in and out by hand
    <root>/<bucket>/.mooring/
        bucket.json                    region and date
        about/<SHA-256 of the key>     content type, metadata, ETag; valid while the file's size and mtime match
        aside/<SHA-256 of the key>     data of keys that are not valid file paths: `a/`, `../a`, `a/b` beside `a`
        scratch/                       uploads being received; emptied at start
        uploads/                       multipart uploads (`multipart.py`)

A plain file takes precedence over one in `aside/` for the same key. Links to files are followed (a model may be
linked), links to folders are not, so that no key points outside the bucket. One process owns a root; its threads may
share a store.
"""

import contextlib
import hashlib
import mimetypes
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from mooring_local.objects.disk import GONE, inside, prune, walk
from mooring_local.objects.entry import OCTETS, About, Bucket, Entry
from mooring_local.objects.keys import OWN_FOLDER, check_bucket_name, check_key, locate, plain_path
from mooring_local.wire.faults import Fault


class Record(msgspec.Struct):
    """A file below `about/`."""

    key: str
    size: int
    mtime_ns: int
    etag: str
    about: About


class ObjectStore:
    """Raises `Fault` with S3's codes."""

    def __init__(self, root: Path) -> None:
        """Creates the folder if it is missing."""
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self._moving = threading.RLock()
        for scratch in self.root.glob(f"*/{OWN_FOLDER}/scratch"):
            shutil.rmtree(scratch, ignore_errors=True)

    def buckets(self) -> list[Bucket]:
        """All buckets by name, including folders made by hand that have valid bucket names."""
        return [
            self.bucket(name) for name in sorted(path.name for path in self.root.iterdir()) if self._is_bucket(name)
        ]

    def bucket(self, name: str) -> Bucket:
        """Raises NoSuchBucket."""
        file = self.own_folder(name) / "bucket.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=Bucket)
        except (OSError, msgspec.MsgspecError):
            return self._describe(Bucket(name, "us-east-1", time.time()))

    def create_bucket(self, name: str, region: str = "us-east-1", tags: Mapping[str, str] | None = None) -> Bucket:
        """Raises InvalidBucketName or BucketAlreadyOwnedByYou."""
        check_bucket_name(name)
        try:
            (self.root / name).mkdir()
        except FileExistsError:
            message = "Your previous request to create the named bucket succeeded and you already own it."
            raise Fault("BucketAlreadyOwnedByYou", message, 409, {"BucketName": name}) from None
        return self._describe(Bucket(name, region, time.time(), tags or {}))

    def tag_bucket(self, name: str, tags: Mapping[str, str]) -> None:
        """Replace the tags. Raises NoSuchBucket."""
        with self._moving:
            self._describe(replace(self.bucket(name), tags=tags))

    def delete_bucket(self, name: str) -> None:
        """Raises NoSuchBucket or BucketNotEmpty."""
        folder = self.folder(name)
        with self._moving:
            if next(self._keys(folder, ""), None) is not None:
                message = "The bucket you tried to delete is not empty"
                raise Fault("BucketNotEmpty", message, 409, {"BucketName": name})
            shutil.rmtree(folder)

    def put(
        self,
        bucket: str,
        key: str,
        data: bytes | Path,
        content_type: str = OCTETS,
        metadata: Mapping[str, str] | None = None,
    ) -> Entry:
        """`keep` with fewer arguments."""
        return self.keep(bucket, key, data, About(content_type, metadata or {}))

    def keep(
        self, bucket: str, key: str, data: bytes | Path, about: About, allowed: Callable[[], None] = lambda: None
    ) -> Entry:
        """Store an object atomically. A `Path` is moved here, ideally from `scratch` (same disk).

        `allowed` is called under the lock, and raises to prevent the write.
        """
        check_key(key)
        received = self.scratch(bucket)
        try:
            if isinstance(data, bytes):
                received.write_bytes(data)
            else:
                shutil.move(data, received)
            etag = about.etag or md5(received)
            os.utime(received)
            with self._moving:
                allowed()
                path = self._move(received, self.folder(bucket), key)
                found = path.stat()
                self._record(bucket, Record(key, found.st_size, found.st_mtime_ns, etag, about))
        finally:
            received.unlink(missing_ok=True)
        return Entry(bucket, key, path, found.st_size, found.st_mtime, etag, about)

    def get(self, bucket: str, key: str) -> Entry | None:
        """The object; None if it or its bucket does not exist."""
        if not self._is_bucket(bucket):
            return None
        path = self._find(self.root / bucket, key)
        return self._entry(bucket, key, path) if path else None

    def has(self, bucket: str, key: str) -> bool:
        """Whether the object exists. Unlike `get`, does not hash files that were copied in by hand."""
        return self._is_bucket(bucket) and self._find(self.root / bucket, key) is not None

    def holds(self, bucket: str, prefix: str) -> bool:
        """Whether any key has that prefix, without reading objects."""
        return self._is_bucket(bucket) and next(self._keys(self.root / bucket, prefix), None) is not None

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Sorted by UTF-8, which is the order of code points. Raises NoSuchBucket."""
        return sorted(set(self._keys(self.folder(bucket), prefix)))

    def change(self, bucket: str, key: str, changed: Callable[[About], About]) -> None:
        """Change an object's attributes, but not its data. Does nothing if it was deleted."""
        with self._moving:
            if (entry := self.get(bucket, key)) is not None:
                found = entry.path.stat()
                about = changed(entry.about)
                self._record(bucket, Record(key, found.st_size, found.st_mtime_ns, entry.etag, about))

    def delete(self, bucket: str, key: str, allowed: Callable[[], None] = lambda: None) -> None:
        """Delete an object and folders that become empty; a missing one is not an error. Raises NoSuchBucket.

        `allowed` is called under the lock, and raises to prevent the deletion.
        """
        folder = self.folder(bucket)
        with self._moving:
            allowed()
            while path := self._find(folder, key):
                path.unlink(missing_ok=True)
                if path.parent != self.own_folder(bucket) / "aside":
                    prune(path.parent, folder)
            self._record_path(bucket, key).unlink(missing_ok=True)

    def locate(self, uri: str) -> tuple[str, str]:
        """`s3://bucket/key` → (bucket, key)."""
        return locate(uri)

    def folder(self, bucket: str) -> Path:
        """Raises NoSuchBucket."""
        if not self._is_bucket(bucket):
            raise Fault("NoSuchBucket", "The specified bucket does not exist", 404, {"BucketName": bucket})
        return self.root / bucket

    def own_folder(self, bucket: str) -> Path:
        """The folder of internal data of a bucket. Raises NoSuchBucket."""
        return self.folder(bucket) / OWN_FOLDER

    def scratch(self, bucket: str) -> Path:
        """A new path to receive an object in, on the same disk as the bucket, so that moving it is cheap."""
        folder = self.own_folder(bucket) / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / uuid.uuid4().hex

    def list(self, bucket: str, prefix: str = "") -> list[Entry]:
        """Sorted by the UTF-8 of the keys. Raises NoSuchBucket."""
        found = (self.get(bucket, key) for key in self.keys(bucket, prefix))
        return [entry for entry in found if entry is not None]

    def _is_bucket(self, name: str) -> bool:
        try:
            check_bucket_name(name)
        except Fault:
            return False
        folder = self.root / name
        return folder.is_dir() and not folder.is_symlink()

    def _describe(self, bucket: Bucket) -> Bucket:
        new = self.scratch(bucket.name)
        new.write_bytes(msgspec.json.encode(bucket))
        new.replace(self.own_folder(bucket.name) / "bucket.json")
        return bucket

    def _move(self, received: Path, folder: Path, key: str) -> Path:
        """Move to the plain path if possible, otherwise to `aside/`."""
        aside = folder / OWN_FOLDER / "aside" / digest(key)
        plain = plain_path(folder, key)
        if plain is not None:
            with contextlib.suppress(OSError):
                plain.parent.mkdir(parents=True, exist_ok=True)
                if inside(plain):
                    received.replace(plain)
                    aside.unlink(missing_ok=True)
                    return plain
        aside.parent.mkdir(parents=True, exist_ok=True)
        received.replace(aside)
        return aside

    def _find(self, folder: Path, key: str) -> Path | None:
        plain = plain_path(folder, key)
        aside = folder / OWN_FOLDER / "aside" / digest(key)
        with contextlib.suppress(OSError):  # name too long, or a file in place of a folder
            if plain is not None and plain.is_file() and inside(plain):
                return plain
        return aside if aside.is_file() else None

    def _keys(self, folder: Path, prefix: str) -> Iterator[str]:
        yield from walk(folder, "", prefix)
        own = folder / OWN_FOLDER
        if (own / "aside").is_dir():
            for file in (own / "aside").iterdir():
                record = _read(own / "about" / file.name)
                if record is not None and record.key.startswith(prefix):
                    yield record.key

    def _entry(self, bucket: str, key: str, path: Path) -> Entry | None:
        try:
            found, record = path.stat(), self._recorded(bucket, key, path)
            if record is None:
                # Copied or changed by hand, or an upload has not written its record yet.
                new = Record(key, found.st_size, found.st_mtime_ns, md5(path), About(_guess(key)))
                with self._moving:
                    found, record = path.stat(), self._recorded(bucket, key, path)
                    if record is None:
                        self._record(bucket, new)
                        record = new
        except GONE:
            return None
        return Entry(bucket, key, path, found.st_size, found.st_mtime, record.etag, record.about)

    def _recorded(self, bucket: str, key: str, path: Path) -> Record | None:
        """The record, if it matches the file's current state."""
        record, found = _read(self._record_path(bucket, key)), path.stat()
        fresh = record is not None and (record.size, record.mtime_ns) == (found.st_size, found.st_mtime_ns)
        return record if fresh else None

    def _record_path(self, bucket: str, key: str) -> Path:
        return self.own_folder(bucket) / "about" / digest(key)

    def _record(self, bucket: str, record: Record) -> None:
        path, new = self._record_path(bucket, record.key), self.scratch(bucket)
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(msgspec.json.encode(record))
        new.replace(path)


def digest(key: str) -> str:
    """The file name below `about/` and `aside/`."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def md5(path: Path) -> str:
    """The ETag of an object uploaded in one piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _guess(key: str) -> str:
    return mimetypes.guess_type(key)[0] or OCTETS


def _read(path: Path) -> Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return None

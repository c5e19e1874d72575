"""Multipart uploads on disk: begun, parts received, put together or given up. Used by `uploading.py`.

    <bucket>/.mooring/uploads/<id>/upload.json    key, what is said of the object, when it was begun
    <bucket>/.mooring/uploads/<id>/<number>       a part's data, five digits
    <bucket>/.mooring/uploads/<id>/<number>.json  its ETag and checksums

They survive a restart. A part sent again replaces the first.
"""

import hashlib
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from mooring.local.objects.checksums import Sum, begin, composite, encoded
from mooring.local.objects.entry import About, Entry
from mooring.local.objects.exchange import Received
from mooring.local.objects.store import ObjectStore
from mooring.local.wire.faults import Fault

MAX_PART = 10_000
MIN_PART_BYTES = 5 << 20
"""Of all but the last."""
_PIECE = 1 << 20
_PUTTING = threading.Lock()


class Upload(msgspec.Struct):
    """One that has begun. `algorithm` in lower case, "" if the client names none; `kind` COMPOSITE or FULL_OBJECT."""

    id: str
    key: str
    about: About
    begun: float
    algorithm: str = ""
    kind: str = ""


class Part(msgspec.Struct):
    """A received one."""

    number: int
    etag: str
    size: int
    modified: float
    checksums: Mapping[str, str] = {}


class Uploads:
    """Of one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def begin(self, bucket: str, key: str, about: About, algorithm: str, kind: str) -> Upload:
        """A new one. Raises NoSuchBucket."""
        upload = Upload(uuid.uuid4().hex, key, about, time.time(), algorithm, kind)
        folder = self._store.own_folder(bucket) / "uploads" / upload.id
        folder.mkdir(parents=True)
        self._write(bucket, folder / "upload.json", upload)
        return upload

    def get(self, bucket: str, upload_id: str, key: str) -> Upload:
        """Raises NoSuchUpload, also if it is of another key."""
        try:
            upload = msgspec.json.decode((self._folder(bucket, upload_id) / "upload.json").read_bytes(), type=Upload)
        except FileNotFoundError:
            raise _gone(upload_id) from None
        if upload.key != key:
            raise _gone(upload_id)
        return upload

    def all(self, bucket: str) -> list[Upload]:
        """By key, then by when they began."""
        files = (self._store.own_folder(bucket) / "uploads").glob("*/upload.json")
        found = [msgspec.json.decode(file.read_bytes(), type=Upload) for file in files]
        return sorted(found, key=lambda upload: (upload.key, upload.begun))

    def add(self, bucket: str, upload: Upload, number: int, data: Received) -> Part:
        """A part; its data is moved here. `number` from 1 to 10 000, else InvalidArgument."""
        if not 1 <= number <= MAX_PART:
            members = {"ArgumentName": "partNumber", "ArgumentValue": str(number)}
            message = f"Part number must be an integer between 1 and {MAX_PART}, inclusive"
            raise Fault("InvalidArgument", message, 400, members)
        part = Part(number, data.md5.hex(), data.size, time.time(), data.checksums)
        folder = self._folder(bucket, upload.id)
        try:
            with _PUTTING:  # data and record of one and the same
                data.path.replace(folder / f"{number:05}")
                self._write(bucket, folder / f"{number:05}.json", part)
        except FileNotFoundError:
            raise _gone(upload.id) from None
        return part

    def parts(self, bucket: str, upload_id: str) -> list[Part]:
        """By number."""
        files = sorted(self._folder(bucket, upload_id).glob("[0-9]*.json"))
        return [msgspec.json.decode(file.read_bytes(), type=Part) for file in files]

    def complete(
        self, bucket: str, upload: Upload, wanted: Sequence[tuple[int, str]], allowed: Callable[[], None]
    ) -> Entry:
        """The object of these parts (number, ETag). Raises InvalidPartOrder, InvalidPart, EntityTooSmall.

        And what `allowed` does, see `ObjectStore.keep`; then the parts are still there.
        """
        parts = self._chosen(bucket, upload, wanted)
        folder = self._folder(bucket, upload.id)
        full = begin(upload.algorithm) if upload.kind == "FULL_OBJECT" else None
        md5s = b"".join(bytes.fromhex(part.etag) for part in parts)
        etag = f"{hashlib.md5(md5s, usedforsecurity=False).hexdigest()}-{len(parts)}"
        scratch = self._store.scratch(bucket)
        try:
            _join([folder / f"{part.number:05}" for part in parts], scratch, full)
            about = replace(upload.about, checksums=_checksums(upload, parts, full), etag=etag)
            entry = self._store.keep(bucket, upload.key, scratch, about, allowed)
        except FileNotFoundError:  # completed or given up by somebody else meanwhile
            raise _gone(upload.id) from None
        finally:
            scratch.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        return entry

    def abort(self, bucket: str, upload: Upload) -> None:
        """Its parts are gone."""
        shutil.rmtree(self._folder(bucket, upload.id), ignore_errors=True)

    def _chosen(self, bucket: str, upload: Upload, wanted: Sequence[tuple[int, str]]) -> list[Part]:
        numbers = [number for number, _ in wanted]
        if numbers != sorted(set(numbers)):
            message = "The list of parts was not in ascending order. Parts must be ordered by part number."
            raise Fault("InvalidPartOrder", message)
        there = {part.number: part for part in self.parts(bucket, upload.id)}
        chosen = []
        for number, etag in wanted:
            part = there.get(number)
            if part is None or part.etag != etag.strip().strip('"'):
                message = (
                    "One or more of the specified parts could not be found.  The part may not have been uploaded, "
                    "or the specified entity tag may not match the part's entity tag."
                )
                members = {"UploadId": upload.id, "PartNumber": str(number), "ETag": etag}
                raise Fault("InvalidPart", message, 400, members)
            chosen.append(part)
        for part in chosen[:-1]:
            if part.size < MIN_PART_BYTES:
                message = "Your proposed upload is smaller than the minimum allowed size"
                members = {
                    "ProposedSize": str(part.size),
                    "MinSizeAllowed": str(MIN_PART_BYTES),
                    "PartNumber": str(part.number),
                    "ETag": part.etag,
                }
                raise Fault("EntityTooSmall", message, 400, members)
        return chosen

    def _folder(self, bucket: str, upload_id: str) -> Path:
        own = self._store.own_folder(bucket)
        if not re.fullmatch("[0-9a-f]{32}", upload_id):
            raise _gone(upload_id)
        return own / "uploads" / upload_id

    def _write(self, bucket: str, path: Path, what: Upload | Part) -> None:
        new = self._store.scratch(bucket)
        new.write_bytes(msgspec.json.encode(what))
        new.replace(path)


def _join(files: Sequence[Path], whole: Path, total: Sum | None) -> None:
    with whole.open("wb") as out:
        for file in files:
            with file.open("rb") as data:
                while piece := data.read(_PIECE):
                    out.write(piece)
                    if total is not None:
                        total.update(piece)


def _checksums(upload: Upload, parts: Sequence[Part], full: Sum | None) -> dict[str, str]:
    """Of the whole object: over all of its data, or over the parts' checksums."""
    if not upload.algorithm:
        return {}
    if upload.kind == "FULL_OBJECT":
        value = encoded(full) if full is not None else None
    else:
        sums = [part.checksums.get(upload.algorithm, "") for part in parts]
        value = composite(upload.algorithm, sums) if all(sums) else None
    return {upload.algorithm: value, "type": upload.kind} if value else {}


def _gone(upload_id: str) -> Fault:
    message = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed."
    )
    return Fault("NoSuchUpload", message, 404, {"UploadId": upload_id})

"""Multipart uploads on disk: create, add parts, complete or abort.

<bucket>/.mooring/uploads/<id>/upload.json    key, object attributes, start time
    <bucket>/.mooring/uploads/<id>/<number>       a part's data, five digits
    <bucket>/.mooring/uploads/<id>/<number>.json  its ETag and checksums
    <bucket>/.mooring/completed/<id>              results of recently completed uploads

    Uploads survive a restart. A repeated part replaces the first.
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

from mooring_local.objects.checksums import Sum, begin, composite, encoded, mismatch, of_file
from mooring_local.objects.entry import About, Piece
from mooring_local.objects.exchange import Received, invalid
from mooring_local.objects.parts import MAX_PART
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.faults import Fault

MIN_PART_BYTES = 5 << 20
"""Minimum size of all parts but the last."""
REMEMBERED = 1000
"""Remembered completed uploads per bucket."""
_PIECE = 1 << 20
_PUTTING = threading.Lock()


class Upload(msgspec.Struct):
    """An upload in progress. `algorithm` in lower case, "" for none; `kind`: COMPOSITE or FULL_OBJECT."""

    id: str
    key: str
    about: About
    begun: float
    algorithm: str = ""
    kind: str = ""


class Part(msgspec.Struct):
    """A received part."""

    number: int
    etag: str
    size: int
    modified: float
    checksums: Mapping[str, str] = {}


class Wanted(msgspec.Struct, frozen=True):
    """A part in a CompleteMultipartUpload request; ETag without quotes."""

    number: int
    etag: str
    checksums: Mapping[str, str] = {}


class Order(msgspec.Struct, frozen=True):
    """A CompleteMultipartUpload request, with checksums of the whole object, their kind ("": none) and its size."""

    parts: Sequence[Wanted]
    checksums: Mapping[str, str] = {}
    kind: str = ""
    size: int | None = None


class Done(msgspec.Struct):
    """A completed upload."""

    key: str
    etag: str
    about: About
    parts: list[tuple[int, str]]


class Uploads:
    """The uploads of one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def begin(self, bucket: str, key: str, about: About, algorithm: str, kind: str) -> Upload:
        """Create an upload. Raises NoSuchBucket."""
        upload = Upload(uuid.uuid4().hex, key, about, time.time(), algorithm, kind)
        folder = self._store.own_folder(bucket) / "uploads" / upload.id
        folder.mkdir(parents=True)
        self._write(bucket, folder / "upload.json", upload)
        return upload

    def get(self, bucket: str, upload_id: str, key: str) -> Upload:
        """Raises NoSuchUpload, also if the upload has another key."""
        try:
            upload = msgspec.json.decode((self._folder(bucket, upload_id) / "upload.json").read_bytes(), type=Upload)
        except FileNotFoundError:
            raise _gone(upload_id) from None
        if upload.key != key:
            raise _gone(upload_id)
        return upload

    def all(self, bucket: str) -> list[Upload]:
        """All uploads, sorted by key and start time."""
        files = (self._store.own_folder(bucket) / "uploads").glob("*/upload.json")
        found = [msgspec.json.decode(file.read_bytes(), type=Upload) for file in files]
        return sorted(found, key=lambda upload: (upload.key, upload.begun))

    def add(self, bucket: str, upload: Upload, number: int, data: Received) -> Part:
        """Add a part by moving its data here. Raises InvalidArgument unless `number` is 1 to 10,000.

        Raises InvalidRequest if its checksum algorithm is not that of the upload.
        """
        if not 1 <= number <= MAX_PART:
            message = f"Part number must be an integer between 1 and {MAX_PART}, inclusive"
            raise invalid("partNumber", str(number), message)
        sums = data.checksums
        if upload.algorithm and upload.algorithm not in sums:
            if sums:
                said = f"expected checksum Type: {upload.algorithm}, actual checksum Type: {', '.join(sums)}"
                raise Fault("InvalidRequest", f"Checksum Type mismatch occurred, {said}")
            sums = {upload.algorithm: of_file(upload.algorithm, data.path)}
        part = Part(number, data.md5.hex(), data.size, time.time(), sums)
        folder = self._folder(bucket, upload.id)
        try:
            with _PUTTING:  # keep data and record consistent
                data.path.replace(folder / f"{number:05}")
                self._write(bucket, folder / f"{number:05}.json", part)
        except FileNotFoundError:
            raise _gone(upload.id) from None
        return part

    def parts(self, bucket: str, upload_id: str) -> list[Part]:
        """All parts, sorted by number."""
        files = sorted(self._folder(bucket, upload_id).glob("[0-9]*.json"))
        return [msgspec.json.decode(file.read_bytes(), type=Part) for file in files]

    def complete(self, bucket: str, upload: Upload, order: Order, allowed: Callable[[], None]) -> Done:
        """Create the object. Raises InvalidPartOrder, InvalidPart, EntityTooSmall, BadDigest, InvalidRequest.

        Also raises what `allowed` raises (see `ObjectStore.keep`); the parts then remain.
        """
        parts = self._chosen(bucket, upload, order)
        folder = self._folder(bucket, upload.id)
        full = begin(upload.algorithm) if upload.kind == "FULL_OBJECT" else None
        md5s = b"".join(bytes.fromhex(part.etag) for part in parts)
        etag = f"{hashlib.md5(md5s, usedforsecurity=False).hexdigest()}-{len(parts)}"
        scratch = self._store.scratch(bucket)
        try:
            _join([folder / f"{part.number:05}" for part in parts], scratch, full)
            sums = _checksums(upload, parts, full)
            _check(order, parts, sums)
            pieces = tuple(Piece(part.size, _of_upload(upload, part)) for part in parts)
            about = replace(upload.about, checksums=sums, etag=etag, pieces=pieces)
            self._store.keep(bucket, upload.key, scratch, about, allowed)
        except FileNotFoundError:  # completed or aborted by another request
            raise _gone(upload.id) from None
        finally:
            scratch.unlink(missing_ok=True)
        done = Done(upload.key, etag, about, [(one.number, one.etag) for one in order.parts])
        self._remember(bucket, upload.id, done)
        shutil.rmtree(folder, ignore_errors=True)
        return done

    def completed(self, bucket: str, upload_id: str, key: str, parts: Sequence[Wanted]) -> Done | None:
        """The result of an upload already completed with these parts. As on S3, the request may be repeated."""
        try:
            file = self._folder(bucket, upload_id).parents[1] / "completed" / upload_id
            done = msgspec.json.decode(file.read_bytes(), type=Done)
        except (FileNotFoundError, Fault):
            return None
        same = (done.key, done.parts) == (key, [(one.number, one.etag) for one in parts])
        return done if same else None

    def _remember(self, bucket: str, upload_id: str, done: Done) -> None:
        folder = self._store.own_folder(bucket) / "completed"
        folder.mkdir(exist_ok=True)
        for old in sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)[: -REMEMBERED + 1]:
            old.unlink(missing_ok=True)
        self._write(bucket, folder / upload_id, done)

    def abort(self, bucket: str, upload: Upload) -> None:
        """Delete the upload and its parts."""
        shutil.rmtree(self._folder(bucket, upload.id), ignore_errors=True)

    def _chosen(self, bucket: str, upload: Upload, order: Order) -> list[Part]:
        numbers = [one.number for one in order.parts]
        if numbers != sorted(set(numbers)):
            message = "The list of parts was not in ascending order. Parts must be ordered by part number."
            raise Fault("InvalidPartOrder", message)
        if order.kind not in ("", upload.kind):
            message = f"The upload was created using the {upload.kind} checksum mode. The complete request must use the"
            raise Fault("InvalidRequest", f"{message} same checksum mode.")
        there = {part.number: part for part in self.parts(bucket, upload.id)}
        chosen = []
        for one in order.parts:
            part = there.get(one.number)
            sums = {} if part is None else part.checksums
            if part is None or part.etag != one.etag or any(sums.get(n, v) != v for n, v in one.checksums.items()):
                message = (
                    "One or more of the specified parts could not be found.  The part may not have been uploaded, "
                    "or the specified entity tag may not match the part's entity tag."
                )
                members = {"UploadId": upload.id, "PartNumber": str(one.number), "ETag": one.etag}
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

    def _write(self, bucket: str, path: Path, what: Upload | Part | Done) -> None:
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
    """Checksums of the object: over all data, or over the parts' checksums."""
    # Parts received by an earlier version of Mooring may lack one.
    if not upload.algorithm or not all(upload.algorithm in part.checksums for part in parts):
        return {}
    of_parts = [part.checksums[upload.algorithm] for part in parts]
    value = encoded(full) if full is not None else composite(upload.algorithm, of_parts)
    return {upload.algorithm: value, "type": upload.kind}


def _of_upload(upload: Upload, part: Part) -> dict[str, str]:
    return {name: value for name, value in part.checksums.items() if name == upload.algorithm}


def _check(order: Order, parts: Sequence[Part], sums: Mapping[str, str]) -> None:
    """Verify the size and checksums that the caller sent."""
    size = sum(part.size for part in parts)
    if order.size not in (None, size):
        message = "The provided 'x-amz-mp-object-size' header value does not match what was computed."
        raise Fault("InvalidRequest", message)
    for name, value in order.checksums.items():
        # The upload has no stored checksum, or another one: they cannot be compared.
        if name not in sums:
            message = f"The upload was not created with the {name} checksum algorithm."
            raise Fault("InvalidRequest", message)
        if value.partition("-")[0] != sums[name].partition("-")[0]:
            raise mismatch(name.upper())


def _gone(upload_id: str) -> Fault:
    message = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed."
    )
    return Fault("NoSuchUpload", message, 404, {"UploadId": upload_id})

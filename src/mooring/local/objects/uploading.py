"""S3's operations of multipart upload: (store, request) → answer. In the table of `api.py`."""

from functools import partial

from mooring.local.objects import xml
from mooring.local.objects.bodies import slice_to_disk
from mooring.local.objects.checksums import ALGORITHMS, HEADER
from mooring.local.objects.exchange import Ask, Received, Reply
from mooring.local.objects.exchange import xml as reply
from mooring.local.objects.keys import check_key
from mooring.local.objects.listing import MAX_KEYS
from mooring.local.objects.multipart import MAX_PART, Part, Upload, Uploads
from mooring.local.objects.reading import copy_span
from mooring.local.objects.store import ObjectStore
from mooring.local.objects.writing import about_of, check_conditions, copied, taken
from mooring.local.wire.faults import Fault


def create(store: ObjectStore, ask: Ask) -> Reply:
    """Begins one; parts lie in the bucket's folder and survive a restart."""
    check_key(ask.key)
    algorithm = ask.headers.get("x-amz-checksum-algorithm", "").lower()
    if algorithm and algorithm not in ALGORITHMS:
        raise Fault("InvalidRequest", "Checksum algorithm provided is unsupported.")
    default = "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"
    kind = ask.headers.get("x-amz-checksum-type", default).upper() if algorithm else ""
    upload = Uploads(store).begin(ask.bucket, ask.key, about_of(ask, {}), algorithm, kind)
    headers = {"x-amz-checksum-algorithm": algorithm.upper(), "x-amz-checksum-type": kind} if algorithm else {}
    children: xml.Children = [("Bucket", ask.bucket), ("Key", ask.key), ("UploadId", upload.id)]
    return reply(xml.render("InitiateMultipartUploadResult", children), headers)


def put_part(store: ObjectStore, ask: Ask) -> Reply:
    """One of up to 10 000 parts; sent again, it replaces the first."""
    data = taken(ask)
    part = Uploads(store).add(ask.bucket, _upload(store, ask), _number(ask), data)
    return Reply(200, {"ETag": f'"{part.etag}"', **{HEADER + n: value for n, value in data.checksums.items()}})


def copy_part(store: ObjectStore, ask: Ask) -> Reply:
    """A part from an object, or from a range of it."""
    upload, source = _upload(store, ask), copied(store, ask)
    start, end = copy_span(ask.headers.get("x-amz-copy-source-range", ""), source.size)
    scratch = store.scratch(ask.bucket)
    try:
        data: Received = slice_to_disk(source.path, (start, end), scratch, upload.algorithm)
        part = Uploads(store).add(ask.bucket, upload, _number(ask), data)
    finally:
        scratch.unlink(missing_ok=True)
    children: xml.Children = [("LastModified", xml.instant(part.modified)), ("ETag", f'"{part.etag}"'), *_sums(part)]
    return reply(xml.render("CopyPartResult", children))


def complete(store: ObjectStore, ask: Ask) -> Reply:
    """Makes the object of its parts, all but the last of at least 5 MB."""
    upload = _upload(store, ask)
    listed = xml.parse(ask.body, "CompleteMultipartUpload").findall("Part")
    try:
        wanted = [(int(xml.text_of(one, "PartNumber")), xml.text_of(one, "ETag")) for one in listed]
    except ValueError:
        raise xml.malformed() from None
    if not wanted:
        raise xml.malformed()
    entry = Uploads(store).complete(ask.bucket, upload, wanted, partial(check_conditions, store, ask))
    children: xml.Children = [
        ("Location", f"/{ask.bucket}/{ask.key}"),
        ("Bucket", ask.bucket),
        ("Key", ask.key),
        ("ETag", f'"{entry.etag}"'),
        *[("Checksum" + name.upper(), v) for name, v in entry.about.checksums.items() if name != "type"],
        *[("ChecksumType", v) for name, v in entry.about.checksums.items() if name == "type"],
    ]
    return reply(xml.render("CompleteMultipartUploadResult", children))


def abort(store: ObjectStore, ask: Ask) -> Reply:
    """Its parts are gone."""
    Uploads(store).abort(ask.bucket, _upload(store, ask))
    return Reply(204)


def list_parts(store: ObjectStore, ask: Ask) -> Reply:
    """By number, page by page."""
    upload = _upload(store, ask)
    limit, after = ask.number("max-parts", MAX_KEYS, MAX_KEYS), ask.number("part-number-marker", 0, MAX_PART)
    rest = [part for part in Uploads(store).parts(ask.bucket, upload.id) if part.number > after]
    shown = rest[:limit]
    children: xml.Children = [
        ("Bucket", ask.bucket),
        ("Key", ask.key),
        ("UploadId", upload.id),
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", shown[-1].number if shown else 0),
        ("MaxParts", limit),
        ("IsTruncated", len(rest) > len(shown) > 0),
        *([("ChecksumAlgorithm", upload.algorithm.upper())] if upload.algorithm else []),
        *([("ChecksumType", upload.kind)] if upload.kind else []),
        *[("Part", _facts(part)) for part in shown],
        xml.owner("Initiator"),
        xml.owner(),
        ("StorageClass", "STANDARD"),
    ]
    return reply(xml.render("ListPartsResult", children))


def list_uploads(store: ObjectStore, ask: Ask) -> Reply:
    """Those that have begun and not ended, by key; `delimiter` is not looked at."""
    code = xml.coder(ask.query)
    prefix, limit = ask.query.get("prefix", ""), ask.number("max-uploads", MAX_KEYS, MAX_KEYS)
    after, after_id = ask.query.get("key-marker", ""), ask.query.get("upload-id-marker", "")
    found = [upload for upload in Uploads(store).all(ask.bucket) if upload.key.startswith(prefix)]
    ids = [upload.id for upload in found if upload.key == after]
    passed = set(ids[: ids.index(after_id) + 1] if after_id in ids else ids)
    rest = [upload for upload in found if upload.key >= after and upload.id not in passed]
    shown = rest[:limit]
    more = len(rest) > len(shown) > 0
    children: xml.Children = [
        ("Bucket", ask.bucket),
        ("KeyMarker", code(after)),
        ("UploadIdMarker", after_id),
        *([("NextKeyMarker", code(shown[-1].key)), ("NextUploadIdMarker", shown[-1].id)] if more else []),
        ("Prefix", code(prefix)),
        ("MaxUploads", limit),
        *code.note,
        ("IsTruncated", more),
        *[("Upload", _begun(upload, code)) for upload in shown],
    ]
    return reply(xml.render("ListMultipartUploadsResult", children))


def _upload(store: ObjectStore, ask: Ask) -> Upload:
    return Uploads(store).get(ask.bucket, ask.query.get("uploadId", ""), ask.key)


def _number(ask: Ask) -> int:
    return ask.number("partNumber", 0, MAX_PART + 1)


def _begun(upload: Upload, code: xml.Coder) -> xml.Children:
    return [
        ("Key", code(upload.key)),
        ("UploadId", upload.id),
        xml.owner("Initiator"),
        xml.owner(),
        ("StorageClass", "STANDARD"),
        ("Initiated", xml.instant(upload.begun)),
    ]


def _facts(part: Part) -> xml.Children:
    return [
        ("PartNumber", part.number),
        ("LastModified", xml.instant(part.modified)),
        ("ETag", f'"{part.etag}"'),
        ("Size", part.size),
        *_sums(part),
    ]


def _sums(part: Part) -> list[tuple[str, xml.Value]]:
    return [(f"Checksum{name.upper()}", value) for name, value in part.checksums.items()]

"""S3's multipart upload operations."""

from functools import partial
from xml.etree import ElementTree as ET

from mooring_local.objects import xml
from mooring_local.objects.bodies import slice_to_disk
from mooring_local.objects.checksums import ALGORITHMS, HEADER, named
from mooring_local.objects.exchange import Ask, Received, Reply, invalid
from mooring_local.objects.exchange import xml as reply
from mooring_local.objects.kept import CLASS, encryption
from mooring_local.objects.listing import MAX_KEYS
from mooring_local.objects.multipart import Order, Part, Upload, Uploads, Wanted
from mooring_local.objects.parts import MAX_PART
from mooring_local.objects.reading import copy_span
from mooring_local.objects.store import ObjectStore
from mooring_local.objects.writing import about_of, check_conditions, copied, taken
from mooring_local.wire.faults import Fault


def create(store: ObjectStore, ask: Ask) -> Reply:
    """Create an upload; its parts are stored in the bucket's folder and survive a restart."""
    algorithm = named(ask.headers.get("x-amz-checksum-algorithm", ""))
    default = "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"
    given = ask.headers.get("x-amz-checksum-type", "").upper()
    kind = given or default if algorithm else ""
    if given not in ("", "COMPOSITE", "FULL_OBJECT") or (given and not algorithm):
        raise Fault("InvalidRequest", "The x-amz-checksum-type header can only be used with x-amz-checksum-algorithm.")
    if (kind == "FULL_OBJECT" and not algorithm.startswith("crc")) or (
        kind == "COMPOSITE" and algorithm == "crc64nvme"
    ):
        message = f"The {kind} checksum type cannot be used with the {algorithm} checksum algorithm."
        raise Fault("InvalidRequest", message)
    about = about_of(ask, {})
    upload = Uploads(store).begin(ask.bucket, ask.key, about, algorithm, kind)
    headers = {"x-amz-checksum-algorithm": algorithm.upper(), "x-amz-checksum-type": kind} if algorithm else {}
    children: xml.Children = [("Bucket", ask.bucket), ("Key", ask.key), ("UploadId", upload.id)]
    return reply(xml.render("InitiateMultipartUploadResult", children), {**headers, **encryption(about)})


def put_part(store: ObjectStore, ask: Ask) -> Reply:
    """Upload one of up to 10,000 parts; a repeated part replaces the first."""
    data, upload = taken(ask), _upload(store, ask)
    part = Uploads(store).add(ask.bucket, upload, _number(ask), data)
    sums = {HEADER + name: value for name, value in part.checksums.items()}
    return Reply(200, {"ETag": f'"{part.etag}"', **sums, **encryption(upload.about)})


def copy_part(store: ObjectStore, ask: Ask) -> Reply:
    """Copy a part from an object or a range of it."""
    upload, source = _upload(store, ask), copied(store, ask)
    start, end = copy_span(ask.headers.get("x-amz-copy-source-range", ""), source.size)
    scratch = store.scratch(ask.bucket)
    try:
        data: Received = slice_to_disk(source.path, (start, end), scratch, upload.algorithm)
        part = Uploads(store).add(ask.bucket, upload, _number(ask), data)
    finally:
        scratch.unlink(missing_ok=True)
    stamp: xml.Children = [("LastModified", xml.instant(part.modified)), ("ETag", f'"{part.etag}"')]
    return reply(xml.render("CopyPartResult", [*stamp, *xml.sums(part.checksums)]), encryption(upload.about))


def complete(store: ObjectStore, ask: Ask) -> Reply:
    """Create the object from its parts, of at least 5 MB except the last. May be repeated with the same parts."""
    listed = xml.parse(ask.body, "CompleteMultipartUpload").findall("Part")
    try:
        parts = [_wanted(one) for one in listed]
    except ValueError:
        raise xml.malformed() from None
    if not parts:
        raise xml.malformed()
    uploads, upload_id = Uploads(store), ask.query.get("uploadId", "")
    done = uploads.completed(ask.bucket, upload_id, ask.key, parts)
    if done is None:
        done = uploads.complete(
            ask.bucket, _upload(store, ask), _order(ask, parts), partial(check_conditions, store, ask)
        )
    children: xml.Children = [
        ("Location", f"/{ask.bucket}/{ask.key}"),
        ("Bucket", ask.bucket),
        ("Key", ask.key),
        ("ETag", f'"{done.etag}"'),
        *xml.sums(done.about.checksums),
    ]
    return reply(xml.render("CompleteMultipartUploadResult", children), encryption(done.about))


def _wanted(one: ET.Element) -> Wanted:
    sums = {name: text for name in ALGORITHMS if (text := xml.text_of(one, f"Checksum{name.upper()}"))}
    return Wanted(int(xml.text_of(one, "PartNumber")), xml.text_of(one, "ETag").strip().strip('"'), sums)


def _order(ask: Ask, parts: list[Wanted]) -> Order:
    """Checksums and size of the whole object, as sent by the caller."""
    sums = {name: ask.headers[HEADER + name] for name in ALGORITHMS if HEADER + name in ask.headers}
    size = ask.headers.get("x-amz-mp-object-size")
    if size is not None and not (size.isascii() and size.isdigit() and len(size) <= 15):
        raise invalid("x-amz-mp-object-size", size, "Value for x-amz-mp-object-size header is invalid.")
    return Order(parts, sums, ask.headers.get("x-amz-checksum-type", "").upper(), None if size is None else int(size))


def abort(store: ObjectStore, ask: Ask) -> Reply:
    """Delete an upload and its parts."""
    Uploads(store).abort(ask.bucket, _upload(store, ask))
    return Reply(204)


def list_parts(store: ObjectStore, ask: Ask) -> Reply:
    """List parts by number, in pages."""
    upload = _upload(store, ask)
    limit, after = ask.count("max-parts", MAX_KEYS, MAX_KEYS), ask.count("part-number-marker", 0, MAX_PART)
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
        ("StorageClass", _class(upload)),
    ]
    return reply(xml.render("ListPartsResult", children))


def list_uploads(store: ObjectStore, ask: Ask) -> Reply:
    """List uploads in progress by key and start time; with a delimiter, grouped by common prefix."""
    code, prefix, delimiter = xml.coder(ask.query), ask.query.get("prefix", ""), ask.query.get("delimiter", "")
    limit = ask.count("max-uploads", MAX_KEYS, MAX_KEYS)
    after, after_id = ask.query.get("key-marker", ""), ask.query.get("upload-id-marker", "")
    found = [upload for upload in Uploads(store).all(ask.bucket) if upload.key.startswith(prefix)]
    ids = [upload.id for upload in found if upload.key == after]
    passed = set(ids[: ids.index(after_id) + 1] if after_id in ids else ids)
    folder = after if delimiter and after.endswith(delimiter) and after != prefix else None
    rest = [
        upload
        for upload in found
        if upload.key >= after and upload.id not in passed and not (folder and upload.key.startswith(folder))
    ]
    shown = _grouped(rest, prefix, delimiter)
    more, shown = len(shown) > limit > 0, shown[:limit]
    last = shown[-1] if shown else None
    marker = last if isinstance(last, str) else last.key if last else ""
    children: xml.Children = [
        ("Bucket", ask.bucket),
        ("KeyMarker", code(after)),
        ("UploadIdMarker", after_id),
        *([("NextKeyMarker", code(marker))] if more else []),
        *([("NextUploadIdMarker", last.id)] if more and isinstance(last, Upload) else []),
        ("Prefix", code(prefix)),
        *([("Delimiter", code(delimiter))] if delimiter else []),
        ("MaxUploads", limit),
        *code.note,
        ("IsTruncated", more),
        *[("Upload", _begun(one, code)) for one in shown if isinstance(one, Upload)],
        *[("CommonPrefixes", [("Prefix", code(one))]) for one in shown if isinstance(one, str)],
    ]
    return reply(xml.render("ListMultipartUploadsResult", children))


def _grouped(uploads: list[Upload], prefix: str, delimiter: str) -> list[Upload | str]:
    """Group uploads whose keys have the delimiter after the prefix into their common prefix."""
    found: list[Upload | str] = []
    for upload in uploads:
        at = upload.key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            found.append(upload)
        elif (common := upload.key[: at + len(delimiter)]) not in found[-1:]:
            found.append(common)
    return found


def _upload(store: ObjectStore, ask: Ask) -> Upload:
    return Uploads(store).get(ask.bucket, ask.query.get("uploadId", ""), ask.key)


def _number(ask: Ask) -> int:
    return ask.number("partNumber", 0)


def _begun(upload: Upload, code: xml.Coder) -> xml.Children:
    return [
        ("Key", code(upload.key)),
        ("UploadId", upload.id),
        xml.owner("Initiator"),
        xml.owner(),
        ("StorageClass", _class(upload)),
        ("Initiated", xml.instant(upload.begun)),
        *([("ChecksumAlgorithm", upload.algorithm.upper())] if upload.algorithm else []),
        *([("ChecksumType", upload.kind)] if upload.kind else []),
    ]


def _class(upload: Upload) -> str:
    return upload.about.headers.get(CLASS, "STANDARD")


def _facts(part: Part) -> xml.Children:
    return [
        ("PartNumber", part.number),
        ("LastModified", xml.instant(part.modified)),
        ("ETag", f'"{part.etag}"'),
        ("Size", part.size),
        *xml.sums(part.checksums),
    ]

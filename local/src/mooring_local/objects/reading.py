"""S3's GetObject and HeadObject: ranges, parts, conditions, headers."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from mooring_local.objects.checksums import HEADER
from mooring_local.objects.entry import Entry
from mooring_local.objects.exchange import Ask, Reply, Slice, invalid
from mooring_local.objects.kept import ARCHIVED, shown
from mooring_local.objects.parts import part_of
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.faults import Fault

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_VERSION = re.compile(r"[A-Za-z0-9._-]{32}")
"""The format of S3's version IDs."""
_OVERRIDES = ("content-type", "content-disposition", "content-encoding", "content-language", "cache-control", "expires")


def get_object(store: ObjectStore, ask: Ask) -> Reply:
    """Return an object, or a range or part of it, with the four conditions (304, 412, 416). Archived objects fail."""
    entry = existing(store, ask.bucket, ask.key, ask.query.get("versionId"))
    if entry.storage_class in ARCHIVED and ask.method == "GET":
        members = {"StorageClass": entry.storage_class}
        raise Fault("InvalidObjectState", "The operation is not valid for the object's storage class", 403, members)
    if unchanged(entry, ask.headers):
        return Reply(304, {"ETag": f'"{entry.etag}"', "Last-Modified": http_date(entry.modified)})
    headers, sums = _headers(entry, ask), entry.about.checksums
    span = _ranged(entry, ask)
    if "partNumber" in ask.query:
        part = part_of(entry, ask)
        span, sums = part.span, part.checksums
        headers |= part.headers
    elif span is not None:
        sums = {}  # the checksum of the whole object does not match a part
    if ask.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= {HEADER + name: value for name, value in sums.items()}
    if span is None:
        headers["Content-Length"] = str(entry.size)
        return Reply(200, headers, Slice(entry.path, entry.modified, 0, entry.size))
    start, end = span
    headers |= {"Content-Range": f"bytes {start}-{end - 1}/{entry.size}", "Content-Length": str(end - start)}
    return Reply(206, headers, Slice(entry.path, entry.modified, start, end - start))


def head_object(store: ObjectStore, ask: Ask) -> Reply:
    """Return what GetObject does, without the data."""
    return replace(get_object(store, ask), body=b"")


def existing(store: ObjectStore, bucket: str, key: str, version: str | None = None) -> Entry:
    """The object. Raises NoSuchBucket, NoSuchKey, or NoSuchVersion for any version but `null`."""
    store.bucket(bucket)
    if not is_current(version):
        members = {"Key": key, "VersionId": str(version)}
        raise Fault("NoSuchVersion", "The specified version does not exist.", 404, members)
    entry = store.get(bucket, key)
    if entry is None:
        raise Fault("NoSuchKey", "The specified key does not exist.", 404, {"Key": key})
    return entry


def is_current(version: str | None) -> bool:
    """Whether a `versionId` selects the object's single version. Raises InvalidArgument if it is malformed."""
    if version == "":
        raise invalid("versionId", "", "Version id cannot be the empty string")
    if version in (None, "null"):
        return True
    if _VERSION.fullmatch(str(version)) is None:
        raise invalid("versionId", str(version), "Invalid version id specified")
    return False


def unchanged(entry: Entry, headers: Mapping[str, str], prefix: str = "") -> bool:
    """Whether conditions (RFC 9110 §13.2.2) lead to 304 Not Modified. Raises PreconditionFailed.

    `prefix`: of the header names, as in conditions on a copy's source.
    """
    match, no_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
    since, not_since = headers.get(f"{prefix}if-modified-since"), headers.get(f"{prefix}if-unmodified-since")
    if match is not None:
        if not _matches(entry.etag, match):
            raise failed("If-Match")
    elif not_since is not None and _later(entry, not_since):
        raise failed("If-Unmodified-Since")
    if no_match is not None:
        return _matches(entry.etag, no_match)
    return since is not None and not _later(entry, since)


def failed(condition: str) -> Fault:
    """PreconditionFailed."""
    message = "At least one of the pre-conditions you specified did not hold"
    return Fault("PreconditionFailed", message, 412, {"Condition": condition})


def http_date(seconds: float) -> str:
    """Epoch seconds as an HTTP date."""
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC), usegmt=True)


def copy_span(text: str, size: int) -> tuple[int, int]:
    """Start and end (exclusive) of x-amz-copy-source-range; the whole object if "". Raises InvalidArgument."""
    if not text:
        return 0, size
    found = _RANGE.fullmatch(text.strip())
    if found is None or not all(found.groups()):
        message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the"
        said = f"{message} zero-based offsets of the first and last bytes to copy"
        raise invalid("x-amz-copy-source-range", text, said)
    start, last = int(found.group(1)), int(found.group(2))
    if start > last or last >= size:
        said = f"Range specified is not valid for source object of size: {size}"
        raise invalid("x-amz-copy-source-range", text, said)
    return start, last + 1


def _headers(entry: Entry, ask: Ask) -> dict[str, str]:
    headers = {
        "ETag": f'"{entry.etag}"',
        "Last-Modified": http_date(entry.modified),
        "Accept-Ranges": "bytes",
        "Content-Type": entry.content_type,
        **shown(entry.about),
        **{f"x-amz-meta-{name}": value for name, value in entry.metadata.items()},
    }
    if ask.headers.get("sec-fetch-mode") == "navigate":
        # Browsers display it: sandbox HTML objects, because our own page has the same origin.
        headers["Content-Security-Policy"] = "sandbox"
    for name in _OVERRIDES:
        if (value := ask.query.get(f"response-{name}")) is not None:
            headers = {other: kept for other, kept in headers.items() if other.lower() != name} | {name: value}
    return headers


def _ranged(entry: Entry, ask: Ask) -> tuple[int, int] | None:
    """Start and end (exclusive) of the requested range. None: the whole object, also if If-Range does not match."""
    text = ask.headers.get("range", "")
    if text and "partNumber" in ask.query:
        message = "Cannot specify both Range header and partNumber query parameter"
        raise Fault("InvalidRequest", message)
    since = ask.headers.get("if-range", "")
    as_of_then = not since or _matches(entry.etag, since) or since == http_date(entry.modified)
    return _span(text, entry.size) if as_of_then else None


def _span(text: str, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive). None: the whole object, as for an unparsable range. Raises InvalidRange."""
    found = _RANGE.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if first and last and int(first) > int(last):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= size or (not first and int(last) == 0):
        members = {"RangeRequested": text, "ActualObjectSize": str(size)}
        raise Fault("InvalidRange", "The requested range is not satisfiable", 416, members)
    return start, end


def _matches(etag: str, text: str) -> bool:
    return text.strip() == "*" or etag in {one.strip().removeprefix("W/").strip('"') for one in text.split(",")}


def _later(entry: Entry, date: str) -> bool:
    """Whether it was modified after an HTTP date; an invalid date is ignored."""
    try:
        return int(entry.modified) > parsedate_to_datetime(date).timestamp()
    except ValueError:
        return False

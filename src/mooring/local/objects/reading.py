"""S3's GetObject and HeadObject: ranges, conditions, headers. In the table of `api.py`."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from mooring.local.objects import xml
from mooring.local.objects.checksums import HEADER
from mooring.local.objects.entry import Entry
from mooring.local.objects.exchange import Ask, Reply, Slice
from mooring.local.objects.store import ObjectStore
from mooring.local.wire.faults import Fault

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_OVERRIDES = ("content-type", "content-disposition", "content-encoding", "content-language", "cache-control", "expires")


def get_object(store: ObjectStore, ask: Ask) -> Reply:
    """Whole or one range of it, with the four conditions (304, 412, 416)."""
    entry = existing(store, ask.bucket, ask.key, ask.query.get("versionId", ""))
    if unchanged(entry, ask.headers):
        return Reply(304, {"ETag": f'"{entry.etag}"', "Last-Modified": http_date(entry.modified)})
    headers = _headers(entry, ask)
    span = _span(ask.headers.get("range", ""), entry.size)
    if span is None:
        headers["Content-Length"] = str(entry.size)
        return Reply(200, headers, Slice(entry.path, entry.modified, 0, entry.size))
    start, end = span
    headers |= {"Content-Range": f"bytes {start}-{end - 1}/{entry.size}", "Content-Length": str(end - start)}
    # A checksum of the whole would not fit a part of it.
    part = {name: value for name, value in headers.items() if not name.startswith(HEADER)}
    return Reply(206, part, Slice(entry.path, entry.modified, start, end - start))


def head_object(store: ObjectStore, ask: Ask) -> Reply:
    """As GetObject, without the data."""
    return replace(get_object(store, ask), body=b"")


def get_attributes(store: ObjectStore, ask: Ask) -> Reply:
    """Those that the caller names, but for parts: nobody knows them any more."""
    entry = existing(store, ask.bucket, ask.key, ask.query.get("versionId", ""))
    wanted = {name.strip() for name in ask.headers.get("x-amz-object-attributes", "").split(",")}
    sums = entry.about.checksums
    checksum = [(f"Checksum{name.upper()}", value) for name, value in sums.items() if name != "type"]
    kind = [("ChecksumType", sums["type"])] if "type" in sums else []
    facts: xml.Children = [
        ("ETag", entry.etag),
        *([("Checksum", [*checksum, *kind])] if checksum else []),
        ("StorageClass", "STANDARD"),
        ("ObjectSize", entry.size),
    ]
    body = xml.render("GetObjectAttributesResponse", [one for one in facts if one[0] in wanted])
    return Reply(200, {"Content-Type": "application/xml", "Last-Modified": http_date(entry.modified)}, body)


def existing(store: ObjectStore, bucket: str, key: str, version: str = "") -> Entry:
    """Raises NoSuchBucket, NoSuchKey, or NoSuchVersion for any version but `null`."""
    store.bucket(bucket)
    if version not in ("", "null"):
        members = {"Key": key, "VersionId": version}
        raise Fault("NoSuchVersion", "The specified version does not exist.", 404, members)
    entry = store.get(bucket, key)
    if entry is None:
        raise Fault("NoSuchKey", "The specified key does not exist.", 404, {"Key": key})
    return entry


def unchanged(entry: Entry, headers: Mapping[str, str], prefix: str = "") -> bool:
    """Whether the caller's conditions (RFC 9110 §13.2.2) say that it has it already. Raises PreconditionFailed.

    `prefix` of their names: a copy has them of its source.
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
    """Epoch seconds as headers have them."""
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC), usegmt=True)


def copy_span(text: str, size: int) -> tuple[int, int]:
    """Start and end (exclusive) of x-amz-copy-source-range, all if it is "". Raises InvalidArgument."""
    if not text:
        return 0, size
    found = _RANGE.fullmatch(text.strip())
    if found is None or not all(found.groups()):
        message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the"
        raise Fault("InvalidArgument", f"{message} zero-based offsets of the first and last bytes to copy")
    start, last = int(found.group(1)), int(found.group(2))
    if start > last or last >= size:
        message = f"Range specified is not valid for source object of size: {size}"
        raise Fault("InvalidArgument", message)
    return start, last + 1


def _headers(entry: Entry, ask: Ask) -> dict[str, str]:
    headers = {
        "ETag": f'"{entry.etag}"',
        "Last-Modified": http_date(entry.modified),
        "Accept-Ranges": "bytes",
        "Content-Type": entry.content_type,
        **{name.title(): value for name, value in entry.about.headers.items()},
        **{f"x-amz-meta-{name}": value for name, value in entry.metadata.items()},
    }
    if ask.headers.get("sec-fetch-mode") == "navigate":
        # A browser shows it: an object that is a page gets no scripts and no origin, which is that of our own page.
        headers["Content-Security-Policy"] = "sandbox"
    if ask.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= {HEADER + name: value for name, value in entry.about.checksums.items()}
    for name in _OVERRIDES:
        if (value := ask.query.get(f"response-{name}")) is not None:
            headers[name.title()] = value
    return headers


def _span(text: str, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive). None: all of it, as for what is no range at all. Raises InvalidRange."""
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
    """Whether it was modified after an HTTP date; a date that is none is ignored."""
    try:
        return int(entry.modified) > parsedate_to_datetime(date).timestamp()
    except ValueError:
        return False

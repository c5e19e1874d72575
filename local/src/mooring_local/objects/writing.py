"""S3's PutObject and CopyObject."""

import shutil
from functools import partial
from pathlib import Path

from mooring_local.arguments.s3 import unsupported
from mooring_local.objects import xml
from mooring_local.objects.checksums import HEADER, named, of_file
from mooring_local.objects.entry import OCTETS, About, Entry
from mooring_local.objects.exchange import Ask, Received, Reply, decoded, invalid
from mooring_local.objects.exchange import xml as reply
from mooring_local.objects.kept import ARCHIVED, CLASS, REDIRECT, SSE, encryption, kept_of
from mooring_local.objects.reading import existing, failed, unchanged
from mooring_local.objects.store import ObjectStore
from mooring_local.objects.tagging import of_header
from mooring_local.wire.call import ACCOUNT
from mooring_local.wire.faults import Fault

_SYSTEM = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
_MAX_METADATA = 2048


def put_object(store: ObjectStore, ask: Ask) -> Reply:
    """Store an object; `If-None-Match: *` requires that it is new, `If-Match` that it has that ETag."""
    received = taken(ask)
    checksums = {**received.checksums, **({"type": "FULL_OBJECT"} if received.checksums else {})}
    about = about_of(ask, checksums, received.md5.hex())
    entry = store.keep(ask.bucket, ask.key, received.path, about, partial(check_conditions, store, ask))
    sums = {HEADER + name: value for name, value in checksums.items()}
    return Reply(200, {"ETag": f'"{entry.etag}"', **sums, **encryption(about)})


def copy_object(store: ObjectStore, ask: Ask) -> Reply:
    """Copy an object; copies or replaces metadata and tags, and sets storage class and encryption as requested."""
    source = copied(store, ask)
    replaces = _directive(ask, "metadata") == "REPLACE"
    changed = replaces or any(name in ask.headers for name in (CLASS, REDIRECT, SSE))
    if (source.bucket, source.key) == (ask.bucket, ask.key) and not changed:
        message = (
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
        raise Fault("InvalidRequest", message)
    scratch = store.scratch(ask.bucket)
    try:
        shutil.copyfile(source.path, scratch)
        about = _about_of_copy(ask, source, scratch, replaces)
        entry = store.keep(ask.bucket, ask.key, scratch, about, partial(check_conditions, store, ask))
    finally:
        scratch.unlink(missing_ok=True)
    children = [("LastModified", xml.instant(entry.modified)), ("ETag", f'"{entry.etag}"'), *xml.sums(about.checksums)]
    return reply(xml.render("CopyObjectResult", children), encryption(about))


def _about_of_copy(ask: Ask, source: Entry, data: Path, replaces: bool) -> About:
    """Attributes of a copy. Its checksum is over its data, even if the source's is over parts."""
    new, old = about_of(ask, {}), source.about
    there = next((name for name in old.checksums if name != "type"), "")
    algorithm = named(ask.headers.get("x-amz-checksum-algorithm", "")) or there
    whole = algorithm == there and old.checksums.get("type", "FULL_OBJECT") == "FULL_OBJECT"
    value = old.checksums[algorithm] if algorithm and whole else of_file(algorithm, data) if algorithm else ""
    system = {name: old.headers[name] for name in _SYSTEM if name in old.headers}
    kept = {name: value for name, value in new.headers.items() if name not in _SYSTEM}
    return About(
        content_type=new.content_type if replaces else old.content_type,
        metadata=new.metadata if replaces else old.metadata,
        headers=new.headers if replaces else {**kept, **system},
        checksums={algorithm: value, "type": "FULL_OBJECT"} if algorithm else {},
        tags=new.tags if _directive(ask, "tagging") == "REPLACE" else old.tags,
    )


def _directive(ask: Ask, noun: str) -> str:
    """COPY or REPLACE."""
    header = f"x-amz-{noun}-directive"
    value = ask.headers.get(header, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise invalid(header, value, f"Unknown {noun} directive.")
    return value


def about_of(ask: Ask, checksums: dict[str, str], etag: str = "") -> About:
    """Object attributes in a request. Raises MetadataTooLarge, and what `kept_of` and `of_header` raise."""
    metadata = ask.prefixed("x-amz-meta-")
    size = sum(len(name) + len(value.encode()) for name, value in metadata.items())
    if size > _MAX_METADATA:
        members = {"Size": str(size), "MaxSizeAllowed": str(_MAX_METADATA)}
        raise Fault("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", 400, members)
    headers = {name: ask.headers[name] for name in _SYSTEM if name in ask.headers}
    # The transfer encoding has been decoded.
    codings = [one.strip() for one in headers.pop("content-encoding", "").split(",")]
    if kept := ",".join(one for one in codings if one and one != "aws-chunked"):
        headers["content-encoding"] = kept
    return About(
        content_type=ask.headers.get("content-type") or OCTETS,
        metadata=metadata,
        headers={**headers, **kept_of(ask.headers)},
        checksums=checksums,
        etag=etag,
        tags=of_header(ask.headers.get("x-amz-tagging", "")),
    )


def check_conditions(store: ObjectStore, ask: Ask) -> None:
    """Check the conditions of a write: If-None-Match (only `*`), If-Match. Raises PreconditionFailed or NoSuchKey."""
    unless = ask.headers.get("if-none-match")
    if unless not in (None, "*"):
        raise unsupported("the header If-None-Match of a write", str(unless), {"Header": "If-None-Match"})
    if unless is not None and store.get(ask.bucket, ask.key) is not None:
        raise failed("If-None-Match")
    if "if-match" in ask.headers:
        unchanged(existing(store, ask.bucket, ask.key), {"if-match": ask.headers["if-match"]})


def copied(store: ObjectStore, ask: Ask) -> Entry:
    """The object named by x-amz-copy-source. Raises NoSuchBucket, NoSuchKey, PreconditionFailed, InvalidArgument."""
    if ask.headers.get("x-amz-source-expected-bucket-owner", ACCOUNT) != ACCOUNT:
        raise Fault("AccessDenied", "Access Denied", 403)
    name, asks, version = ask.headers["x-amz-copy-source"].partition("?versionId=")
    bucket, _, key = decoded(name).removeprefix("/").partition("/")
    if not bucket or not key:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise invalid("x-amz-copy-source", name, message)
    entry = existing(store, bucket, key, version if asks else None)
    if entry.storage_class in ARCHIVED:
        message = "The source object of the COPY action is not in the active tier and is only stored in Amazon Glacier."
        raise Fault("ObjectNotInActiveTierError", message, 403)
    if unchanged(entry, ask.headers, "x-amz-copy-source-"):
        raise failed("x-amz-copy-source-if-none-match")
    return entry


def taken(ask: Ask) -> Received:
    """The streamed body of a request."""
    if ask.received is None:
        raise AssertionError("This is a bug: the route of this operation does not set `streams`.")
    return ask.received

"""S3's PutObject, CopyObject, DeleteObject and DeleteObjects. In the table of `api.py`."""

import shutil
from dataclasses import replace
from functools import partial

from mooring.local.objects import xml
from mooring.local.objects.checksums import HEADER
from mooring.local.objects.entry import OCTETS, About, Entry
from mooring.local.objects.exchange import Ask, Received, Reply, decoded
from mooring.local.objects.exchange import xml as reply
from mooring.local.objects.reading import existing, failed, unchanged
from mooring.local.objects.store import ObjectStore
from mooring.local.wire.faults import Fault

_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
_MAX_METADATA = 2048
_MAX_DELETED = 1000


def put_object(store: ObjectStore, ask: Ask) -> Reply:
    """A file; with `If-None-Match: *` only if there is none, with `If-Match` only over that one."""
    received = taken(ask)
    checksums = {**received.checksums, **({"type": "FULL_OBJECT"} if received.checksums else {})}
    about = about_of(ask, checksums, received.md5.hex())
    entry = store.keep(ask.bucket, ask.key, received.path, about, partial(check_conditions, store, ask))
    return Reply(200, {"ETag": f'"{entry.etag}"', **{HEADER + name: value for name, value in checksums.items()}})


def copy_object(store: ObjectStore, ask: Ask) -> Reply:
    """Within a bucket or to another; metadata copied or replaced."""
    source = copied(store, ask)
    replaced = ask.headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    if (source.bucket, source.key) == (ask.bucket, ask.key) and not replaced:
        message = (
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
        raise Fault("InvalidRequest", message)
    about = about_of(ask, dict(source.about.checksums)) if replaced else replace(source.about, etag="")
    scratch = store.scratch(ask.bucket)
    try:
        shutil.copyfile(source.path, scratch)
        entry = store.keep(ask.bucket, ask.key, scratch, about, partial(check_conditions, store, ask))
    finally:
        scratch.unlink(missing_ok=True)
    children = [("LastModified", xml.instant(entry.modified)), ("ETag", f'"{entry.etag}"')]
    return reply(xml.render("CopyObjectResult", children))


def delete_object(store: ObjectStore, ask: Ask) -> Reply:
    """One that is not there is no error."""
    store.delete(ask.bucket, ask.key)
    return Reply(204)


def delete_objects(store: ObjectStore, ask: Ask) -> Reply:
    """Up to 1000 at a time."""
    root = xml.parse(ask.body, "Delete")
    keys = [xml.text_of(one, "Key") for one in root.findall("Object")]
    if not keys or len(keys) > _MAX_DELETED or "" in keys:
        raise xml.malformed()
    store.folder(ask.bucket)
    for key in keys:
        store.delete(ask.bucket, key)
    quiet = xml.text_of(root, "Quiet") == "true"
    return reply(xml.render("DeleteResult", [] if quiet else [("Deleted", [("Key", key)]) for key in keys]))


def about_of(ask: Ask, checksums: dict[str, str], etag: str = "") -> About:
    """What a request says of the object it puts. Raises MetadataTooLarge."""
    metadata = ask.prefixed("x-amz-meta-")
    size = sum(len(name) + len(value.encode()) for name, value in metadata.items())
    if size > _MAX_METADATA:
        members = {"Size": str(size), "MaxSizeAllowed": str(_MAX_METADATA)}
        raise Fault("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", 400, members)
    headers = {name: ask.headers[name] for name in _KEPT if name in ask.headers}
    # The transfer's own coding is off again.
    codings = [one.strip() for one in headers.pop("content-encoding", "").split(",")]
    if kept := ",".join(one for one in codings if one and one != "aws-chunked"):
        headers["content-encoding"] = kept
    return About(ask.headers.get("content-type") or OCTETS, metadata, headers, checksums, etag)


def check_conditions(store: ObjectStore, ask: Ask) -> None:
    """Of a write: If-None-Match and If-Match. Raises PreconditionFailed or NoSuchKey."""
    if ask.headers.get("if-none-match", "") == "*" and store.get(ask.bucket, ask.key) is not None:
        raise failed("If-None-Match")
    if "if-match" in ask.headers:
        unchanged(existing(store, ask.bucket, ask.key), {"if-match": ask.headers["if-match"]})


def copied(store: ObjectStore, ask: Ask) -> Entry:
    """The object named by x-amz-copy-source. Raises NoSuchBucket, NoSuchKey, PreconditionFailed, InvalidArgument."""
    name, _, version = ask.headers["x-amz-copy-source"].partition("?versionId=")
    bucket, _, key = decoded(name).removeprefix("/").partition("/")
    if not bucket or not key:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise Fault("InvalidArgument", message, 400, {"ArgumentName": "x-amz-copy-source", "ArgumentValue": name})
    entry = existing(store, bucket, key, version)
    if unchanged(entry, ask.headers, "x-amz-copy-source-"):
        raise failed("x-amz-copy-source-if-none-match")
    return entry


def taken(ask: Ask) -> Received:
    """The streamed body of an operation that has one."""
    if ask.received is None:
        raise AssertionError("This is a bug: the operation is not in the table of those with a body on disk.")
    return ask.received

"""S3's DeleteObject and DeleteObjects.

There are no versions: each object has the single version `null`. A request with another version, or with a failed
condition, deletes nothing.
"""

from functools import partial
from xml.etree import ElementTree as ET

from mooring_local.objects import xml
from mooring_local.objects.checksums import check_body
from mooring_local.objects.exchange import Ask, Reply
from mooring_local.objects.exchange import xml as reply
from mooring_local.objects.keys import check_key
from mooring_local.objects.reading import existing, is_current, unchanged
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.faults import Fault

MOST = 1000


def delete_object(store: ObjectStore, ask: Ask) -> Reply:
    """Delete an object or its version `null`, with `If-Match` as condition. A missing object is not an error."""
    version, etag = ask.query.get("versionId"), ask.headers.get("if-match")
    store.folder(ask.bucket)
    if is_current(version):
        store.delete(ask.bucket, ask.key, partial(_check, store, ask.bucket, ask.key, etag))
    return Reply(204, {"x-amz-version-id": version} if version is not None else {})


def delete_objects(store: ObjectStore, ask: Ask) -> Reply:
    """Delete up to 1000 objects, each with an optional version or ETag."""
    root = xml.parse(ask.body, "Delete")
    check_body(ask.body, ask.headers)
    objects = root.findall("Object")
    if not 1 <= len(objects) <= MOST or any(not xml.text_of(one, "Key") for one in objects):
        raise xml.malformed()
    store.folder(ask.bucket)
    outcomes = [_delete(store, ask.bucket, one) for one in objects]
    quiet = xml.text_of(root, "Quiet") == "true"
    return reply(xml.render("DeleteResult", [one for one in outcomes if one[0] == "Error" or not quiet]))


def _delete(store: ObjectStore, bucket: str, one: ET.Element) -> tuple[str, xml.Value]:
    key, version, etag = xml.text_of(one, "Key"), one.findtext("VersionId"), one.findtext("ETag")
    named = [("Key", key), *([("VersionId", version)] if version is not None else [])]
    try:
        check_key(key)
        if version not in (None, "null"):
            raise Fault("NoSuchVersion", "The specified version does not exist.", 404)
        store.delete(bucket, key, partial(_check, store, bucket, key, etag))
    except Fault as fault:
        return "Error", [*named, ("Code", fault.code), ("Message", fault.message)]
    return "Deleted", named


def _check(store: ObjectStore, bucket: str, key: str, etag: str | None) -> None:
    """Raises PreconditionFailed, or NoSuchKey for a condition on a missing object."""
    if etag is not None:
        unchanged(existing(store, bucket, key), {"if-match": etag})

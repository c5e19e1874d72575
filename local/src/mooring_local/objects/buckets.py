"""S3's operations on buckets, including listings."""

import base64
import binascii
import re

from mooring_local.objects import xml
from mooring_local.objects.entry import Entry
from mooring_local.objects.exchange import Ask, Reply, invalid
from mooring_local.objects.exchange import xml as reply
from mooring_local.objects.listing import MAX_KEYS, Page, page
from mooring_local.objects.signed import DEFAULT_REGION
from mooring_local.objects.store import ObjectStore
from mooring_local.objects.tagging import MOST_OF_BUCKET, of_body
from mooring_local.wire.faults import Fault

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")


def list_buckets(store: ObjectStore, ask: Ask) -> Reply:
    """List buckets, in pages if `max-buckets` is given; a folder made by hand is a bucket, too."""
    limit = ask.count("max-buckets", 10_000, 10_000)
    start, prefix = _untoken(ask.query.get("continuation-token", "")), ask.query.get("prefix", "")
    region = ask.query.get("bucket-region", "")
    names = [
        one
        for one in store.buckets()
        if one.name.startswith(prefix) and one.name > start and region in ("", one.region)
    ]
    shown = [[("Name", b.name), ("CreationDate", xml.instant(b.created)), ("BucketRegion", b.region)] for b in names]
    children: list[tuple[str, xml.Value]] = [
        xml.owner(),
        ("Buckets", [("Bucket", bucket) for bucket in shown[:limit]]),
    ]
    if len(names) > limit > 0:
        children.append(("ContinuationToken", _token(names[limit - 1].name)))
    if prefix:
        children.append(("Prefix", prefix))
    return reply(xml.render("ListAllMyBucketsResult", children))


def create_bucket(store: ObjectStore, ask: Ask) -> Reply:
    """Create a bucket; as on AWS, its location constraint must match the caller's region."""
    wanted, tags = None, {}
    if ask.body.strip():
        wanted = xml.parse(ask.body, "CreateBucketConfiguration").findtext("LocationConstraint")
        tags = of_body(ask.body, "CreateBucketConfiguration", MOST_OF_BUCKET)
    region = _region(ask, wanted)
    try:
        store.create_bucket(ask.bucket, region, tags)
    except Fault as fault:
        # Only this region behaves so, for historical reasons.
        same = fault.code == "BucketAlreadyOwnedByYou" and store.bucket(ask.bucket).region == DEFAULT_REGION
        if not (same and ask.region == region == DEFAULT_REGION):
            raise
    return Reply(200, {"Location": f"/{ask.bucket}"})


def _region(ask: Ask, wanted: str | None) -> str:
    """A new bucket's region. Raises InvalidLocationConstraint, IllegalLocationConstraintException or MalformedXML."""
    if wanted == "":
        raise xml.malformed()
    constraint = {None: DEFAULT_REGION, "EU": "eu-west-1"}.get(wanted, str(wanted))
    elsewhere = constraint != ask.region
    if ask.region != DEFAULT_REGION and elsewhere:
        said = f"The {wanted or 'unspecified'} location constraint is incompatible for the region specific endpoint"
        raise Fault("IllegalLocationConstraintException", f"{said} this request was sent to.")
    if wanted is not None and (constraint == DEFAULT_REGION or not _REGION.fullmatch(constraint)):
        members = {"LocationConstraint": wanted}
        raise Fault("InvalidLocationConstraint", "The specified location-constraint is not valid", 400, members)
    return constraint


def delete_bucket(store: ObjectStore, ask: Ask) -> Reply:
    """Delete an empty bucket and its incomplete uploads."""
    store.delete_bucket(ask.bucket)
    return Reply(204)


def head_bucket(store: ObjectStore, ask: Ask) -> Reply:
    """Return the region of an existing bucket."""
    return Reply(200, {"x-amz-bucket-region": store.bucket(ask.bucket).region, "Content-Type": "application/xml"})


def location(store: ObjectStore, ask: Ask) -> Reply:
    """Return the region; empty for us-east-1."""
    region = store.bucket(ask.bucket).region
    text = "" if region == DEFAULT_REGION else region
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="{xml.NAMESPACE}">{text}'
    return reply(f"{body}</LocationConstraint>".encode())


def list_objects(store: ObjectStore, ask: Ask) -> Reply:
    """List objects (version 1) by prefix, delimiter and marker, up to 1000 per page."""
    code = xml.coder(ask.query)
    marker, delimiter = ask.query.get("marker", ""), ask.query.get("delimiter", "")
    limit, found = _page(store, ask, marker)
    children: xml.Children = [
        ("Name", ask.bucket),
        ("Prefix", code(ask.query.get("prefix", ""))),
        ("Marker", code(marker)),
        ("MaxKeys", limit),
        *([("Delimiter", code(delimiter))] if delimiter else []),
        *code.note,
        ("IsTruncated", found.truncated),
        *([("NextMarker", code(found.last))] if found.truncated and delimiter else []),
        *_contents(store, ask, found, owned=True),
    ]
    return reply(xml.render("ListBucketResult", children))


def list_objects_v2(store: ObjectStore, ask: Ask) -> Reply:
    """List objects (version 2) by prefix, delimiter and token, up to 1000 per page."""
    # A continuation token is the last item of the previous page, in base64.
    code = xml.coder(ask.query)
    token, delimiter = ask.query.get("continuation-token"), ask.query.get("delimiter", "")
    start = ask.query.get("start-after", "")
    if token == "":
        raise invalid("continuation-token", token, "The continuation token provided is incorrect")
    limit, found = _page(store, ask, _untoken(token) if token else start)
    children: xml.Children = [
        ("Name", ask.bucket),
        ("Prefix", code(ask.query.get("prefix", ""))),
        *([("StartAfter", code(start))] if start and not token else []),
        *([("ContinuationToken", token)] if token else []),
        ("KeyCount", len(found.keys) + len(found.prefixes)),
        ("MaxKeys", limit),
        *([("Delimiter", code(delimiter))] if delimiter else []),
        *code.note,
        ("IsTruncated", found.truncated),
        *([("NextContinuationToken", _token(found.last))] if found.truncated else []),
        *_contents(store, ask, found, owned=ask.query.get("fetch-owner") == "true"),
    ]
    return reply(xml.render("ListBucketResult", children))


def list_versions(store: ObjectStore, ask: Ask) -> Reply:
    """List object versions: every object has the single version `null`."""
    code = xml.coder(ask.query)
    marker, delimiter = ask.query.get("key-marker", ""), ask.query.get("delimiter", "")
    version = ask.query.get("version-id-marker")
    if version is not None and not (version and marker):
        said = "cannot be empty." if marker else "cannot be specified without a key marker."
        raise invalid("version-id-marker", version, f"A version-id marker {said}")
    limit, found = _page(store, ask, marker)
    entries = [entry for key in found.keys if (entry := store.get(ask.bucket, key))]
    children: xml.Children = [
        ("Name", ask.bucket),
        ("Prefix", code(ask.query.get("prefix", ""))),
        ("KeyMarker", code(marker)),
        ("VersionIdMarker", version or ""),
        ("MaxKeys", limit),
        *([("Delimiter", code(delimiter))] if delimiter else []),
        *code.note,
        ("IsTruncated", found.truncated),
        *([("NextKeyMarker", code(found.last)), ("NextVersionIdMarker", "null")] if found.truncated else []),
        *[("Version", [*_facts(e, code), ("VersionId", "null"), ("IsLatest", True), xml.owner()]) for e in entries],
        *[("CommonPrefixes", [("Prefix", code(prefix))]) for prefix in found.prefixes],
    ]
    return reply(xml.render("ListVersionsResult", children))


def _page(store: ObjectStore, ask: Ask, after: str) -> tuple[int, Page]:
    limit = ask.count("max-keys", MAX_KEYS, MAX_KEYS)
    prefix = ask.query.get("prefix", "")
    keys = store.keys(ask.bucket, prefix)
    return limit, page(keys, prefix, ask.query.get("delimiter", ""), after, limit)


def _contents(store: ObjectStore, ask: Ask, found: Page, *, owned: bool) -> list[tuple[str, xml.Value]]:
    code = xml.coder(ask.query)
    # Skip objects deleted in between.
    entries = [entry for key in found.keys if (entry := store.get(ask.bucket, key))]
    mine = [xml.owner()] if owned else []
    return [
        *[("Contents", [*_facts(entry, code), *mine]) for entry in entries],
        *[("CommonPrefixes", [("Prefix", code(prefix))]) for prefix in found.prefixes],
    ]


def _facts(entry: Entry, code: "xml.Coder") -> list[tuple[str, xml.Value]]:
    sums = entry.about.checksums
    return [
        ("Key", code(entry.key)),
        ("LastModified", xml.instant(entry.modified)),
        ("ETag", f'"{entry.etag}"'),
        *[("ChecksumAlgorithm", name.upper()) for name in sums if name != "type"],
        *[("ChecksumType", value) for name, value in sums.items() if name == "type"],
        ("Size", entry.size),
        ("StorageClass", entry.storage_class),
    ]


def _token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _untoken(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError):
        raise invalid("continuation-token", token, "The continuation token provided is incorrect") from None

"""S3's tags of buckets and objects: stored and returned, but without effect."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl

from mooring_local.objects import xml
from mooring_local.objects.checksums import check_body
from mooring_local.objects.exchange import Ask, Reply, invalid
from mooring_local.objects.exchange import xml as reply
from mooring_local.objects.reading import existing
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.faults import Fault

MOST_OF_OBJECT, MOST_OF_BUCKET = 10, 50
_LONGEST_KEY, _LONGEST_VALUE = 128, 256


def of_header(text: str) -> dict[str, str]:
    """The tags in an `x-amz-tagging` header: `key=value&…`, percent-encoded. Raises InvalidArgument or InvalidTag."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError:
        pairs = []
    if text and (not pairs or len({key for key, _ in pairs}) < len(pairs)):
        said = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag"
        raise invalid("x-amz-tagging", text, f"{said} name duplicates.")
    for key, _ in pairs:
        if key.lower().startswith("aws:"):
            raise _wrong(key, "Your TagKey cannot be prefixed with aws:")
    return checked(pairs, MOST_OF_OBJECT)


def of_body(body: bytes, root: str, most: int) -> dict[str, str]:
    """The tags in an XML body, at any depth. Raises MalformedXML or InvalidTag."""
    tags = xml.parse(body, root).iter("Tag")
    return checked([(xml.text_of(tag, "Key"), xml.text_of(tag, "Value")) for tag in tags], most)


def checked(pairs: Iterable[tuple[str, str]], most: int) -> dict[str, str]:
    """The tags by key. Raises BadRequest for too many, InvalidTag for one that S3 refuses."""
    pairs = list(pairs)
    if len(pairs) > most:
        noun = "Object" if most == MOST_OF_OBJECT else "Bucket"
        raise Fault("BadRequest", f"{noun} tags cannot be greater than {most}")
    found: dict[str, str] = {}
    for key, value in pairs:
        if key in found:
            raise _wrong(key, "Cannot provide multiple Tags with the same key")
        if key.lower().startswith("aws:"):
            raise _wrong(key, "System tags cannot be added/updated by requester")
        if not 1 <= len(key) <= _LONGEST_KEY:
            raise _wrong(key, "The TagKey you have provided is invalid")
        if len(value) > _LONGEST_VALUE:
            raise _wrong(key, "The TagValue you have provided is invalid", value)
        found[key] = value
    return found


def put_of_object(store: ObjectStore, ask: Ask) -> Reply:
    """Replace all tags of an object."""
    check_body(ask.body, ask.headers)
    _change(store, ask, of_body(ask.body, "Tagging", MOST_OF_OBJECT))
    return Reply(200)


def get_of_object(store: ObjectStore, ask: Ask) -> Reply:
    """Return the tags, sorted by key; an empty set if there are none."""
    entry = existing(store, ask.bucket, ask.key, ask.query.get("versionId"))
    return _listed(entry.about.tags)


def delete_of_object(store: ObjectStore, ask: Ask) -> Reply:
    """Delete all tags of an object."""
    _change(store, ask, {})
    return Reply(204)


def put_of_bucket(store: ObjectStore, ask: Ask) -> Reply:
    """Replace all tags of a bucket."""
    check_body(ask.body, ask.headers)
    store.tag_bucket(ask.bucket, of_body(ask.body, "Tagging", MOST_OF_BUCKET))
    return Reply(204)


def get_of_bucket(store: ObjectStore, ask: Ask) -> Reply:
    """Return the tags, sorted by key; NoSuchTagSet if there are none."""
    tags = store.bucket(ask.bucket).tags
    if not tags:
        raise Fault("NoSuchTagSet", "The TagSet does not exist", 404, {"BucketName": ask.bucket})
    return _listed(tags)


def delete_of_bucket(store: ObjectStore, ask: Ask) -> Reply:
    """Delete all tags of a bucket."""
    store.tag_bucket(ask.bucket, {})
    return Reply(204)


def _change(store: ObjectStore, ask: Ask, tags: Mapping[str, str]) -> None:
    existing(store, ask.bucket, ask.key, ask.query.get("versionId"))
    store.change(ask.bucket, ask.key, partial(replace, tags=dict(tags)))


def _listed(tags: Mapping[str, str]) -> Reply:
    listed = [("Tag", [("Key", key), ("Value", value)]) for key, value in sorted(tags.items())]
    return reply(xml.render("Tagging", [("TagSet", listed)]))


def _wrong(key: str, message: str, value: str | None = None) -> Fault:
    return Fault("InvalidTag", message, 400, {"TagKey": key, **({"TagValue": value} if value is not None else {})})

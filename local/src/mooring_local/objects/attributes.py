"""S3's GetObjectAttributes."""

from mooring_local.objects import xml
from mooring_local.objects.entry import Entry
from mooring_local.objects.exchange import Ask, Reply, invalid
from mooring_local.objects.parts import MAX_PART
from mooring_local.objects.reading import existing, http_date
from mooring_local.objects.store import ObjectStore

_KNOWN = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")
_MOST_PARTS = 1000


def get_attributes(store: ObjectStore, ask: Ask) -> Reply:
    """Return the requested attributes. As on S3, parts are only listed if they have checksums."""
    entry = existing(store, ask.bucket, ask.key, ask.query.get("versionId"))
    text = ask.headers.get("x-amz-object-attributes", "")
    wanted = {name.strip() for name in text.split(",")}
    if not wanted <= set(_KNOWN):
        raise invalid("x-amz-object-attributes", text, "Invalid attribute name specified.")
    sums = entry.about.checksums
    facts: xml.Children = [
        ("ETag", entry.etag),
        *([("Checksum", xml.sums(sums))] if sums else []),
        *([("ObjectParts", _parts(entry, ask))] if entry.about.pieces else []),
        ("StorageClass", entry.storage_class),
        ("ObjectSize", entry.size),
    ]
    body = xml.render("GetObjectAttributesResponse", [one for one in facts if one[0] in wanted])
    return Reply(200, {"Content-Type": "application/xml", "Last-Modified": http_date(entry.modified)}, body)


def _parts(entry: Entry, ask: Ask) -> xml.Children:
    after = _number(ask, "x-amz-part-number-marker", 0, MAX_PART)
    most = _number(ask, "x-amz-max-parts", _MOST_PARTS, _MOST_PARTS)
    pieces = list(enumerate(entry.about.pieces, 1))
    count: xml.Children = [("PartsCount", len(pieces))]
    if not all(piece.checksums for _, piece in pieces):
        return count
    rest = [(number, piece) for number, piece in pieces if number > after]
    some = rest[:most]
    return [
        *count,
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", some[-1][0] if some else after),
        ("MaxParts", most),
        ("IsTruncated", len(rest) > len(some) > 0),
        *[
            ("Part", [("PartNumber", number), ("Size", piece.size), *xml.sums(piece.checksums)])
            for number, piece in some
        ],
    ]


def _number(ask: Ask, header: str, default: int, most: int) -> int:
    text = ask.headers.get(header, "")
    if text and not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise invalid(header, text, f"Provided {header} not an integer or within integer range")
    return min(int(text), most) if text else default

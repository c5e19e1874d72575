"""The parts of an uploaded object, for reading. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from mooring_local.objects.entry import Entry
from mooring_local.objects.exchange import Ask, invalid
from mooring_local.wire.faults import Fault

MAX_PART = 10_000


@dataclass(frozen=True, slots=True)
class OnePart:
    """The part selected by `partNumber`."""

    span: tuple[int, int] | None
    """Start and end (exclusive); None for an empty object."""
    checksums: Mapping[str, str]
    headers: Mapping[str, str]


def part_of(entry: Entry, ask: Ask) -> OnePart:
    """Raises InvalidArgument or InvalidPartNumber (416). An object without parts is its own part 1."""
    text = ask.query.get("partNumber", "")
    number = ask.number("partNumber", 0)
    if not 1 <= number <= MAX_PART:
        raise invalid("partNumber", text, f"Part number must be an integer between 1 and {MAX_PART}, inclusive")
    pieces, about = entry.about.pieces, entry.about
    if number > max(1, len(pieces)):
        members = {"ActualPartCount": str(max(1, len(pieces))), "PartNumberRequested": text}
        raise Fault("InvalidPartNumber", "The requested partnumber is not satisfiable", 416, members)
    if not pieces:
        return OnePart((0, entry.size) if entry.size else None, about.checksums, {})
    start = sum(piece.size for piece in pieces[: number - 1])
    piece = pieces[number - 1]
    kind = {"type": about.checksums["type"]} if piece.checksums and "type" in about.checksums else {}
    if not piece.size and entry.size:  # Content-Range cannot express an empty last part
        members = {"RangeRequested": f"partNumber={text}", "ActualObjectSize": str(entry.size)}
        raise Fault("InvalidRange", "The requested range is not satisfiable", 416, members)
    span = (start, start + piece.size) if piece.size else None
    return OnePart(span, {**piece.checksums, **kind}, {"x-amz-mp-parts-count": str(len(pieces))})

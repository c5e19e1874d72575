"""Choose media types from Content-Type and Accept headers. Used by `protocols/` before the body is read.

A kind is one of `KINDS`. Types are matched without their parameters, ignoring case.
"""

from functools import lru_cache

from mooring.errors import NotAcceptable, UnsupportedMediaType, echo

JSON = "application/json"
CSV = "text/csv"
LINES = "application/jsonlines"
HTML = "text/html"

KINDS = (JSON, LINES, CSV)
"""Supported media types, in order of preference."""

SPELLINGS = {
    JSON: JSON,
    "text/json": JSON,
    CSV: CSV,
    "application/csv": CSV,
    LINES: LINES,
    "application/jsonl": LINES,
    "application/x-jsonlines": LINES,
    "application/x-ndjson": LINES,
    "application/ndjson": LINES,
}
"""Alias → kind."""

CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")
"""Charsets that are UTF-8 or a subset."""

READ = ", ".join(KINDS)


@lru_cache(maxsize=64)
def body_kind(header: str) -> str:
    """The kind of a body whose Content-Type is `header`; "" is JSON. Raises UnsupportedMediaType."""
    name, parameters = split_type(header)
    kind = SPELLINGS.get(name) if name else JSON
    if kind is None:
        hint = f"Send one of {READ}, or omit the Content-Type for JSON."
        if name == "application/x-www-form-urlencoded":
            hint = "This is curl's default: add -H 'Content-Type: application/json'."
        raise UnsupportedMediaType(f"Unsupported Content-Type {echo(header)}.", hint=hint)
    charset = parameters.get("charset", "utf-8")
    if charset not in CHARSETS:
        raise UnsupportedMediaType(f"Unsupported charset {echo(charset)} in Content-Type.", hint="Send it as UTF-8.")
    return kind


def strict_body_kind(header: str) -> str:
    """As `body_kind`, but the header must equal one of `KINDS` exactly. Raises UnsupportedMediaType."""
    if header not in KINDS:
        said = f"Unsupported Content-Type {echo(header)}" if header else "Missing Content-Type"
        raise UnsupportedMediaType(f"{said}.", hint=f"Send exactly one of {READ}.")
    return header


@lru_cache(maxsize=64)
def answer_kind(header: str) -> str:
    """The kind of the answer for the Accept `header`; "" accepts anything. Raises NotAcceptable.

    RFC 9110, 12.5.1: the most specific matching range gives a type's weight. The highest weight wins; ties go to the
    earliest range, and within a range to the first of `KINDS`.
    """
    ranges = [_range(part) for part in header.split(",") if part.strip()]
    if not ranges:
        return JSON
    best: tuple[float, int] | None = None
    chosen = ""
    for kind in KINDS:
        fitting = [(specific, q, -place) for place, (name, q) in enumerate(ranges) if (specific := _fits(name, kind))]
        if not fitting:
            continue
        _, q, place = max(fitting)
        if q > 0 and (best is None or (q, place) > best):
            best, chosen = (q, place), kind
    if not chosen:
        raise NotAcceptable(f"Cannot satisfy Accept: {echo(header)}.", hint=f"Supported: {READ}.")
    return chosen


def text_kind(header: str) -> str | None:
    """The kind of a text body (a type of `KINDS`, charset UTF-8); None for any other."""
    name, parameters = split_type(header)
    kind = SPELLINGS.get(name)
    return kind if parameters.get("charset", "utf-8") in CHARSETS else None


def preferred(header: str) -> str:
    """The preferred type of an Accept `header`, with its parameters but without weight; JSON for any."""
    ranges = [part.strip() for part in header.split(",") if part.strip()]
    weighed = sorted(ranges, key=lambda part: -_range(part)[1])  # stable: the first of equals
    best = weighed[0] if weighed else ""
    if "*" in best.partition(";")[0] or not best:
        return JSON
    name, *parameters = (part.strip() for part in best.split(";"))
    return ";".join([name, *(part for part in parameters if not part.lower().replace(" ", "").startswith("q="))])


def prefers_html(header: str) -> bool:
    """Whether an Accept `header` names HTML, and nothing of `KINDS` with a higher weight: what browsers send."""
    weights = dict.fromkeys((HTML, *KINDS), 0.0)
    for part in header.split(","):
        name, q = _range(part)
        kind = SPELLINGS.get(name, name)
        if kind in weights:
            weights[kind] = max(weights[kind], q)
    return 0 < weights[HTML] == max(weights.values())


def split_type(header: str) -> tuple[str, dict[str, str]]:
    """A type's name and its parameters, all in lower case."""
    name, *rest = header.split(";")
    pairs = (part.partition("=") for part in rest)
    return name.strip().lower(), {key.strip().lower(): value.strip().strip('"').lower() for key, _, value in pairs}


def _range(part: str) -> tuple[str, float]:
    """A range's name and weight; an invalid weight counts as 1."""
    name, parameters = split_type(part)
    try:
        q = float(parameters.get("q", "1"))
    except ValueError:
        q = 1.0
    return name, q if 0 <= q <= 1 else 1.0


def _fits(name: str, kind: str) -> int:
    """How specifically a range matches a kind: 0 not at all, 1 as */*, 2 as type/*, 3 exactly."""
    if name in ("*/*", "*"):
        return 1
    if name.endswith("/*"):
        return 2 if kind.startswith(name[:-1]) else 0
    return 3 if SPELLINGS.get(name) == kind else 0

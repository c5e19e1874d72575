"""Which headers mean which kind of body."""

import pytest

from mooring.errors import NotAcceptable, UnsupportedMediaType
from mooring.web.media import CSV, JSON, KINDS, LINES, answer_kind, body_kind, preferred, text_kind


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("", JSON),
        ("application/json", JSON),
        ("APPLICATION/Json", JSON),
        ("application/json; charset=utf-8", JSON),
        ('application/json;charset="UTF-8"', JSON),
        (" application/json ;charset=utf8;version=1", JSON),
        ("text/csv; header=present", CSV),
        ("Text/CSV", CSV),
        ("application/jsonlines", LINES),
        ("application/x-ndjson", LINES),
        ("application/jsonl", LINES),
    ],
)
def test_a_content_type_is_matched_without_case_and_parameters(header: str, kind: str) -> None:
    """And an absent one is JSON."""
    assert body_kind(header) == kind


@pytest.mark.parametrize("header", ["text/plain", "application/x-npy", "image/png", "json", "application/json2", ";"])
def test_other_content_types_are_refused_with_those_there_are(header: str) -> None:
    """`;` alone names no type, which is JSON; everything else here is refused by name."""
    if header == ";":
        assert body_kind(header) == JSON
        return
    with pytest.raises(UnsupportedMediaType) as caught:
        body_kind(header)
    assert repr(header) in str(caught.value)
    assert all(kind in str(caught.value) for kind in KINDS)


def test_other_charsets_are_refused() -> None:
    """A text in Latin-1 would be answered wrongly or not at all."""
    with pytest.raises(UnsupportedMediaType, match=r"'latin-1'.*UTF-8"):
        body_kind("text/csv; charset=Latin-1")


def test_what_curl_sends_by_itself_gets_the_flag_to_add() -> None:
    """The most frequent mistake of all."""
    with pytest.raises(UnsupportedMediaType, match="-H 'Content-Type: application/json'"):
        body_kind("application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("", JSON),
        (" , ", JSON),
        ("*/*", JSON),
        ("*", JSON),
        ("application/json", JSON),
        ("Application/JSON; charset=utf-8", JSON),
        ("text/csv", CSV),
        ("application/jsonlines", LINES),
        ("application/x-ndjson", LINES),
        ("text/*", CSV),
        ("application/*", JSON),
        ("application/json, text/csv", JSON),
        ("text/csv, application/json", CSV),
        ("text/html, text/csv;q=0.5, */*;q=0.1", CSV),
        ("application/json;q=0.3, text/csv;q=0.9", CSV),
        ("application/json;q=0, */*", LINES),
        ("*/*;q=0.1, application/json;q=0.05", LINES),
        ("text/csv;q=high", CSV),
        ("application/json, text/csv;q=7", JSON),
        ("image/webp, */*", JSON),
    ],
)
def test_accept_chooses_the_heaviest_kind(header: str, kind: str) -> None:
    """The most specific range gives a kind's weight, and among equals the first named wins."""
    assert answer_kind(header) == kind


@pytest.mark.parametrize("header", ["text/html", "image/*", "application/json;q=0", "application/x-npy, text/plain"])
def test_nothing_acceptable_is_refused_with_what_there_is(header: str) -> None:
    """406, before anything is computed."""
    with pytest.raises(NotAcceptable) as caught:
        answer_kind(header)
    assert all(kind in str(caught.value) for kind in KINDS)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("application/json;verbose", JSON),
        ("Text/CSV; header=present", CSV),
        ("text/csv; charset=latin-1", None),
        ("text/plain", None),
        ("", None),
    ],
)
def test_which_bodies_are_text(header: str, kind: str | None) -> None:
    """Those of a type that is read, in UTF-8."""
    assert text_kind(header) == kind


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("application/json;verbose", "application/json;verbose"),
        ("Text/CSV; Header=Present", "Text/CSV;Header=Present"),
        ("text/html;q=0.2, text/plain; q=0.8;a=b", "text/plain;a=b"),
        ("text/html, text/plain", "text/html"),
        ("text/*", JSON),
        ("*/*", JSON),
        (" , ", JSON),
    ],
)
def test_the_type_that_is_wanted_most(header: str, wanted: str) -> None:
    """With its parameters as sent; any type is JSON."""
    assert preferred(header) == wanted

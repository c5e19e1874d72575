"""local/docs/reference/ is what the code says today."""

import pytest

from local.scripts.make_reference import FOLDER, PAGES, operations_page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_not_stale(name: str) -> None:
    """If this fails: make reference."""
    assert PAGES[name]() == (FOLDER / name).read_text(encoding="utf-8")


def test_every_operation_says_what_is_here() -> None:
    """In a sentence of its own, not by the names of operations."""
    rows = [line.split(" | ") for line in operations_page().splitlines() if line[:3] == "| `"]
    rows = [row for row in rows if len(row) == 4]
    names = {row[0].strip("|` ") for row in rows}
    assert len(rows) > 100
    said = [row[1] for row in rows]
    assert [text for text in said if not text.endswith(".") or text.split(":")[0].split(",")[0] in names] == []

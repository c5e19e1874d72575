"""docs/reference/ is what the code says today."""

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """The script's names."""
    return runpy.run_path(str(ROOT / "scripts" / "make_reference.py"))


@pytest.mark.parametrize("name", ["settings.md", "cli.md", "errors.md", "local_operations.md"])
def test_a_page_is_not_stale(script: dict[str, Any], name: str) -> None:
    """If this fails: make reference."""
    assert script["PAGES"][name]() == (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_every_operation_says_what_is_here(script: dict[str, Any]) -> None:
    """In a sentence of its own, not by the names of operations."""
    rows = [line.split(" | ") for line in script["PAGES"]["local_operations.md"]().splitlines() if line[:3] == "| `"]
    rows = [row for row in rows if len(row) == 4]
    names = {row[0].strip("|` ") for row in rows}
    assert len(rows) > 100
    said = [row[1] for row in rows]
    assert [text for text in said if not text.endswith(".") or text.split(":")[0].split(",")[0] in names] == []

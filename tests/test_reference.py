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


@pytest.mark.parametrize(
    "name", ["settings.md", "cli.md", "errors.md", "tokenizers.md", "models.md", "routes.md", "commands.md"]
)
def test_a_page_is_not_stale(script: dict[str, Any], name: str) -> None:
    """If this fails: make reference."""
    assert script["PAGES"][name]() == (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_the_limits_are_not_stale(script: dict[str, Any]) -> None:
    """Every figure of the page is the constant that the code enforces. If this fails: make reference."""
    assert script["LIMITS"]["limits.md"]() == (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")

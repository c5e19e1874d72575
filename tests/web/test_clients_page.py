"""docs/clients.md has what `make test-sdk` writes into it, for every task and client."""

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """The script's names."""
    return runpy.run_path(str(ROOT / "scripts" / "clients_page.py"))


def test_the_page_has_every_task_and_client(script: dict[str, Any]) -> None:
    """If this fails: make test-sdk."""
    assert script["faults"](PAGE) == []


@pytest.mark.parametrize(
    ("taken", "fault"),
    [
        ("| fill-mask |", "no row for fill-mask"),
        ("| litellm ", "nothing about litellm"),
        ("| openai ", "no columns huggingface_hub, @huggingface/inference, openai, curl"),
    ],
)
def test_what_is_missing_is_named(script: dict[str, Any], taken: str, fault: str) -> None:
    """A table of another list of tasks or clients."""
    assert script["faults"](PAGE.replace(taken, "| other ")) == [fault]


def test_a_row_is_made_of_what_was_seen(script: dict[str, Any]) -> None:
    """The task's calls, the version, and the error."""
    seen: dict[str, Any] = {name: {"version": "1.0", "did": {}, "cannot": {}} for name in script["CLIENTS"]}
    seen["litellm"] = {"version": "2.0", "did": {"text-ranking": ["rerank()"]}, "cannot": {"embed()": "no"}}
    seen["curl"]["did"] = {"fill-mask": ["/invocations"]}
    lines = script["tables"](seen).splitlines()
    assert "| fill-mask | | | | `/invocations` |" in lines
    assert "| litellm 2.0 | text-ranking | `rerank()` |" in lines
    assert "| litellm 2.0 | `embed()` | no |" in lines

"""docs/http.md names what there is."""

from pathlib import Path

import pytest

from mooring.observe.metrics import Metrics
from mooring.tasks import fill_mask, targets, token_classification, zero_shot_classification
from mooring.tasks.feature_extraction import MOST_VALUES
from mooring.web.app import create_app
from mooring.web.border import shown
from mooring.web.media import KINDS
from mooring.web.service import Service
from mooring.web.status import STATUS
from mooring.web.tokens import MOST_CHARACTERS, MOST_IDS

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")


def test_every_route_is_on_the_page() -> None:
    """With its method."""
    app = create_app(Service(lambda: pytest.fail("not to be opened")), Metrics())
    for route in app.routes:
        assert f" {shown(route.path)}`" in PAGE  # type: ignore[attr-defined]


def test_every_status_and_kind_is_on_the_page() -> None:
    """A new one is to be explained."""
    for word in (*map(str, STATUS.values()), *KINDS):
        assert word in PAGE


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("zero-shot-classification: `hypothesis_template`", zero_shot_classification.LONGEST_TEMPLATE),
        ("fill-mask: `targets`", targets.MOST_TARGETS),
        ("fill-mask: masks × vocabulary", fill_mask.MOST_SCORES),
        ("fill-mask: predictions", fill_mask.MOST_PREDICTIONS),
        ("fill-mask: predictions", fill_mask.MOST_TEXT),
        ("token-classification: tokens × labels", token_classification.MOST_SCORES),
        ("feature-extraction: tokens × hidden size", MOST_VALUES),
        ("`/tokenize`, `/decode`", MOST_CHARACTERS),
        ("`/tokenize`, `/decode`", MOST_IDS),
    ],
)
def test_the_limits_of_tasks_are_on_the_page(what: str, limit: int) -> None:
    """In their row of the table."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {what}")]
    assert f"{limit:,}" in row

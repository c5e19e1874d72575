"""docs/http.md names what there is."""

from pathlib import Path

import pytest

from mooring.observe.metrics import Metrics
from mooring.web.app import create_app
from mooring.web.border import shown
from mooring.web.media import KINDS
from mooring.web.service import Service
from mooring.web.status import STATUS

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

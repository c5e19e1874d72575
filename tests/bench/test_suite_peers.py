"""The page's section on peers: ratios that are right, and said where they were not measured by turns."""

from typing import Any

from bench.page_peers import section
from bench.peers.__main__ import put_together


def row(
    product: str, rates: tuple[float, ...], *, run: str = "2026-01-01 10:00", layout: str = "2x1"
) -> dict[str, Any]:
    """A configuration in int8, whose rounds gave so many requests a second whatever the clients."""
    rounds = [
        {"per_second": rate, "requests": 100, "p50": 1000 / rate, "p90": 1, "p99": 1, "errors": 0, "client_cpu": 0.01}
        for rate in rates
    ]
    return {
        "product": product,
        "precision": "int8",
        "layout": layout,
        "settings": "as shipped",
        "run": run,
        "start_s": [1.0],
        "memory": [10**8],
        "closed": {"1": rounds, "8": rounds},
    }


def page(**rows: dict[str, Any]) -> str:
    """Of one model."""
    about = {
        "cores": [0, 1],
        "rounds": 2,
        "seconds": 8.0,
        "absent": {"ovms": "no wheel"},
        "versions": {},
        "programs": {},
    }
    return section(
        {"models": {"distilbert": rows}, "failed": {"distilbert": {}}, "about": {"distilbert closed": about}}
    )


def test_ratios_are_of_medians() -> None:
    """And at one client of latencies."""
    said = page(ours=row("mooring", (20.0, 20.0, 90.0)), theirs=row("stock", (10.0, 8.0, 12.0)))
    assert "| requests/s at 8 clients, ours against the best of all others | theirs | 2.00 × |" in said
    assert "| p50 at one client, ours against the stock stack's best | theirs | 1/2.00 |" in said


def test_rounds_far_apart_are_said() -> None:
    """A figure between 10 and 20 says little."""
    said = page(ours=row("mooring", (20.0,)), theirs=row("stock", (10.0, 20.0)))
    assert "the rounds of `theirs` at 8 clients gave 10.0, 20.0 requests/s" in said


def test_what_did_not_take_turns_with_ours_is_said() -> None:
    """A part of the figures was remade without them."""
    ours, theirs = row("mooring", (20.0,)), row("stock", (10.0,))
    assert "Not in the run" not in page(ours=ours, theirs=theirs)
    said = page(ours=ours, theirs=theirs, others=row("ray", (5.0,), run="2026-01-01 08:00"))
    assert "**Not in the run of `ours`** but in one of another time, so that less is to be leaned on: `others`." in said


def test_a_remark_stands_beside_its_model() -> None:
    """What no figure says: that the machine was not quiet, for one."""
    about = {"cores": [0], "rounds": 2, "seconds": 8.0, "absent": {}, "versions": {}, "programs": {}}
    found = {"models": {"distilbert": {"ours": row("mooring", (20.0,))}}, "failed": {}, "about": {"distilbert": about}}
    assert "Not quiet." in section({**found, "remarks": {"distilbert": ["Not quiet."]}})
    assert "Not quiet." not in section({**found, "remarks": {"minilm": ["Not quiet."]}})


def test_loads_go_with_the_closed_loop_that_they_were_shares_of() -> None:
    """Answers compared stay: they depend on no rate."""
    old = {"closed": 1, "open": 1, "agreement": 1, "run": "before"}
    assert put_together(old, {"closed": 2}, "now") == {"closed": 2, "agreement": 1, "run": "now"}
    assert put_together(old, {"closed": 2, "open": 2}, "now") == {**old, "closed": 2, "open": 2, "run": "now"}
    assert put_together(old, {"agreement": 2}, "now") == {**old, "agreement": 2}

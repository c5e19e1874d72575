"""The report as a page: whole, self-contained, well-formed, and safe whatever a server says of itself."""

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from mooring.bench.bodies import Span
from mooring.bench.load import Run
from mooring.bench.page import render
from mooring.bench.report import figures, shape_json
from mooring.bench.tally import Tally
from tests.support.no_matplotlib import hide_matplotlib

EVIL = '<script>alert("x")</script>'


def step(load: float, *, rate: bool = False, answers: int = 1200, refused: int = 0) -> dict[str, Any]:
    """A measured step, as the command's JSON has it."""
    tally = Tally([0, 1], paced=rate)
    for place in range(answers):
        tally.answered(place % 2, 0.01 * load * (1 + place % 7), 0.01)
    for _ in range(refused):
        tally.refuse(429, b'{"message": "' + EVIL.replace('"', "'").encode() + b'"}', 0.001)
    run = Run(tally, asked=answers, seconds=3.0, cpu_seconds=0.1, rate=load if rate else None, connections=8)
    spans = [Span(5, 20, 12.5), Span(21, 90, 40.0)]
    setting = {"clients": None if rate else load, "rate": load if rate else None, "connections": 8, "warmup": 4}
    return {**setting, **figures(run), **shape_json(run, spans)}


def document(**more: Any) -> dict[str, Any]:
    """What is the same for every report."""
    return {
        "schema": "mooring-bench/1",
        "url": "http://127.0.0.1:1/invocations",
        "file": None,
        "seed": 0,
        "bodies": {"source": EVIL, "distinct": 9000, "words": {"min": 5, "p50": 20, "max": 90}},
        "ordered": {"requests": None, "seconds": 3.0},
        "timeout_s": 120.0,
        "server": {"model": {"name": EVIL, "precision": "int8"}, "backend": {"engine": EVIL}},
        "client_machine": {"cpu": "some", "mooring": "1"},
        "measured": "2026-01-02T03:04:05+00:00",
        "interrupted": False,
        **more,
    }


def swept() -> dict[str, Any]:
    """Both sweeps."""
    clients = {"kind": "clients", "steps": [step(n) for n in (1, 2, 4, 8)]}
    rates = {"kind": "rates", "steps": [step(rate, rate=True, refused=rate // 20) for rate in (10, 20, 30)]}
    return document(sweeps=[clients, rates])


def test_a_sweeps_report_has_every_plot() -> None:
    """Load, clients, length, histogram, errors, settings, versions and machine."""
    page = render(swept())
    for title in (
        "Throughput over clients", "Latency over clients", "Latency over load", "Answers over load",
        "Latency distribution", "Latency over length", "Errors", "Settings", "Client machine",
    ):  # fmt: skip
        assert f"<h2>{title}</h2>" in page


def test_a_single_runs_report_has_what_it_can() -> None:
    """One load is no curve."""
    page = render(document(**step(8)))
    assert "<h2>Latency distribution</h2>" in page
    assert "<h2>Latency over length</h2>" in page
    assert "<h2>Latency over load</h2>" not in page


@pytest.mark.parametrize("made", [swept(), document(**step(8)), document(**step(8, answers=0, refused=3))])
def test_a_report_is_well_formed_and_takes_nothing_from_elsewhere(made: dict[str, Any]) -> None:
    """No script, no link, no image, no import; and what a server says of itself stays text."""
    page = render(made)
    body = page.removeprefix("<!doctype html>\n").replace('<meta charset="utf-8">', "")
    head, _, rest = body.partition("<meta name")
    tree = ET.fromstring(head + rest.partition(">")[2])
    assert {"script", "link", "img", "iframe"}.isdisjoint(element.tag for element in tree.iter())
    assert EVIL not in page
    assert not any(word in page for word in ("src=", "@import"))
    assert set(re.findall(r'(?:href="|url\()(.)', page)) <= {"#"}
    assert len(ids := re.findall(r' id="([^"]+)"', page)) == len(set(ids))


def test_every_plot_has_a_name_and_its_numbers() -> None:
    """For those who do not see it."""
    tree = render(swept())
    assert tree.count('role="img" aria-label="') == tree.count("<details><summary>The numbers</summary>") == 6


def test_percentiles_of_too_few_answers_are_not_drawn() -> None:
    """The p99.9 of 50 is the slowest."""
    page = render(document(**step(8, answers=50)))
    assert ">p90<" in page
    assert ">p99.9<" not in page


def test_a_run_without_answers_says_so() -> None:
    """With its errors."""
    page = render(document(**step(8, answers=0, refused=3)))
    assert "No request was answered." in page
    assert "429" in page


def test_a_report_without_matplotlib_shows_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and says why there is no chart."""
    hide_matplotlib(monkeypatch)
    page = render(swept())
    assert page.count("<details open><summary>The numbers</summary>") == 6
    assert "<svg" not in page
    assert "matplotlib was not installed" in page

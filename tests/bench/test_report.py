"""Figures from runs whose numbers are known."""

import pytest

from mooring.bench.load import Run
from mooring.bench.report import figures, rows
from mooring.bench.tally import Tally


def run_of(*answered: float, seconds: float = 2.0, rate: float | None = None, cpu: float = 0.1) -> Run:
    """A run that was asked for as many requests as it has answers, each after so many seconds."""
    tally = Tally(paced=rate is not None)
    for latency in answered:
        tally.answered(0, latency, latency / 2)
    return Run(tally, asked=len(answered), seconds=seconds, cpu_seconds=cpu, rate=rate, connections=16)


def refused(run: Run, *statuses: int, message: bytes = b"") -> Run:
    """The same with refusals."""
    for status in statuses:
        run.tally.refuse(status, message, 0.002)
    run.asked += len(statuses)
    return run


def test_only_answers_count_for_speed_and_latency() -> None:
    """A refusal is fast; it must not flatter the figures."""
    run = refused(run_of(0.3, 0.1), 429)
    run.tally.lose("timeout")
    result = figures(run)
    assert result["per_second"] == 1.0
    assert result["latency_ms"]["p50"] == pytest.approx(100.0, rel=1e-3)
    assert result["latency_ms"]["max"] == 300.0
    assert result["statuses"] == {"200": 2, "429": 1}
    assert result["errors"] == {"429": 1, "timeout": 1}


def test_errors_come_with_what_the_server_said_first() -> None:
    """The commonest first; a body that is not ours says nothing."""
    run = refused(run_of(0.1), 503, message=b"<html>")
    refused(run, 429, 429, message=b'{"message": "The queue is full."}')
    result = figures(run)
    assert list(result["errors"]) == ["429", "503"]
    assert result["messages"] == {"429": "The queue is full."}
    assert ("", "429: The queue is full.") in rows(result)


def test_the_clients_own_time_is_a_share_of_one_core() -> None:
    """0.1 s of CPU in 2 s."""
    assert figures(run_of(0.1))["client"]["cpu_share_of_one_core"] == 0.05


def test_a_run_without_answers_has_no_latency() -> None:
    """Nothing is made up."""
    result = figures(refused(run_of(), 503))
    assert result["latency_ms"] is None
    assert "latency" not in dict(rows(result))


def test_an_interrupted_run_says_what_was_asked_for() -> None:
    """So that nobody takes it for a whole one."""
    run = run_of(0.1, seconds=1.0)
    run.asked, run.interrupted = 50, True
    assert dict(rows(figures(run)))["answered"] == "1 of 1 sent (50 planned) in 1.00 s"
    assert figures(run)["interrupted"] is True


def test_the_json_names_are_stable() -> None:
    """Scripts read them."""
    made = figures(run_of(0.1))
    assert set(made) == {
        "requests", "asked", "seconds", "per_second", "latency_ms", "refused_ms", "statuses", "errors", "messages",
        "client", "interrupted", "cut_short",
    }  # fmt: skip
    assert set(made["latency_ms"]) == {"mean", "p50", "p90", "p99", "p99_9", "max"}
    assert set(made["client"]) == {"cpu_seconds", "cpu_share_of_one_core", "limits"}
    open_loop = figures(run_of(0.1, rate=5))["open_loop"]
    assert set(open_loop) == {"arrived_per_second", "service_ms", "late_ms", "waited", "waited_ms"}


def paced(late: float, waited: float, *, cpu: float = 0.1) -> dict[str, str]:
    """The limits of 100 answers after 100 ms; all sent so late, and 5 more after a wait."""
    run = run_of(*[0.1] * 100, rate=50, cpu=cpu)
    assert run.tally.late is not None
    assert run.tally.waited is not None
    for _ in range(95):
        run.tally.late.record(late)
    for _ in range(5 if waited else 0):
        run.tally.waited.record(waited)
    found: dict[str, str] = figures(run)["client"]["limits"]
    return found


def test_a_client_that_was_not_the_limit_says_nothing() -> None:
    """Sent within a millisecond, no wait, little CPU."""
    assert paced(0.0008, 0) == {}


def test_where_the_client_was_the_limit_it_says_so() -> None:
    """Each limit with what it did to the figures."""
    assert "5 of 100 requests found all 16 connections busy" in paced(0.0001, 0.25)["connections"]
    assert "up to 250 ms" in paced(0.0001, 0.25)["connections"]
    assert "1 request in 100 more than 20.0 ms late" in paced(0.02, 0)["lateness"]
    assert "95 % of a core" in paced(0, 0, cpu=1.9)["cpu"]

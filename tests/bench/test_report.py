"""Figures from runs whose numbers are known."""

from mooring.bench.load import Run, Sample
from mooring.bench.report import as_json, figures, percentile, rows


def run_of(*samples: Sample, seconds: float = 2.0) -> Run:
    """A run that was asked for as many requests as it has samples."""
    return Run(samples=list(samples), asked=len(samples), seconds=seconds, cpu_seconds=0.1)


def test_percentiles_are_measured_values() -> None:
    """Nearest rank: of 1 to 100, the 99th percentile is 99."""
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, p) for p in (0, 50, 90, 99, 100)] == [1.0, 50.0, 90.0, 99.0, 100.0]
    assert [percentile([7.0], p) for p in (50, 99)] == [7.0, 7.0]


def test_only_answers_count_for_speed_and_latency() -> None:
    """A refusal is fast; it must not flatter the figures."""
    result = figures(
        run_of(
            Sample(0, 200, 0.3, ""), Sample(1, 429, 0.001, ""), Sample(2, 200, 0.1, ""), Sample(3, 0, 9.0, "timeout")
        )
    )
    assert result.per_second == 1.0
    assert result.latency_ms is not None
    assert (result.latency_ms.p50, result.latency_ms.max) == (100.0, 300.0)
    assert result.statuses == {"200": 2, "429": 1}
    assert result.errors == {"429": 1, "timeout": 1}


def test_the_clients_own_time_is_a_share_of_one_core() -> None:
    """0.1 s of CPU in 2 s."""
    assert figures(run_of(Sample(0, 200, 0.1, ""))).client_cpu_share == 0.05


def test_a_run_without_answers_has_no_latency() -> None:
    """Nothing is made up."""
    result = figures(run_of(Sample(0, 503, 0.1, "")))
    assert (result.latency_ms, as_json(result)["latency_ms"]) == (None, None)
    assert "latency" not in dict(rows(result))


def test_an_interrupted_run_says_what_was_asked_for() -> None:
    """So that nobody takes it for a whole one."""
    run = Run(samples=[Sample(0, 200, 0.1, "")], asked=50, seconds=1.0, interrupted=True)
    assert dict(rows(figures(run)))["answered"] == "1 of 1 sent (50 were ordered) in 1.00 s"
    assert as_json(figures(run))["interrupted"] is True


def test_the_json_names_are_stable() -> None:
    """Scripts read them."""
    made = as_json(figures(run_of(Sample(0, 200, 0.1, ""))))
    assert set(made) == {
        "requests", "asked", "seconds", "per_second", "latency_ms", "statuses", "errors", "client", "interrupted"
    }  # fmt: skip
    assert set(made["latency_ms"]) == {"mean", "p50", "p90", "p99", "max"}

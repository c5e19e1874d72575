"""What is counted, under which name."""

import gc
from dataclasses import dataclass

from mooring.engine.observer import Observer
from mooring.observe.metrics import Metrics


@dataclass(frozen=True)
class Times:
    """Timings as the engine gives them."""

    queue_ms: float = 10.0
    tokenise_ms: float = 1.0
    compute_ms: float = 30.0
    decode_ms: float = 0.5


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """A sample's value."""
    return metrics.registry.get_sample_value(name, labels)


def test_the_engines_events_are_counted() -> None:
    """It is an observer."""
    metrics = Metrics()
    observer: Observer = metrics
    observer.batch(3, 100, 128, 0.02)
    observer.batch(1, 10, 16, 0.01)
    observer.dropped("cancelled", 4)
    observer.refused("queue_full")
    observer.queue(7, 900, 0.25)
    assert value(metrics, "mooring_batch_tokens_total", kind="real") == 110
    assert value(metrics, "mooring_batch_tokens_total", kind="padded") == 144
    assert value(metrics, "mooring_batch_rows_sum") == 4
    assert value(metrics, "mooring_batch_seconds_count") == 2
    assert value(metrics, "mooring_dropped_windows_total", reason="cancelled") == 4
    assert value(metrics, "mooring_refused_total", reason="queue_full") == 1
    assert (value(metrics, "mooring_queue_windows"), value(metrics, "mooring_queue_tokens")) == (7, 900)
    assert value(metrics, "mooring_queue_wait_seconds") == 0.25


def test_queues_of_several_engines_add_up_and_the_longest_wait_counts() -> None:
    """Until an engine is gone."""
    metrics = Metrics()
    one, other = metrics.beside(), metrics.beside()
    one.queue(3, 300, 0.5)
    other.queue(1, 20, 0.25)
    assert [value(metrics, f"mooring_queue_{name}") for name in ("windows", "tokens")] == [4, 320]
    assert value(metrics, "mooring_queue_wait_seconds") == 0.5
    del one
    gc.collect()
    other.queue(1, 20, 0.25)
    assert value(metrics, "mooring_queue_windows") == 1
    assert value(metrics, "mooring_queue_wait_seconds") == 0.25


def test_requests_are_counted_by_route_and_status() -> None:
    """Those that ask are timed, probes are not."""
    metrics = Metrics()
    metrics.request("/invocations", 200, 0.05, timed=True)
    metrics.request("/invocations", 400, 0.001, timed=True)
    metrics.request("/ping", 200, 0.001, timed=False)
    assert value(metrics, "mooring_requests_total", route="/invocations", status="400") == 1
    assert value(metrics, "mooring_requests_total", route="/ping", status="200") == 1
    assert value(metrics, "mooring_request_seconds_count") == 2


def test_stages_are_in_seconds() -> None:
    """Prometheus' unit; ours are milliseconds."""
    metrics = Metrics()
    metrics.stages(Times())
    sums = [
        value(metrics, "mooring_stage_seconds_sum", stage=stage) for stage in ("queue", "tokenise", "compute", "decode")
    ]
    assert sums == [0.01, 0.001, 0.03, 0.0005]


def test_each_has_its_own_registry() -> None:
    """Two servers in a process do not count each other's requests."""
    one, other = Metrics(), Metrics()
    one.refused("draining")
    one.ready(True)
    assert value(one, "mooring_ready") == 1
    assert value(other, "mooring_refused_total", reason="draining") == 0
    assert b"mooring_ready 1.0" in one.render()

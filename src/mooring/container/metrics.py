"""Merge the workers' metric files into one Prometheus text with a `worker` label.

Files belong to slots, not to processes: a replacement continues the dead worker's files. So no counter decreases, no
count is lost, and the number of files does not grow with restarts.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

from mooring.container.child import Slot

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Variable of prometheus_client, which must be set before it is imported."""


class WorkerMetrics:
    """A collector over all slots."""

    def __init__(self, folder: Path, slots: Mapping[int, Slot]) -> None:
        """`slots` is read each time."""
        self._folder = folder
        self._slots = slots

    def collect(self) -> Iterator[Metric]:
        """Metrics of all workers, each sample labelled with its slot."""
        families: dict[str, Metric] = {}
        for number, slot in sorted(self._slots.items()):
            for metric in (*self._counted(number), *_process(slot.pid)):
                family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                _add(family, metric, str(number))
        yield from families.values()

    def _counted(self, slot: int) -> Iterable[Metric]:
        files = [str(path) for path in sorted(self._folder.glob(f"*_{slot}.db"))]
        if not files:
            return ()
        merged: Iterable[Metric] = MultiProcessCollector.merge(files, accumulate=True)  # type: ignore[no-untyped-call]
        return merged


def _process(pid: int) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect() if pid else ()


def _add(family: Metric, metric: Metric, worker: str) -> None:
    for sample in metric.samples:
        labels = {name: value for name, value in sample.labels.items() if name != "pid"}
        family.add_sample(sample.name, {**labels, "worker": worker}, sample.value)


class FrontMetrics:
    """Metrics that only process 1 can count: nginx's responses and the workers' fate."""

    def __init__(self, workers: WorkerMetrics) -> None:
        self.registry = registry = CollectorRegistry()
        registry.register(workers)
        self._requests = Counter(
            "mooring_front_requests",
            "Requests by route and status as nginx answered them, including those that reached no worker.",
            ["route", "status"],
            registry=registry,
        )
        self._starts = Counter("mooring_worker_starts", "Worker processes started.", ["worker"], registry=registry)
        self._retried = Counter(
            "mooring_retried_requests", "Requests retried on a second worker after the first died.", registry=registry
        )
        self._poison = Counter("mooring_poison_requests", "Requests during which two workers died.", registry=registry)
        self._ready = Gauge("mooring_front_ready", "1 if /ping returns 200.", registry=registry)
        self._degraded = Gauge(
            "mooring_front_degraded",
            "Number of workers that should be ready but are not; /info has the reasons.",
            registry=registry,
        )

    def request(self, route: str, status: int) -> None:
        """Count a finished request."""
        self._requests.labels(route, str(status)).inc()

    def started(self, slot: int) -> None:
        """Count a worker's start."""
        self._starts.labels(str(slot)).inc()

    def retried(self, *, poison: bool) -> None:
        """Count a request that was given to a second worker. `poison`: that one failed as well."""
        (self._poison if poison else self._retried).inc()

    def render(self, *, ready: bool, degraded: int) -> bytes:
        """All metrics in Prometheus' text format."""
        self._ready.set(ready)
        self._degraded.set(degraded)
        return generate_latest(self.registry)


def forget_gauges(folder: Path, slot: int) -> None:
    """Remove the gauges of a slot's last worker, such as its queue length. Its counters stay."""
    with contextlib.suppress(OSError):  # out of descriptors, or the folder is missing
        for path in folder.glob(f"gauge*_{slot}.db"):
            path.unlink(missing_ok=True)

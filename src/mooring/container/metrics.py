"""The workers' metric files in, one Prometheus text with a `worker` label out. Used by `front.py`.

Files belong to slots, not to processes: a worker that replaces a dead one goes on counting in the same files, so that
no counter falls, nothing that a killed worker counted is lost, and nothing grows with the number of the dead.
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
"""prometheus_client's own: a worker's environment has it before that is imported."""


class WorkerMetrics:
    """A collector over all slots."""

    def __init__(self, folder: Path, slots: Mapping[int, Slot]) -> None:
        """`slots` is looked at anew each time."""
        self._folder = folder
        self._slots = slots

    def collect(self) -> Iterator[Metric]:
        """Every worker's metrics, each sample labelled with its slot."""
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
    """What only the process in front can count: what nginx answered, and what became of workers."""

    def __init__(self, workers: WorkerMetrics) -> None:
        self.registry = registry = CollectorRegistry()
        registry.register(workers)
        self._requests = Counter(
            "mooring_front_requests",
            "Requests by route and status as nginx answered them, those that no worker saw included.",
            ["route", "status"],
            registry=registry,
        )
        self._starts = Counter("mooring_worker_starts", "Worker processes started.", ["worker"], registry=registry)
        self._retried = Counter(
            "mooring_retried_requests", "Requests given to a second worker, the first having died.", registry=registry
        )
        self._poison = Counter(
            "mooring_poison_requests", "Requests that two workers died of, or found none.", registry=registry
        )
        self._ready = Gauge("mooring_front_ready", "1 if /ping is green.", registry=registry)
        self._degraded = Gauge(
            "mooring_front_degraded",
            "Number of workers that should be ready and are not; /info has the reasons.",
            registry=registry,
        )

    def request(self, route: str, status: int) -> None:
        """A request is over."""
        self._requests.labels(route, str(status)).inc()

    def started(self, slot: int) -> None:
        """A worker was started."""
        self._starts.labels(str(slot)).inc()

    def retried(self, *, poison: bool) -> None:
        """A request went to a second worker, and that one failed as well if `poison`."""
        (self._poison if poison else self._retried).inc()

    def render(self, *, ready: bool, degraded: int) -> bytes:
        """All of it in Prometheus' text format."""
        self._ready.set(ready)
        self._degraded.set(degraded)
        return generate_latest(self.registry)


def forget_gauges(folder: Path, slot: int) -> None:
    """What a slot's last worker had waiting is no longer waiting; what it counted stays."""
    with contextlib.suppress(OSError):  # out of descriptors, or the folder is missing
        for path in folder.glob(f"gauge*_{slot}.db"):
            path.unlink(missing_ok=True)

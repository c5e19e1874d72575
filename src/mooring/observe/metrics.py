"""Collect Prometheus metrics: the engine's observer, also called by `web/` for each request.

It has its own registry, so other users of prometheus_client in the process do not interfere, and tests can make
several. Labels are few and fixed: routes, statuses, stages, reasons; never text from a client.

Behind nginx a worker stores its numbers in files of its slot (`share`): they outlive it, its replacement continues
them, and the process that answers /metrics reads them (`container/metrics.py`).
"""

import threading
import weakref
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client import values as storage
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST

# A second series per counter with its creation time: useless if counters outlive processes.
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)


class Stages(Protocol):
    """A request's timings in milliseconds, from the engine."""

    @property
    def queue_ms(self) -> float:
        """All waiting."""

    @property
    def tokenise_ms(self) -> float:
        """Text to windows."""

    @property
    def compute_ms(self) -> float:
        """Windows to numbers."""

    @property
    def decode_ms(self) -> float:
        """Numbers to answer."""


def share(slot: int) -> None:
    """Store numbers from now on in files named by the slot, in the folder PROMETHEUS_MULTIPROC_DIR.

    prometheus_client reads the variable on import: it must be set before.
    """
    storage.ValueClass = storage.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]


class Metrics:
    """Thread-safe. Frequent label sets are looked up once."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "mooring_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "mooring_request_seconds",
            "Time from the headers to the end of the response of POST /invocations.",
            buckets=SECONDS,
            registry=registry,
        )
        stages = Histogram(
            "mooring_stage_seconds",
            "Time of answers by stage.",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._queue_s, self._tokenise_s, self._compute_s, self._decode_s = (
            stages.labels(stage) for stage in ("queue", "tokenise", "compute", "decode")
        )
        self._batch_rows = Histogram("mooring_batch_rows", "Windows per batch.", buckets=ROWS, registry=registry)
        self._batch_seconds = Histogram(
            "mooring_batch_seconds", "Computation time of a batch.", buckets=SECONDS, registry=registry
        )
        tokens = Counter("mooring_batch_tokens", "Tokens computed: real and padded.", ["kind"], registry=registry)
        self._real, self._padded = tokens.labels("real"), tokens.labels("padded")
        self._queue_windows = Gauge("mooring_queue_windows", "Windows waiting in the queue.", registry=registry)
        self._queue_tokens = Gauge("mooring_queue_tokens", "Padded tokens waiting in the queue.", registry=registry)
        self._several = Several()
        self._queue_wait = Gauge(
            "mooring_queue_wait_seconds", "Expected wait of a request that arrives now.", registry=registry
        )
        self._dropped = Counter(
            "mooring_dropped_windows", "Windows dropped because their request had ended.", ["reason"], registry=registry
        )
        refused = Counter("mooring_refused", "Requests refused by admission control.", ["reason"], registry=registry)
        reasons = ("queue_full", "too_large", "not_ready", "draining")
        self._refused = {reason: refused.labels(reason) for reason in reasons}
        answers = Counter(
            "mooring_answers",
            "Answers: computed, shared with an identical concurrent request, or from the cache.",
            ["source"],
            registry=registry,
        )
        self._answers = {source: answers.labels(source) for source in ("computed", "shared", "cache")}
        self._cached = Gauge("mooring_cache_bytes", "Memory used by the answer cache.", registry=registry)
        self._ready = Gauge("mooring_ready", "1 if the model answers.", registry=registry)
        self._lost = Gauge(
            "mooring_models_lost", "Number of models that a restarted worker could not reload.", registry=registry
        )

    def beside(self) -> "OneOfSeveral":
        """The observer of one of several engines."""
        return OneOfSeveral(self, self._several)

    # From the engine: an Observer

    def batch(self, rows: int, tokens: int, padded_tokens: int, seconds: float) -> None:
        """As `Observer.batch`."""
        self._batch_rows.observe(rows)
        self._batch_seconds.observe(seconds)
        self._real.inc(tokens)
        self._padded.inc(padded_tokens)

    def dropped(self, reason: str, windows: int) -> None:
        """As `Observer.dropped`."""
        self._dropped.labels(reason).inc(windows)

    def refused(self, reason: str) -> None:
        """As `Observer.refused`."""
        self._refused[reason].inc()

    def queue(self, windows: int, tokens: int, wait_s: float) -> None:
        """As `Observer.queue`."""
        self._queue_windows.set(windows)
        self._queue_tokens.set(tokens)
        self._queue_wait.set(wait_s)

    def answered(self, source: str) -> None:
        """As `Observer.answered`."""
        self._answers[source].inc()

    def cached(self, size: int) -> None:
        """As `Observer.cached`."""
        self._cached.set(size)

    # From the web layer

    def request(self, route: str, status: int, seconds: float, *, timed: bool) -> None:
        """A request has ended; `route` is one of the application's or "other". `timed` if it was for inference."""
        self._requests.labels(route, str(status)).inc()
        if timed:
            self._seconds.observe(seconds)

    def stages(self, timings: Stages) -> None:
        """The stage timings of an answered request."""
        self._queue_s.observe(timings.queue_ms / 1000)
        self._tokenise_s.observe(timings.tokenise_ms / 1000)
        self._compute_s.observe(timings.compute_ms / 1000)
        self._decode_s.observe(timings.decode_ms / 1000)

    def ready(self, ready: bool) -> None:
        """Whether /ping is healthy."""
        self._ready.set(ready)

    # From a registry of several models

    def lost(self, count: int) -> None:
        """Number of models that could not be reloaded."""
        self._lost.set(count)

    def render(self) -> bytes:
        """All metrics in Prometheus text format."""
        return generate_latest(self.registry)


class Several:
    """The observers of several engines, as long as the engines live."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._every: weakref.WeakSet[OneOfSeveral] = weakref.WeakSet()

    def add(self, one: "OneOfSeveral") -> None:
        """Count it."""
        with self._lock:
            self._every.add(one)

    def queues(self) -> list[tuple[int, int, float]]:
        """What each has last reported."""
        with self._lock:
            return [one.reported for one in self._every]


class OneOfSeveral:
    """An observer that counts with others: their queues add up, and the longest expected wait is shown."""

    def __init__(self, metrics: Metrics, several: Several) -> None:
        self._metrics = metrics
        self._several = several
        self.reported = 0, 0, 0.0
        """Arguments of the last `queue`."""
        self.batch = metrics.batch
        self.dropped = metrics.dropped
        self.refused = metrics.refused
        self.answered = metrics.answered
        self.cached = metrics.cached
        several.add(self)

    def queue(self, windows: int, tokens: int, wait_s: float) -> None:
        """As `Observer.queue`."""
        self.reported = windows, tokens, wait_s
        all_windows, all_tokens, waits = zip(*self._several.queues(), strict=True)
        self._metrics.queue(sum(all_windows), sum(all_tokens), max(waits))

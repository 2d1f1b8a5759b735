"""The metrics of a server. prometheus_client keeps them in one registry per application.

Label values come from small fixed sets, such as operations and outcomes, and never contain a path, a SID or a number:
each combination is a time series.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    generate_latest,
    values,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ringback import __version__
from ringback.domain.calls import FINAL_STATES, CallStatus, VerificationStatus
from ringback.domain.events import EventType, NewEvent
from ringback.domain.fault_effects import Effect
from ringback.domain.faults import FaultTarget

NAMESPACE = "ringback"
NONE = "none"
"""Label value for a missing operation (the path is unknown) or a missing status (no response was sent)."""
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

REQUEST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
CALLBACK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
"""Upper bounds of the buckets, inclusive."""

FINAL_CALL_STATUSES = [
    (CallStatus.COMPLETED.value, VerificationStatus.SUCCESS.value),
    *((state.status.value, VerificationStatus.FAILED.value) for state in sorted(FINAL_STATES)),
]
CALLBACK_OUTCOMES: Mapping[EventType, str] = {
    EventType.CALLBACK_DELIVERED: "delivered",
    EventType.CALLBACK_FAILED: "failed",
}

MAX_BACKLOG = 10_000
"""Maximum for each count of the backlog, because counting more rows would delay requests."""


class Backlog(NamedTuple):
    """The number of due calls and the number of pending StatusCallbacks, each at most MAX_BACKLOG."""

    due_calls: int
    pending_callbacks: int


@contextmanager
def _values_in_memory() -> Iterator[None]:
    """Keep the values of new metrics in memory, even if PROMETHEUS_MULTIPROC_DIR is set for another program.

    Otherwise the library would share them with that program through files.
    """
    value_class, values.ValueClass = values.ValueClass, values.MutexValue
    try:
        yield
    finally:
        values.ValueClass = value_class


def _cached_children(metric: Counter | Gauge | Histogram) -> Callable[..., Any]:
    """Return a function that returns the child of a metric for given label values.

    The children are cached, because the library's lookup takes longer than an increment.
    """
    return cache(_values_in_memory()(metric.labels))


class Metrics:
    """The metrics of one application.

    Series that are known in advance start at 0, so that their first increase is visible. `monotonic` returns seconds
    that never decrease. `dropped_log_lines` returns the number of lines that the log has dropped.
    """

    @_values_in_memory()
    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._started_at = self._runner_polled_at = monotonic()
        self.dropped_log_lines: Callable[[], int] = lambda: 0
        self._started_tasks: set[str] = set()
        self.registry = CollectorRegistry()
        Info("build", "The version of ringback.", namespace=NAMESPACE, registry=self.registry).info(
            {"version": __version__}
        )
        self._register_ages()
        self._requests = self._counter("requests", "Requests to the Twilio API.", "operation", "method", "status")
        self._calls = self._counter("calls", "Validation calls that ended.", "call_status", "verification_status")
        self._callbacks = self._counter("callbacks", "Settled StatusCallbacks, including redelivered ones.", "outcome")
        self._faults = self._counter("faults", "Injected faults that were triggered.", "operation", "effect")
        self._events = self._counter("events", "Events written.", "type")
        self._restarts = self._counter("background_task_restarts", "Restarts of failed background tasks.", "task")
        self._running = _cached_children(
            self._gauge("background_task_running", "1 while a background task runs, 0 while it is down.", "task")
        )
        self._register_histograms()
        self._scraped = _ScrapeTimeCollector(self)
        self.registry.register(self._scraped)
        self._start_known_series()

    def _register_ages(self) -> None:
        self._gauge("uptime_seconds", "Seconds since startup.").set_function(lambda: self.uptime_seconds)
        self._gauge(
            "runner_last_poll_age_seconds",
            "Seconds since the runner last polled for due calls. When idle, it polls every 30 seconds.",
        ).set_function(lambda: self.seconds_since_runner_polled)

    def _register_histograms(self) -> None:
        requests = self._histogram(
            "request_duration_seconds",
            "Seconds from a request's head to the end of its response.",
            REQUEST_SECONDS,
            "operation",
        )
        attempts = self._histogram(
            "callback_attempt_duration_seconds",
            "Seconds that each attempt to deliver a StatusCallback took, by the class of its response.",
            CALLBACK_SECONDS,
            "answer",
        )
        self._request_seconds, self._callback_attempt_seconds = _cached_children(requests), _cached_children(attempts)
        self._callback_lag_seconds = self._histogram(
            "callback_lag_seconds",
            "Seconds from when a StatusCallback was due until the sender claimed it.",
            CALLBACK_SECONDS,
        )

    def _counter(self, name: str, documentation: str, *labels: str) -> Callable[..., Counter]:
        """Register a counter, and return a function that returns its child for given label values."""
        return _cached_children(Counter(name, documentation, labels, namespace=NAMESPACE, registry=self.registry))

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(name, documentation, labels, namespace=NAMESPACE, registry=self.registry)

    def _histogram(self, name: str, documentation: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, documentation, labels, namespace=NAMESPACE, registry=self.registry, buckets=buckets)

    def _start_known_series(self) -> None:
        for statuses in FINAL_CALL_STATUSES:
            self._calls(*statuses)
        for outcome in CALLBACK_OUTCOMES.values():
            self._callbacks(outcome)
        for kind in EventType:
            self._events(kind.value)

    def observe_request(self, operation: str | None, method: str, status: int, seconds: float) -> None:
        """Count a request to the Twilio API; `status` is 0 if no response was sent."""
        name = operation or NONE
        self._requests(name, method if method in METHODS else OTHER, status or NONE).inc()
        self._request_seconds(name).observe(seconds)

    def count_event(self, event: NewEvent) -> None:
        """Count a committed event, and the end of the call or callback that it reports."""
        self._events(str(event.type)).inc()
        if event.type == EventType.CALL_ENDED:
            self._calls(event.data["status"], event.data["verification_status"]).inc()
        elif event.type in CALLBACK_OUTCOMES:
            self._callbacks(CALLBACK_OUTCOMES[event.type]).inc()

    def observe_callback_lag(self, lag_seconds: float) -> None:
        """Observe the time from when a StatusCallback was due until the sender claimed it."""
        self._callback_lag_seconds.observe(lag_seconds)

    def observe_callback_attempt(self, status_code: int | None, seconds: float) -> None:
        """Observe the duration of a delivery attempt. `status_code` is None if there was no response."""
        self._callback_attempt_seconds(f"{status_code // 100}xx" if status_code else NONE).observe(seconds)

    def count_fault(self, operation: FaultTarget, effect: Effect) -> None:
        """Count an injected fault that was triggered."""
        self._faults(operation.value, next(iter(effect.to_dict()))).inc()

    def task_started(self, name: str) -> None:
        """Record that a background task is running. Every start except the first is a restart."""
        self._restarts(name).inc(name in self._started_tasks)
        self._started_tasks.add(name)
        self._running(name).set(1)

    def task_failed(self, name: str) -> None:
        """Record that a background task is down."""
        self._running(name).set(0)

    def runner_polled(self) -> None:
        """Record that the runner has just polled for due calls."""
        self._runner_polled_at = self._monotonic()

    @property
    def uptime_seconds(self) -> float:
        return self._monotonic() - self._started_at

    @property
    def seconds_since_runner_polled(self) -> float:
        """Seconds since the runner last polled for due calls, or since startup if it has not polled yet."""
        return self._monotonic() - self._runner_polled_at

    def exposition(self, backlog: Backlog | None) -> bytes:
        """Return all metrics in Prometheus's text format 0.0.4, except the two backlog metrics if `backlog` is None."""
        self._scraped.backlog = backlog
        return generate_latest(_WithoutCreatedSeries(self.registry))


class _WithoutCreatedSeries(CollectorRegistry):
    """A view of a registry without the `_created` series, which only a process-wide setting could turn off."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(auto_describe=False)
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


class _ScrapeTimeCollector(Collector):
    """Collects, during each scrape, the values of metrics that are counted elsewhere."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.backlog: Backlog | None = None

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            f"{NAMESPACE}_log_lines_dropped",
            "Log lines that could not be written, because the log's reader was gone or too slow, or the disk was full.",
            value=self._metrics.dropped_log_lines(),
        )
        if self.backlog is not None:
            yield GaugeMetricFamily(
                f"{NAMESPACE}_calls_due",
                f"Calls whose next event is due, counted up to {MAX_BACKLOG}.",
                value=self.backlog.due_calls,
            )
            yield GaugeMetricFamily(
                f"{NAMESPACE}_callbacks_pending",
                f"Pending StatusCallbacks: neither delivered nor failed, counted up to {MAX_BACKLOG}.",
                value=self.backlog.pending_callbacks,
            )

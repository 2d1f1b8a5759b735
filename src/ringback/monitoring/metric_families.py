"""The server's meters as metric families of Prometheus; prometheus_client writes the format.

Its own registry, which a whole process shares, stays unused: there may be several servers in one.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ringback import __version__
from ringback.monitoring.metrics import MOST_COUNTED, Backlog, Histogram, Metrics

PREFIX = "ringback_"

Counts = Iterable[tuple[tuple[str, ...], int]]
"""The labels' values of each time series, and its count."""


def exposition(metrics: Metrics, backlog: Backlog | None) -> bytes:
    """Return all metrics in Prometheus's text format 0.0.4; without a `backlog`, all but its own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(metrics, backlog))
    return generate_latest(registry)


class _Families(Collector):
    """One scrape's metrics."""

    def __init__(self, metrics: Metrics, backlog: Backlog | None) -> None:
        self._meters = metrics
        self._backlog = backlog

    def describe(self) -> Iterable[Metric]:
        """Name none beforehand: each scrape has a registry of its own, where nothing can clash."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily(f"{PREFIX}build", "What runs.", value={"version": __version__})
        yield _gauge("uptime_seconds", "Seconds since the start.", self._meters.uptime_seconds)
        yield from self._counted()
        yield from self._supervised()
        yield from self._timed()
        yield from self._pending()

    def _counted(self) -> Iterator[Metric]:
        metrics = self._meters
        yield _counter(
            "requests", "Requests to the Twilio surface.", ("operation", "method", "status"), metrics.requests.items()
        )
        yield _counter(
            "calls", "Validation calls that ended.", ("call_status", "verification_status"), metrics.calls.items()
        )
        settled = [((outcome,), count) for outcome, count in metrics.callbacks.items()]
        yield _counter("callbacks", "StatusCallbacks settled; one sent again counts again.", ("outcome",), settled)
        yield _counter("faults", "Faults that struck.", ("operation", "effect"), metrics.faults.items())
        events = [((kind,), count) for kind, count in metrics.events.items()]
        yield _counter("events", "Events written.", ("type",), events)

    def _supervised(self) -> Iterator[Metric]:
        metrics = self._meters
        restarts = [((name,), count) for name, count in metrics.task_restarts.items()]
        yield _counter("background_task_restarts", "Restarts of background tasks that failed.", ("task",), restarts)
        running = GaugeMetricFamily(
            f"{PREFIX}background_task_running", "1 while a background task runs, 0 while it is down.", labels=("task",)
        )
        for name, is_running in metrics.tasks_running.items():
            running.add_metric((name,), is_running)
        yield running
        yield _counter(
            "log_lines_dropped",
            "Log lines that could not be written, because the log's reader is gone or too slow, or its disk is full.",
            (),
            [((), metrics.dropped_log_lines())],
        )

    def _timed(self) -> Iterator[Metric]:
        metrics = self._meters
        yield _histogram(
            "request_duration_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("operation",),
            metrics.request_seconds,
        )
        yield _histogram(
            "callback_lag_seconds",
            "Seconds from when a StatusCallback was due until the sender took it up.",
            (),
            metrics.callback_lag_seconds,
        )
        yield _histogram(
            "callback_attempt_duration_seconds",
            "Seconds that each try to deliver a StatusCallback took, by the class of its answer.",
            ("answer",),
            metrics.callback_attempt_seconds,
        )

    def _pending(self) -> Iterator[Metric]:
        if self._backlog is not None:
            due, owed = self._backlog
            yield _gauge("calls_due", f"Calls whose next event is due; {MOST_COUNTED} stands for more, too.", due)
            yield _gauge(
                "callbacks_owed",
                f"StatusCallbacks neither delivered nor given up; {MOST_COUNTED} stands for more, too.",
                owed,
            )
        yield _gauge(
            "runner_last_look_age_seconds",
            "Seconds since the runner looked for calls that are due; at rest it looks every 30 seconds.",
            self._meters.seconds_since_runner_polled,
        )


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, meaning, value=value)


def _counter(name: str, meaning: str, labels: Sequence[str], counts: Counts) -> Metric:
    family = CounterMetricFamily(PREFIX + name, meaning, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family


def _histogram(name: str, meaning: str, labels: Sequence[str], histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, meaning, labels=labels)
    bounds = [*map(str, histogram.bounds), "+Inf"]
    for word, series in histogram.series.items():
        buckets = list(zip(bounds, accumulate(series.counts), strict=True))
        family.add_metric([word][: len(labels)], buckets, series.total)
    return family

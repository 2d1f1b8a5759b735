"""The metrics of requests to the Twilio API: counted by plain code, and collected during a scrape."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

REQUEST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the buckets, inclusive."""
_BOUNDS = (*map(str, REQUEST_SECONDS), "+Inf")


class _Durations:
    """The number of durations in each bucket, and their sum."""

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUNDS)
        self.sum_seconds = 0.0


class RequestMetrics(Collector):
    """Counts requests by operation, method and status, and their durations by operation.

    The library's own counter and histogram take four times as long: they lock each value. Every request is counted.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._durations: defaultdict[str, _Durations] = defaultdict(_Durations)

    def observe(self, operation: str, method: str, status: str, seconds: float) -> None:
        """Count a request and its duration."""
        self._requests[operation, method, status] += 1
        durations = self._durations[operation]
        durations.buckets[bisect_left(REQUEST_SECONDS, seconds)] += 1
        durations.sum_seconds += seconds

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            f"{self._namespace}_requests", "Requests to the Twilio API.", labels=("operation", "method", "status")
        )
        for labels, count in self._requests.items():
            requests.add_metric(labels, count)
        yield requests
        durations = HistogramMetricFamily(
            f"{self._namespace}_request_duration_seconds",
            "Seconds from a request's head to the end of its response.",
            labels=("operation",),
        )
        for operation, observed in self._durations.items():
            buckets = [*zip(_BOUNDS, map(float, accumulate(observed.buckets)), strict=True)]
            durations.add_metric((operation,), buckets, observed.sum_seconds)
        yield durations

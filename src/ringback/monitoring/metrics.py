"""What a server counts while it runs: plain numbers in memory, which a reset leaves alone and a scrape reads.

Whoever counts passes only words of a known few - operations, outcomes, kinds - never a path, a SID or a number: each
word is a time series of its own.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from ringback.domain.calls import FINAL_STATES, CallStatus, VerificationStatus
from ringback.domain.events import EventType, NewEvent
from ringback.domain.faults import Effect, FaultTarget

NONE = "none"
"""The word for what there is not: the operation of a path that leads nowhere, the status of an answer never sent."""
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

REQUEST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
CALLBACK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
"""Up to and with so many seconds an observation is in a bucket; one more bucket holds the rest."""

CALL_ENDS = [
    (CallStatus.COMPLETED.value, VerificationStatus.SUCCESS.value),
    *((state.status.value, VerificationStatus.FAILED.value) for state in sorted(FINAL_STATES)),
]
CALLBACK_ENDS = {EventType.CALLBACK_DELIVERED: "delivered", EventType.CALLBACK_FAILED: "failed"}

MOST_COUNTED = 10_000
"""So many stands for as many or more: counting on would keep requests waiting."""


class Backlog(NamedTuple):
    """How many calls' next event is due, and how many StatusCallbacks are owed; at most MOST_COUNTED of each."""

    due_calls: int
    owed_callbacks: int


Monotonic = Callable[[], float]
"""Seconds that never go back."""


class Series:
    """How many observations each bucket holds, the last one those beyond all bounds; and the sum of all."""

    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.total = 0.0


class Histogram:
    """Observations in seconds, sorted into buckets, for each of a few words."""

    __slots__ = ("bounds", "series")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.series: dict[str, Series] = {}

    def observe(self, word: str, seconds: float) -> None:
        series = self.series.get(word)
        if series is None:
            series = self.series[word] = Series(len(self.bounds) + 1)
        series.counts[bisect_left(self.bounds, seconds)] += 1
        series.total += seconds


class Metrics:
    """All that is counted. What can be known beforehand begins at 0, so that its first increase is seen, too."""

    def __init__(self, monotonic: Monotonic = time.monotonic) -> None:
        self._monotonic = monotonic
        self._started = self._runner_looked = monotonic()
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.request_seconds = Histogram(REQUEST_SECONDS)
        self.calls: Counter[tuple[str, str]] = Counter(dict.fromkeys(CALL_ENDS, 0))
        self.callbacks: Counter[str] = Counter(dict.fromkeys(CALLBACK_ENDS.values(), 0))
        self.callback_lag_seconds = Histogram(CALLBACK_SECONDS)
        self.callback_attempt_seconds = Histogram(CALLBACK_SECONDS)
        self.faults: Counter[tuple[str, str]] = Counter()
        self.events: Counter[str] = Counter(dict.fromkeys(EventType, 0))
        self.task_restarts: Counter[str] = Counter()
        self.tasks_running: dict[str, bool] = {}
        self.dropped_log_lines: Callable[[], int] = lambda: 0

    def observe_request(self, operation: str | None, method: str, status: int, seconds: float) -> None:
        """Count a request to the Twilio surface; `status` 0 when no answer was sent."""
        name = operation or NONE
        self.requests[name, method if method in METHODS else OTHER, str(status) if status else NONE] += 1
        self.request_seconds.observe(name, seconds)

    def count_event(self, event: NewEvent) -> None:
        """Count an event that was committed, and what it tells the end of."""
        self.events[event.type] += 1
        if event.type == EventType.CALL_ENDED:
            self.calls[str(event.data["status"]), str(event.data["verification_status"])] += 1
        elif event.type in CALLBACK_ENDS:
            self.callbacks[CALLBACK_ENDS[event.type]] += 1

    def observe_callback_lag(self, lag_seconds: float) -> None:
        """Count a StatusCallback that the sender took up so long after it was due."""
        self.callback_lag_seconds.observe("", lag_seconds)

    def observe_callback_attempt(self, status_code: int | None, seconds: float) -> None:
        """Count one try to deliver a StatusCallback; `status_code` is None where there was no answer."""
        self.callback_attempt_seconds.observe(f"{status_code // 100}xx" if status_code else NONE, seconds)

    def count_fault(self, operation: FaultTarget, effect: Effect) -> None:
        """Count a fault that a test asked for."""
        self.faults[operation.value, next(iter(effect.to_dict()))] += 1

    def task_started(self, name: str) -> None:
        """Count that a background task runs; the first time is not a restart."""
        self.task_restarts[name] += name in self.tasks_running
        self.tasks_running[name] = True

    def task_failed(self, name: str) -> None:
        """Note that a background task is down."""
        self.tasks_running[name] = False

    def runner_polled(self) -> None:
        """Note that the runner has just looked for calls that are due."""
        self._runner_looked = self._monotonic()

    @property
    def uptime_seconds(self) -> float:
        return self._monotonic() - self._started

    @property
    def seconds_since_runner_polled(self) -> float:
        """How long ago the runner looked; since the start, where it never did."""
        return self._monotonic() - self._runner_looked

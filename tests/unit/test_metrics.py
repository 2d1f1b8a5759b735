"""Metrics: counters, their labels, and Prometheus' text format."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringback.domain.events import EventType, NewEvent
from ringback.domain.fault_effects import AnswerError
from ringback.domain.faults import FaultTarget
from ringback.domain.operations import Operation
from ringback.domain.timestamps import Timestamp
from ringback.monitoring.metrics import METHODS, REQUEST_SECONDS, Backlog, Metrics
from support.domain_values import ACCOUNT_SID


class Seconds:
    """A monotonic clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def samples(metrics: Metrics, backlog: Backlog | None = None) -> dict[tuple[str, ...], float]:
    """Return all samples. Their keys are the name of the sample and its label values, sorted by label name."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(metrics.exposition(backlog).decode())
        for sample in family.samples
    }


def an_event(kind: EventType, **data: str) -> NewEvent:
    return NewEvent(ACCOUNT_SID, Timestamp(0), kind, None, data)


def test_requests_are_counted_by_operation_method_and_status() -> None:
    metrics = Metrics()

    metrics.observe_request("list-calls", "GET", 200, 0.001)
    metrics.observe_request("list-calls", "GET", 200, 0.001)
    metrics.observe_request(None, "POST", 404, 0.001)
    metrics.observe_request("fetch-call", "GET", 0, 0.001)

    found = samples(metrics)
    assert found["ringback_requests_total", "GET", "list-calls", "200"] == 2
    assert found["ringback_requests_total", "POST", "none", "404"] == 1
    assert found["ringback_requests_total", "GET", "fetch-call", "none"] == 1


def test_unknown_methods_share_one_time_series() -> None:
    metrics = Metrics()

    for number in range(100):
        metrics.observe_request(None, f"METHOD{number}", 405, 0.001)

    requests = {key[1:]: value for key, value in samples(metrics).items() if key[0] == "ringback_requests_total"}
    assert requests == {("other", "none", "405"): 100}
    assert {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} <= METHODS


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [(0.0, "0.0005"), (0.0005, "0.0005"), (0.000_501, "0.001"), (10.0, "10.0"), (10.001, "+Inf"), (1e9, "+Inf")],
)
def test_buckets_include_their_upper_bounds(seconds: float, bound: str) -> None:
    metrics = Metrics()

    metrics.observe_request("list-calls", "GET", 200, seconds)

    found = samples(metrics)
    name = "ringback_request_duration_seconds"
    bounds = [*map(str, REQUEST_SECONDS), "+Inf"]
    assert next(it for it in bounds if found[f"{name}_bucket", it, "list-calls"]) == bound
    assert found[f"{name}_sum", "list-calls"] == seconds


def test_buckets_of_a_histogram_are_cumulative() -> None:
    metrics = Metrics()

    for seconds in (0.0004, 0.002, 99.0):
        metrics.observe_request("list-calls", "GET", 200, seconds)

    found = samples(metrics)
    name = "ringback_request_duration_seconds"
    buckets = [found[f"{name}_bucket", bound, "list-calls"] for bound in (*map(str, REQUEST_SECONDS), "+Inf")]
    assert buckets == [1, 1, *[2] * (len(REQUEST_SECONDS) - 2), 3]
    assert found[f"{name}_count", "list-calls"] == 3
    assert found[f"{name}_sum", "list-calls"] == pytest.approx(99.0024)


def test_outcomes_start_at_0_and_are_counted_with_their_events() -> None:
    metrics = Metrics()
    before = samples(metrics)

    metrics.count_event(an_event(EventType.CALL_ENDED, status="busy", verification_status="failed"))
    metrics.count_event(an_event(EventType.CALLBACK_FAILED))
    metrics.count_event(an_event(EventType.CALL_QUEUED))

    after = samples(metrics)
    changed = {key: value for key, value in after.items() if value != before[key] and "uptime" not in key[0]}
    del changed[("ringback_runner_last_poll_age_seconds",)]
    assert changed == {
        ("ringback_calls_total", "busy", "failed"): 1,
        ("ringback_callbacks_total", "failed"): 1,
        ("ringback_events_total", "call.ended"): 1,
        ("ringback_events_total", "call.queued"): 1,
        ("ringback_events_total", "callback.failed"): 1,
    }
    assert {value for key, value in before.items() if key[0].endswith("_total")} == {0.0}


def test_callback_attempts_are_counted_by_the_class_of_their_response() -> None:
    metrics = Metrics()

    for status_code in (200, 204, 503, None):
        metrics.observe_callback_attempt(status_code, 0.01)
    metrics.observe_callback_lag(0.02)

    found = samples(metrics)
    tries = {
        key[1]: value for key, value in found.items() if key[0] == "ringback_callback_attempt_duration_seconds_count"
    }
    assert tries == {"2xx": 2, "5xx": 1, "none": 1}
    assert found["ringback_callback_lag_seconds_count",] == 1


def test_faults_are_counted_by_operation_and_effect() -> None:
    metrics = Metrics()

    metrics.count_fault(FaultTarget(Operation.LIST_CALLS), AnswerError(429, message="+12125551234"))

    assert samples(metrics)["ringback_faults_total", "status", "list-calls"] == 1


def test_uptime_and_seconds_since_the_last_poll_grow() -> None:
    seconds = Seconds()
    metrics = Metrics(seconds)
    seconds.now += 5

    never = metrics.seconds_since_runner_polled
    metrics.runner_polled()
    seconds.now += 2

    found = samples(metrics)
    assert (never, metrics.seconds_since_runner_polled, metrics.uptime_seconds) == (5, 2, 7)
    assert (found["ringback_runner_last_poll_age_seconds",], found["ringback_uptime_seconds",]) == (2, 7)


def test_backlog_is_shown_only_if_it_is_known() -> None:
    known, unknown = samples(Metrics(), Backlog(3, 4)), samples(Metrics())

    assert (known["ringback_calls_due",], known["ringback_callbacks_pending",]) == (3, 4)
    assert known.keys() - unknown.keys() == {("ringback_calls_due",), ("ringback_callbacks_pending",)}


def test_number_of_dropped_log_lines_is_read_when_the_metrics_are_scraped() -> None:
    metrics = Metrics()
    before = samples(metrics)
    metrics.dropped_log_lines = lambda: 3

    assert (before["ringback_log_lines_dropped_total",], samples(metrics)["ringback_log_lines_dropped_total",]) == (
        0,
        3,
    )


def test_restarts_of_a_task_are_counted_from_its_second_start() -> None:
    metrics = Metrics()

    metrics.task_started("pruning")
    first = samples(metrics)
    metrics.task_failed("pruning")
    failed = samples(metrics)
    metrics.task_started("pruning")
    second = samples(metrics)

    names = ("ringback_background_task_restarts_total", "ringback_background_task_running")
    assert [tuple(found[name, "pruning"] for name in names) for found in (first, failed, second)] == [
        (0, 1),
        (0, 0),
        (1, 1),
    ]


def test_metrics_of_two_applications_are_separate() -> None:
    one, other = Metrics(), Metrics()

    one.observe_request("list-calls", "GET", 200, 0.001)

    assert samples(one)["ringback_requests_total", "GET", "list-calls", "200"] == 1
    assert ("ringback_requests_total", "GET", "list-calls", "200") not in samples(other)


def test_created_series_are_omitted() -> None:
    assert [key for key in samples(Metrics()) if key[0].endswith("_created")] == []


def test_multiprocess_directory_of_another_program_is_not_used(tmp_path: Path) -> None:
    code = (
        "from ringback.monitoring.metrics import Metrics; metrics = Metrics(); "
        "metrics.observe_request('list-calls', 'GET', 200, 0.001); print(metrics.exposition(None).decode())"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True
    )

    assert 'ringback_requests_total{method="GET",operation="list-calls",status="200"} 1.0' in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_metrics_of_other_programs_keep_their_created_series_and_shared_values(tmp_path: Path) -> None:
    code = (
        "from ringback.monitoring.metrics import Metrics; Metrics().observe_request('list-calls', 'GET', 200, 0.001); "
        "from prometheus_client import Counter, values; Counter('theirs', 'A counter.').inc(); "
        "print(values.ValueClass.__name__)"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True
    )

    assert done.stdout.strip() == "MmapedValue"
    assert len(list(tmp_path.iterdir())) == 1

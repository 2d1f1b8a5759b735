"""What is counted, in which words, and how it is written for Prometheus."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringback.domain.events import EventType, NewEvent
from ringback.domain.faults import AnswerError, FaultTarget
from ringback.domain.timestamps import Timestamp
from ringback.monitoring.metric_families import exposition
from ringback.monitoring.metrics import METHODS, REQUEST_SECONDS, Backlog, Histogram, Metrics
from support.domain_values import ACCOUNT_SID


class Seconds:
    """A clock that never goes back, in a test's hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def samples(metrics: Metrics, backlog: Backlog | None = None) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and its labels' values, in the order of their names."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(exposition(metrics, backlog).decode())
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


def test_methods_that_nobody_knows_are_one_time_series() -> None:
    metrics = Metrics()

    for number in range(100):
        metrics.observe_request(None, f"METHOD{number}", 405, 0.001)

    assert metrics.requests == {("none", "other", "405"): 100}
    assert {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} <= METHODS


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0, 0), (1.0, 0), (1.001, 1), (2.0, 1), (2.001, 2), (1e9, 2)])
def test_a_bucket_holds_what_is_up_to_its_bound_and_with_it(seconds: float, bucket: int) -> None:
    histogram = Histogram((1.0, 2.0))

    histogram.observe("a", seconds)

    assert [number for number, count in enumerate(histogram.series["a"].counts) if count] == [bucket]
    assert histogram.series["a"].total == seconds


def test_a_histogram_is_written_with_its_buckets_added_up() -> None:
    metrics = Metrics()

    for seconds in (0.0004, 0.002, 99.0):
        metrics.observe_request("list-calls", "GET", 200, seconds)

    found = samples(metrics)
    name = "ringback_request_duration_seconds"
    buckets = [found[f"{name}_bucket", bound, "list-calls"] for bound in (*map(str, REQUEST_SECONDS), "+Inf")]
    assert buckets == [1, 1, *[2] * (len(REQUEST_SECONDS) - 2), 3]
    assert found[f"{name}_count", "list-calls"] == 3
    assert found[f"{name}_sum", "list-calls"] == pytest.approx(99.0024)


def test_outcomes_begin_at_nought_and_are_counted_when_their_events_are() -> None:
    metrics = Metrics()
    before = samples(metrics)

    metrics.count_event(an_event(EventType.CALL_ENDED, status="busy", verification_status="failed"))
    metrics.count_event(an_event(EventType.CALLBACK_FAILED))
    metrics.count_event(an_event(EventType.CALL_QUEUED))

    after = samples(metrics)
    changed = {key: value for key, value in after.items() if value != before[key] and "uptime" not in key[0]}
    del changed[("ringback_runner_last_look_age_seconds",)]
    assert changed == {
        ("ringback_calls_total", "busy", "failed"): 1,
        ("ringback_callbacks_total", "failed"): 1,
        ("ringback_events_total", "call.ended"): 1,
        ("ringback_events_total", "call.queued"): 1,
        ("ringback_events_total", "callback.failed"): 1,
    }
    assert {value for key, value in before.items() if key[0].endswith("_total")} == {0.0}


def test_each_try_of_a_callback_is_counted_by_the_class_of_its_answer() -> None:
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


def test_faults_are_counted_by_where_they_struck_and_what_they_did() -> None:
    metrics = Metrics()

    metrics.count_fault(FaultTarget.LIST_CALLS, AnswerError(429, message="+12125551234"))

    assert samples(metrics)["ringback_faults_total", "status", "list-calls"] == 1


def test_the_runners_last_look_and_the_uptime_age() -> None:
    seconds = Seconds()
    metrics = Metrics(seconds)
    seconds.now += 5

    never = metrics.seconds_since_runner_polled
    metrics.runner_polled()
    seconds.now += 2

    assert (never, metrics.seconds_since_runner_polled, metrics.uptime_seconds) == (5, 2, 7)


def test_the_backlog_is_told_where_it_is_known() -> None:
    known, unknown = samples(Metrics(), Backlog(3, 4)), samples(Metrics())

    assert (known["ringback_calls_due",], known["ringback_callbacks_owed",]) == (3, 4)
    assert known.keys() - unknown.keys() == {("ringback_calls_due",), ("ringback_callbacks_owed",)}

"""Log lines about outages of a database."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.storage.outages import LONGEST_LOG_PAUSE_SECONDS, OutageLog

TASKS = ("call_runner", "callback_sender", "checkpoint")
DAMAGED = RuntimeError("the database file is damaged")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage_log(clock: Clock) -> OutageLog:
    return OutageLog(clock)


@pytest.fixture
def lines() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as captured:
        yield captured


def test_outage_of_several_tasks_is_logged_once(outage_log: OutageLog, lines: list[MutableMapping[str, Any]]) -> None:
    for task in TASKS:
        outage_log.outage(task, DAMAGED)

    assert [line["event"] for line in lines] == ["database unavailable, retrying"]
    assert lines[0]["reason"] == str(DAMAGED)


def test_lasting_outage_is_logged_with_a_backoff_of_up_to_a_minute(
    outage_log: OutageLog, clock: Clock, lines: list[MutableMapping[str, Any]]
) -> None:
    logged_at: list[int] = []
    for second in range(300):
        clock.now = 1_000.0 + second
        for task in TASKS:
            outage_log.outage(task, DAMAGED)
        if len(lines) > len(logged_at):
            logged_at.append(second)

    assert logged_at == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
    assert logged_at[-1] - logged_at[-2] == LONGEST_LOG_PAUSE_SECONDS
    assert lines[-1]["tasks"] == sorted(TASKS)


def test_new_reason_of_an_outage_is_logged_immediately(
    outage_log: OutageLog, lines: list[MutableMapping[str, Any]]
) -> None:
    outage_log.outage("checkpoint", RuntimeError("the disk is full"))
    outage_log.outage("checkpoint", DAMAGED)

    assert [line["reason"] for line in lines] == ["the disk is full", str(DAMAGED)]


def test_end_of_an_outage_is_logged_when_the_last_task_has_recovered(
    outage_log: OutageLog, lines: list[MutableMapping[str, Any]]
) -> None:
    for task in TASKS:
        outage_log.outage(task, DAMAGED)
    while_some_are_down = []
    for task in TASKS:
        while_some_are_down.append((outage_log.is_out, len(lines)))
        outage_log.recovered(task)
        outage_log.recovered(task)

    assert while_some_are_down == [(True, 1)] * 3
    assert [line["event"] for line in lines[1:]] == ["database available again"]
    assert not outage_log.is_out


def test_next_outage_is_logged_immediately(outage_log: OutageLog, lines: list[MutableMapping[str, Any]]) -> None:
    outage_log.outage("checkpoint", DAMAGED)
    outage_log.recovered("checkpoint")
    outage_log.outage("checkpoint", DAMAGED)

    assert [line["event"] for line in lines] == [
        "database unavailable, retrying",
        "database available again",
        "database unavailable, retrying",
    ]

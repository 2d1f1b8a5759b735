"""Every background task of the application is restarted after a failure; readiness and metrics show the failure."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from ringback.callback_delivery.sender import CallbackSender
from ringback.monitoring.log_writer import LogWriter
from ringback.simulator.background import Housekeeper, JournalWriter
from ringback.simulator.call_runner import CallRunner
from ringback.startup import TASK_NAMES, LazyApplication
from ringback.storage.postgresql_notify import PostgresNotifier
from ringback.storage.postgresql_watchdog import Watchdog
from ringback.storage.sqlite_database import SqliteDatabase
from ringback.supervision import Supervisor
from support.databases.templates import POSTGRESQL, SQLITE, only
from support.in_process.control import Controlled, ControlledAccount
from support.polling import until
from support.receivers.receiver import CallbackReceiver
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

ONLY_ON = {
    "checkpoint": SQLITE,
    "notification_publisher": POSTGRESQL,
    "notification_listener": POSTGRESQL,
    "notification_poll": POSTGRESQL,
    "database_watchdog": POSTGRESQL,
}
TASKS = pytest.mark.parametrize(
    ("migrated", "name"),
    [(kind, name) for name in TASK_NAMES for kind in (SQLITE, POSTGRESQL) if ONLY_ON.get(name, kind) == kind],
    indirect=["migrated"],
)
WORK: dict[str, tuple[type, str]] = {
    "call_runner": (CallRunner, "step"),
    "callback_sender": (CallbackSender, "_poll"),
    "callback_leases": (CallbackSender, "_renew_leases"),
    "checkpoint": (SqliteDatabase, "checkpoint"),
    "pruning": (Housekeeper, "maintain_accounts"),
    "request_journal": (JournalWriter, "write"),
    "notification_publisher": (PostgresNotifier, "_publish"),
    "notification_listener": (PostgresNotifier, "_listen"),
    "notification_poll": (PostgresNotifier, "_poll_once"),
    "database_watchdog": (Watchdog, "check"),
    "warm_up": (LazyApplication, "get"),
    "log_writer": (LogWriter, "_restart_thread"),
}
"""For each background task, the class and the method that do its work."""


class ManualRestarts:
    """A restart policy that restarts a task only when the test requests it."""

    def __init__(self) -> None:
        self.pending: list[Callable[[], None]] = []

    def __call__(self, _: float, restart: Callable[[], None]) -> asyncio.TimerHandle:
        self.pending.append(restart)
        return asyncio.get_running_loop().call_later(3_600, restart)

    def run(self) -> None:
        """Restart the only task that is down."""
        [restart] = self.pending
        self.pending.clear()
        restart()


@dataclass
class Watched:
    """An application whose supervisor restarts a task only when the test requests it."""

    controlled: Controlled
    supervisor: Supervisor
    restarts: ManualRestarts

    async def readiness(self) -> tuple[int, str | None]:
        answer = await self.controlled.http.get("/readyz")
        return answer.status_code, answer.json().get("reason")

    async def metrics(self, name: str) -> tuple[float, float]:
        """Return the number of restarts of a task, and 1 if the task is running, otherwise 0."""
        answer = await self.controlled.http.get("/metrics")
        found = {
            sample.name: sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
            if sample.labels.get("task") == name
        }
        return found["ringback_background_task_restarts_total"], found["ringback_background_task_running"]


@pytest.fixture
async def watched(controlled: Controlled) -> Watched:
    restarts = ManualRestarts()
    supervisor: Supervisor = controlled.app.state.supervisor
    supervisor.schedule = restarts
    # Until it is connected, the notification listener calls methods that tests replace with failing ones.
    await until(lambda: supervisor.trouble() is None, PATIENCE_SECONDS)
    return Watched(controlled, supervisor, restarts)


def down(name: str) -> tuple[int, str]:
    return 503, f"the background task {name} failed and will be restarted; the log says why"


def test_every_background_task_has_a_test() -> None:
    assert set(WORK) == set(TASK_NAMES)


@pytest.mark.parametrize(
    ("migrated", "names"),
    [(kind, {name for name in WORK if ONLY_ON.get(name, kind) == kind}) for kind in (SQLITE, POSTGRESQL)],
    indirect=["migrated"],
)
async def test_supervisor_runs_the_tasks_that_the_decision_record_lists(watched: Watched, names: set[str]) -> None:
    assert set(watched.supervisor.names) == names


@TASKS
async def test_cancelled_task_is_restarted_and_shown_as_down_until_then(watched: Watched, name: str) -> None:
    before = await watched.readiness()
    running = watched.supervisor.running(name)
    assert running is not None

    with capture_logs() as lines:
        running.cancel()
        await until(lambda: watched.restarts.pending, 30)
    meanwhile, counted_meanwhile = await watched.readiness(), await watched.metrics(name)
    watched.restarts.run()
    afterwards, counted = await watched.readiness(), await watched.metrics(name)

    assert (before, meanwhile, afterwards) == ((200, None), down(name), (200, None))
    assert (counted_meanwhile, counted) == ((0, 0), (1, 1))
    [line] = [line for line in lines if line["event"] == "background task failed, restarting"]
    assert (line["log_level"], line["task"], line["seconds"]) == ("error", name, 0.5)


@TASKS
async def test_task_whose_work_raises_is_restarted_and_works_again(
    watched: Watched, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, method = WORK[name]
    work = getattr(kind, method)
    outcomes: list[str] = []

    def failing_once(owner: object, *arguments: Any) -> Any:
        outcomes.append("worked" if outcomes else "failed")
        if len(outcomes) == 1:
            raise ZeroDivisionError
        return work(owner, *arguments)

    monkeypatch.setattr(kind, method, failing_once)
    running = watched.supervisor.running(name)
    assert running is not None
    running.cancel()
    await until(lambda: watched.restarts.pending, 30)
    watched.restarts.run()
    await until(lambda: watched.restarts.pending, 30)
    meanwhile = await watched.readiness()
    watched.restarts.run()
    await until(lambda: "worked" in outcomes, 30)

    assert (meanwhile, await watched.readiness()) == (down(name), (200, None))
    assert await watched.metrics(name) == (2, 1)


@only(SQLITE)
async def test_calls_and_callbacks_continue_after_their_tasks_are_restarted(
    watched: Watched, account: ControlledAccount, receiver: CallbackReceiver
) -> None:
    for name in ("call_runner", "callback_sender"):
        running = watched.supervisor.running(name)
        assert running is not None
        running.cancel()
        await until(lambda: watched.restarts.pending, 30)
        watched.restarts.run()

    await account.validate(StatusCallback=receiver.url)
    await account.advance(60)

    assert len(receiver.received) == 1


@only(SQLITE)
async def test_background_task_that_fails_too_often_ends_the_process(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops: list[bool] = []
    watched.supervisor.on_give_up = lambda: stops.append(True)

    async def failing(_: CallRunner) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(CallRunner, "step", failing)
    running = watched.supervisor.running("call_runner")
    assert running is not None
    with capture_logs() as lines:
        running.cancel()
        for _ in range(4):
            await until(lambda: watched.restarts.pending, 30)
            watched.restarts.run()
        await until(lambda: stops, 30)

    assert await watched.readiness() == (503, "the background task call_runner failed too often; the log says why")
    [line] = [line for line in lines if line["log_level"] == "critical"]
    assert (line["event"], line["task"]) == ("background task failed too often, stopping", "call_runner")

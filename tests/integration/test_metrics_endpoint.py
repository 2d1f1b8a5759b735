"""``/metrics`` of an application: committed events are counted, and a reset keeps the counters."""

from contextlib import suppress
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringback.domain.fault_effects import AnswerError
from ringback.domain.faults import FaultTarget, NewFault
from ringback.domain.operations import Operation
from ringback.domain.phones import PhoneBehavior
from ringback.monitoring.metrics import Backlog, Metrics
from ringback.operations import backlog
from ringback.operations.backlog import count_backlog
from ringback.operations.faults import add_fault, apply_faults
from ringback.storage.backlog_repository import DUE_CALLS, PENDING_CALLBACKS
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.postgresql_database import PostgresqlDatabase
from ringback.storage.sqlite_database import SqliteDatabase
from ringback.storage.statements import Statement
from support.databases.templates import SQLITE, only
from support.domain_values import ACCOUNT_SID, NUMBER
from support.in_process.control import Controlled, ControlledAccount
from support.in_process.simulation import Simulation, driver_connection

BUSY_CALLS = ("ringback_calls_total", {"call_status": "busy", "verification_status": "failed"})


def total(metrics: Metrics, name: str) -> float:
    """Return the sum of all series of a metric."""
    return sum(
        sample.value for family in metrics.registry.collect() for sample in family.samples if sample.name == name
    )


async def scraped(http: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Return all samples. Their keys are the name of the sample and its label values, sorted by label name."""
    answer = await http.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.anyio
async def test_metrics_are_prometheus_text_without_credentials(controlled: Controlled) -> None:
    got, headed = await controlled.http.get("/metrics"), await controlled.http.head("/metrics")

    assert (got.status_code, headed.status_code) == (200, 200)
    assert got.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "twilio-request-id" not in got.headers


@pytest.mark.anyio
async def test_requests_are_counted_but_scrapes_are_not(controlled: Controlled, account: ControlledAccount) -> None:
    await account.twilio("GET", "/OutgoingCallerIds.json")
    await account.twilio("GET", f"/OutgoingCallerIds/PN{'0' * 32}.json")
    await controlled.http.get(f"/2010-04-01/Accounts/{account.sid}/OutgoingCallerIds.json")
    await controlled.http.get("/metrics")

    found = await scraped(controlled.http)
    requests = {key[1:]: value for key, value in found.items() if key[0] == "ringback_requests_total"}
    assert requests == {
        ("GET", "list-outgoing-caller-ids", "200"): 1,
        ("GET", "fetch-outgoing-caller-id", "404"): 1,
        ("GET", "none", "401"): 1,
    }


@pytest.mark.anyio
async def test_counters_survive_a_reset(controlled: Controlled, account: ControlledAccount) -> None:
    await account.validate()
    await account.advance(120)
    before = await scraped(controlled.http)

    await controlled.ask("POST", "/reset")

    after = await scraped(controlled.http)
    counted = {key: value for key, value in before.items() if key[0].endswith(("_total", "_count", "_sum"))}
    assert before["ringback_calls_total", "completed", "success"] == 1
    assert {key: after[key] for key in counted} == counted


@pytest.mark.anyio
async def test_metrics_omit_only_the_backlog_if_the_database_is_unavailable(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("cannot use the database")

    known = await scraped(controlled.http)
    for kind in (SqliteDatabase, PostgresqlDatabase):
        monkeypatch.setattr(kind, "run", unavailable)

    found = await scraped(controlled.http)

    assert known.keys() - found.keys() == {("ringback_calls_due",), ("ringback_callbacks_pending",)}


def test_call_is_counted_only_when_its_end_is_committed(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.BUSY)
    simulation.validate()
    metrics = simulation.database.process_state.metrics

    with simulation.unit_of_work:
        simulation.run()
        within = metrics.registry.get_sample_value(*BUSY_CALLS)

    assert (within, metrics.registry.get_sample_value(*BUSY_CALLS)) == (0, 1)


def test_event_that_is_rolled_back_is_not_counted(simulation: Simulation) -> None:
    metrics = simulation.database.process_state.metrics
    before = total(metrics, "ringback_events_total")

    with suppress(ZeroDivisionError), simulation.unit_of_work:
        simulation.validate()
        1 / 0  # noqa: B018
    simulation.validate()

    assert total(metrics, "ringback_events_total") - before == 1


def test_triggered_fault_is_counted_under_its_operation(simulation: Simulation) -> None:
    account = simulation.unit_of_work.accounts.find(ACCOUNT_SID)
    assert account is not None
    wanted = NewFault(FaultTarget.EVERY_OPERATION, AnswerError(503), times=1)
    add_fault(simulation.unit_of_work, account, wanted, system_now=simulation.clock.now())

    for _ in range(2):
        apply_faults(
            simulation.unit_of_work, ACCOUNT_SID, FaultTarget(Operation.FETCH_CALL), random_fraction=lambda *_: 0.0
        )

    metrics = simulation.database.process_state.metrics
    labels = {"operation": "fetch-call", "effect": "status"}
    assert metrics.registry.get_sample_value("ringback_faults_total", labels) == 1
    assert total(metrics, "ringback_faults_total") == 1


def test_backlog_counts_due_calls_and_pending_callbacks(simulation: Simulation) -> None:
    simulation.set_default_phone(PhoneBehavior.BUSY)
    simulation.validate(status_callback="http://127.0.0.1:9/", call_delay_seconds=60)
    before = count_backlog(simulation.unit_of_work, system_now=simulation.clock.now())

    simulation.clock.advance(3_600)
    overdue = count_backlog(simulation.unit_of_work, system_now=simulation.clock.now())
    simulation.run()
    ended = count_backlog(simulation.unit_of_work, system_now=simulation.clock.now())

    assert (before, overdue, ended) == (Backlog(0, 0), Backlog(1, 0), Backlog(0, 1))


def test_backlog_is_counted_up_to_a_limit(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_BACKLOG", 2)
    for number in range(5):
        simulation.validate(f"{NUMBER[:-1]}{number}")
    simulation.clock.advance(3_600)

    found = count_backlog(simulation.unit_of_work, system_now=simulation.clock.now())

    assert found.due_calls == 2


@only(SQLITE)
@pytest.mark.parametrize("statement", [DUE_CALLS, PENDING_CALLBACKS], ids=["due calls", "owed callbacks"])
def test_backlog_is_counted_with_an_index(statement: Statement, database: Database) -> None:
    sql, literals = statement.for_dialect(database.engine.dialect)
    parameters = {"now": 0, "row_limit": 1, **literals}

    plan = driver_connection(database).execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()

    assert "USING COVERING INDEX" in " ".join(step[-1] for step in plan)

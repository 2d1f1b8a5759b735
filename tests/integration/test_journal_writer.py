"""Delayed writes of the request journal: in batches, not for deleted accounts, and at shutdown."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.domain.request_journal import AnsweredRequest
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.requests import WRITE_BATCH_REQUESTS
from ringback.simulator.background import JournalWriter
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.request_journal import KEPT_REQUESTS, RequestJournal
from ringback.storage.request_repository import RequestRepository
from support.domain_values import ACCOUNT_SID
from support.in_process.simulation import Simulation, database_error, query
from support.polling import until
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

COUNT = "SELECT count(*) FROM requests"
GONE = AccountSid("AC" + "9" * 32)


def ask(database: Database, count: int, account_sid: AccountSid = ACCOUNT_SID) -> None:
    for number in range(count):
        database.process_state.journal.add(
            AnsweredRequest(account_sid, Timestamp(number), "RQ1", "GET", "/", None, None, {}, 200, None, 1.0)
        )


async def test_journal_writer_stores_all_requests(simulation: Simulation) -> None:
    ask(simulation.database, 2 * WRITE_BATCH_REQUESTS + 1)

    await JournalWriter(simulation.database).write()

    assert query(simulation.database, COUNT) == [(2 * WRITE_BATCH_REQUESTS + 1,)]
    assert not simulation.database.process_state.journal


async def test_journal_keeps_a_thousand_requests(simulation: Simulation) -> None:
    for _ in range(3):
        ask(simulation.database, 600)
        await JournalWriter(simulation.database).write()

    assert query(simulation.database, COUNT) == [(1000,)]


async def test_journaled_requests_of_a_deleted_account_are_dropped(simulation: Simulation) -> None:
    ask(simulation.database, 3, GONE)
    ask(simulation.database, 1)

    await JournalWriter(simulation.database).write()

    assert query(simulation.database, "SELECT account_sid FROM requests") == [(ACCOUNT_SID,)]


async def test_journal_writer_also_stores_requests_added_after_a_batch(simulation: Simulation) -> None:
    writing = asyncio.create_task(JournalWriter(simulation.database, write_seconds=0.001).run())
    for number in range(1, 3):
        ask(simulation.database, 1)
        await until(lambda wanted=number: query(simulation.database, COUNT) == [(wanted,)])  # type: ignore[misc]
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)

    assert query(simulation.database, COUNT) == [(2,)]


async def test_journal_writer_stores_remaining_requests_when_it_closes(simulation: Simulation) -> None:
    writer = JournalWriter(simulation.database, final_write_seconds=PATIENCE_SECONDS)
    ask(simulation.database, 1)

    await writer.close()

    assert query(simulation.database, COUNT) == [(1,)]


async def test_journaled_requests_are_stored_in_order_after_an_outage(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = simulation.database
    ask(database, 3)
    with monkeypatch.context() as failing:
        failing.setattr(RequestRepository, "prune", failure(database))
        with pytest.raises(DatabaseUnavailable):
            await JournalWriter(database).write()
    ask(database, 1)

    await JournalWriter(database).write()

    assert query(database, "SELECT at FROM requests ORDER BY id") == [(0,), (1,), (2,), (0,)]


def failure(database: Database) -> Callable[..., None]:
    def fail(*_: Any, **__: Any) -> None:
        raise database_error(database)

    return fail


def test_requests_can_be_added_to_the_journal_while_others_are_removed() -> None:
    journal = RequestJournal()
    rounds, taken = 20_000, 0
    request = AnsweredRequest(ACCOUNT_SID, Timestamp(0), "RQ1", "GET", "/", None, None, {}, 200, None, 1.0)

    def note() -> None:
        for _ in range(rounds):
            journal.add(request)

    with ThreadPoolExecutor(1) as pool:
        noting = pool.submit(note)
        while not noting.done():
            taken += len(journal.take_account(ACCOUNT_SID, 50))
        noting.result()
    taken += len(journal.take_account(ACCOUNT_SID, 2 * KEPT_REQUESTS))

    assert KEPT_REQUESTS <= taken <= rounds
    assert not journal


async def test_request_that_cannot_be_stored_does_not_delay_later_ones(simulation: Simulation) -> None:
    database = simulation.database
    database.process_state.journal.add(
        AnsweredRequest(ACCOUNT_SID, Timestamp(0), "RQ1", "GET", "half a \ud800", None, None, {}, 200, None, 1.0)
    )
    with capture_logs() as lines:
        await JournalWriter(database).write()
    ask(database, 1)

    await JournalWriter(database).write()

    assert query(database, COUNT) == [(1,)]
    [line] = lines
    assert (line["event"], line["log_level"]) == ("requests dropped from the journal", "warning")
    assert "surrogates" in line["reason"]

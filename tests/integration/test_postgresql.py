"""PostgreSQL: broken connections, rolled back transactions, rejected characters, notifications."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg.errors import DeadlockDetected

from ringback.domain.sids import AccountSid
from ringback.operations.accounts import ensure_account, find_account
from ringback.storage import postgresql_database as postgresql
from ringback.storage import postgresql_notify
from ringback.storage.database import Database
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.postgresql_database import TRIES, PostgresqlDatabase
from ringback.storage.unit_of_work import UnitOfWork
from ringback.supervision import Supervisor
from support.databases.templates import POSTGRESQL, only
from support.domain_values import ACCOUNT_SID, T0, a_caller_id
from support.in_process.simulation import execute, query
from support.in_process.supervision import TaskLog
from support.polling import until
from support.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.anyio, only(POSTGRESQL)]

TERMINATE_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
"""Terminates all other connections to this database."""


def a_message(**changes: object) -> str:
    """Return a message as another process sends it."""
    parts: dict[str, object] = {"from": "x", "touched": [ACCOUNT_SID], "overturned": []}
    return json.dumps(parts | changes)


LISTENING = "SELECT pid FROM pg_stat_activity WHERE left(query, 6) = 'LISTEN' AND datname = current_database()"

PAYLOADS = [
    a_message(touched=None, overturned=None),
    a_message(touched=1),
    a_message(touched=[None]),
    a_message(touched=[{}], overturned=[[]]),
    a_message(touched="AC"),
    a_message(touched=["not a SID"]),
    a_message(**{"from": None}),
    a_message(**{"from": {}}),
    a_message(future=1),
    "",
    "hello",
    "null",
    "[]",
    "[" * 7_000,
    "1e999",
    '"\\ud800"',
    '{"from": 1}',
    "x" * 7_999,
]


def notify(database: Database, channel: str, message: str) -> None:
    """Send a notification as another program does."""
    execute(database, "SELECT pg_notify(:channel, :message)", channel=channel, message=message)


@pytest.fixture
async def supervisor(database: Database, changes: list[int], reported: TaskLog) -> AsyncIterator[Supervisor]:
    """Run the tasks that publish and receive notifications."""
    supervisor = Supervisor(database.background_tasks(lambda: changes.append(1)), reported)
    supervisor.start()
    yield supervisor
    await supervisor.stop()


@pytest.fixture
def reported() -> TaskLog:
    """Return a log of the supervisor's reports."""
    return TaskLog()


@pytest.fixture
def changes() -> list[int]:
    """Return a list that has one entry for each notification from another process."""
    return []


@pytest.fixture
async def listening(database: Database, supervisor: Supervisor, changes: list[int]) -> list[int]:
    """Return the list of notifications once the listener is connected."""
    assert supervisor.given_up is None
    await until(lambda: changes and listeners(database) == 1)
    return changes


def listeners(database: Database) -> int:
    """Return the number of connections that listen for notifications."""
    return len(query(database, LISTENING))


def channel(database: Database) -> str:
    """Return the name of the database's channel."""
    return str(query(database, f"SELECT {postgresql_notify.CHANNEL}")[0][0])


def break_all_connections(database: Database) -> None:
    query(database, TERMINATE_OTHERS)


async def test_broken_connection_causes_one_error_and_is_replaced(database: Database) -> None:
    await database.run(find_account, ACCOUNT_SID)
    break_all_connections(database)

    outcomes = [type(await outcome(database)) for _ in range(3 * postgresql.THREADS)]

    assert len([found for found in outcomes if found is DatabaseUnavailable]) <= postgresql.THREADS
    assert outcomes[-1] is not DatabaseUnavailable


async def outcome(database: Database) -> object:
    try:
        return await database.run(find_account, ACCOUNT_SID)
    except DatabaseUnavailable as error:
        return error


async def test_idle_connection_is_tested_before_it_is_used(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "TRUSTED_SECONDS", 0.0)
    await database.run(find_account, ACCOUNT_SID)
    break_all_connections(database)

    found = await database.run(find_account, ACCOUNT_SID)

    assert found is not None


async def test_operation_that_is_rolled_back_because_of_a_deadlock_is_retried(database: Database) -> None:
    undone = iter([True] * (TRIES - 1))

    def unlucky(unit_of_work: UnitOfWork) -> bool:
        with unit_of_work:
            unit_of_work.caller_ids.add(a_caller_id())
            if next(undone, False):
                raise DeadlockDetected("deadlock detected")
        return True

    done = await database.run(unlucky)

    assert done
    assert query(database, "SELECT count(*) FROM outgoing_caller_ids") == [(1,)]


async def test_operation_that_is_rolled_back_repeatedly_fails(database: Database) -> None:
    def unlucky(_: UnitOfWork) -> None:
        raise DeadlockDetected("deadlock detected")

    with pytest.raises(DatabaseUnavailable, match="deadlock detected"):
        await database.run(unlucky)


async def test_operations_run_in_parallel_threads(database: Database) -> None:
    all_at_once = threading.Barrier(postgresql.THREADS + 1)

    def meet(unit_of_work: UnitOfWork) -> None:
        unit_of_work.backlog.pending_callbacks(1)
        all_at_once.wait(PATIENCE_SECONDS)

    running = [asyncio.create_task(database.run(meet)) for _ in range(postgresql.THREADS)]
    await until(lambda: all_at_once.n_waiting == postgresql.THREADS)  # the threads do not block the event loop
    assert not any(task.done() for task in running)
    all_at_once.wait(PATIENCE_SECONDS)

    await asyncio.gather(*running)


async def test_character_that_postgresql_rejects_is_replaced(database: Database) -> None:
    def rename(unit_of_work: UnitOfWork) -> Any:
        with unit_of_work:
            unit_of_work.caller_ids.add(a_caller_id(friendly_name="a\0b"))
        return unit_of_work.caller_ids.find_by_number(ACCOUNT_SID, a_caller_id().phone_number)

    found = await database.run(rename)
    account = await database.run(find_account, AccountSid("AC\0"))

    assert found.friendly_name == "a\N{REPLACEMENT CHARACTER}b"
    assert account is None


async def test_subscribers_are_woken_when_the_listener_reconnects(database: Database, listening: list[int]) -> None:
    before = len(listening)
    with database.process_state.change_notifier.subscribe(ACCOUNT_SID) as event:
        break_all_connections(database)

        await asyncio.wait_for(event.wait(), PATIENCE_SECONDS)

    assert len(listening) > before


@pytest.mark.parametrize("failure", [psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction])
async def test_notifications_that_could_not_be_sent_are_sent_later(
    database: Database, listening: list[int], monkeypatch: pytest.MonkeyPatch, failure: type[psycopg.Error]
) -> None:
    failures = iter([True] * 2)
    send = postgresql_notify.send

    def sometimes_failing(unit_of_work: UnitOfWork, messages: list[str]) -> None:
        if next(failures, False):
            raise failure("no room")
        send(unit_of_work, messages)

    monkeypatch.setattr(postgresql, "send", sometimes_failing)
    with psycopg.connect(_libpq(database), autocommit=True) as listener:
        listener.execute(f"LISTEN {channel(database)}")
        assert isinstance(database, PostgresqlDatabase)
        database.committed({ACCOUNT_SID}, set())

        heard = await asyncio.to_thread(lambda: next(listener.notifies(timeout=PATIENCE_SECONDS)))

    assert ACCOUNT_SID in heard.payload
    assert next(failures, None) is None
    assert listening


async def test_listener_accepts_every_payload_on_the_channel(
    database: Database, supervisor: Supervisor, reported: TaskLog, listening: list[int]
) -> None:
    before = len(listening)
    for message in PAYLOADS:
        notify(database, channel(database), message)
        await until(lambda count=before: len(listening) > count, 30)  # type: ignore[misc]
        before = len(listening)

    assert supervisor.trouble() is None
    assert {name for name in supervisor.names if supervisor.running(name) is None} == set()
    assert reported.failures == []


async def test_disconnected_listener_is_not_ready_until_it_reconnects(
    database: Database, supervisor: Supervisor, listening: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, refuses = psycopg.AsyncConnection.connect, True

    async def refusing(*arguments: Any, **rest: Any) -> Any:
        if refuses:
            raise psycopg.OperationalError("too many connections")
        return await connect(*arguments, **rest)

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", refusing)
    break_all_connections(database)
    await until(supervisor.trouble, 30)
    trouble, before = supervisor.trouble(), len(listening)
    refuses = False
    await until(lambda: supervisor.trouble() is None, 30)

    reason = "it is not connected to the database"
    assert trouble == f"the background task notification_listener is running but cannot do its work: {reason}"
    assert len(listening) > before


async def test_notifications_stay_within_their_schema(database: Database, listening: list[int]) -> None:
    execute(database, "CREATE SCHEMA other; CREATE TABLE other.accounts (sid text)")
    url = database.url.update_query_dict({"options": "-csearch_path=other"})
    other = open_database(url.render_as_string(hide_password=False))
    changes: list[int] = []
    supervisor = Supervisor(other.background_tasks(lambda: changes.append(1)), TaskLog())
    supervisor.start()
    try:
        await until(lambda: changes and listeners(database) == 2)
        before = len(changes)
        assert isinstance(database, PostgresqlDatabase)
        with other.process_state.change_notifier.subscribe(ACCOUNT_SID) as heard:
            notify(database, channel(database), a_message())
            await until(database.process_state.change_notifier.take_changed, 30)
            notify(database, channel(other), "wakes everybody")
            await until(lambda: len(changes) > before, 30)
    finally:
        await supervisor.stop()
        other.close()
        execute(database, "DROP SCHEMA other CASCADE")

    assert other.process_state.change_notifier.take_changed() == set()
    assert heard.is_set()
    assert listening


async def test_notifications_for_hundreds_of_accounts_are_sent_in_several_messages(
    database: Database, listening: list[int]
) -> None:
    accounts = {AccountSid(f"AC{number:032d}") for number in range(1_000)}
    with psycopg.connect(_libpq(database), autocommit=True) as listener:
        listener.execute(f"LISTEN {channel(database)}")
        assert isinstance(database, PostgresqlDatabase)
        database.committed(accounts, set())

        heard = await asyncio.to_thread(lambda: list(listener.notifies(timeout=PATIENCE_SECONDS, stop_after=10)))

    assert len(heard) == 10
    assert all(any(sid in message.payload for message in heard) for sid in accounts)
    assert listening


def _libpq(database: Database) -> str:
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


def test_operations_at_startup_do_not_need_an_event_loop(database: Database) -> None:
    made = ensure_account(database.unit_of_work, AccountSid("AC" + "7" * 32), "token", T0)

    assert database.unit_of_work.accounts.find(made.sid) == made

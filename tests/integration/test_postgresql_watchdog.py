"""The watchdog of PostgreSQL: a server that does not answer is unavailable, a slow operation is not abandoned."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import Mock

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from ringback.storage import postgresql_database, postgresql_watchdog
from ringback.storage.database import Database
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.postgresql_connection import connect_seconds
from ringback.storage.postgresql_watchdog import is_from_server
from ringback.storage.schema import find_unready_reason, revision
from ringback.storage.statements import Statement
from ringback.storage.tables import HEAD
from ringback.storage.unit_of_work import UnitOfWork
from support.databases.postgresql import migrated_database
from support.databases.severable_proxy import SeverableProxy
from support.polling import until, until_awaited
from support.waiting import PATIENCE_SECONDS

SLEEP = Statement(text("SELECT pg_sleep(1)"))
STALLED_SECONDS = 0.2
NO_ANSWER = "PostgreSQL does not answer"

pytestmark = [pytest.mark.anyio, pytest.mark.postgresql]


@pytest.fixture
def line() -> Iterator[SeverableProxy]:
    with migrated_database() as url, SeverableProxy(make_url(url)) as running:
        yield running


@pytest.fixture
async def database(line: SeverableProxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """Open a database through the proxy, with its background tasks and an impatient watchdog."""
    monkeypatch.setattr(postgresql_watchdog, "STALLED_SECONDS", STALLED_SECONDS)
    opened = open_database(line.url)
    tasks = [asyncio.ensure_future(task.work()) for task in opened.background_tasks(lambda: None)]
    yield opened
    line.resume()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    opened.close()


def sleep(unit_of_work: UnitOfWork) -> str:
    unit_of_work.all(SLEEP)
    return "slept"


async def test_slow_operation_on_a_responsive_database_server_is_not_abandoned(database: Database) -> None:
    assert await database.run(sleep) == "slept"
    assert database.outage.reason is None


async def test_operations_fail_while_the_database_server_does_not_respond(
    database: Database, line: SeverableProxy
) -> None:
    line.hang()
    running = [asyncio.create_task(database.run(revision)) for _ in range(20)]

    results = await asyncio.gather(*running, return_exceptions=True)
    with pytest.raises(DatabaseUnavailable, match=NO_ANSWER):
        await database.run(revision)
    line.resume()
    await until_awaited(lambda: is_ready(database))

    assert {type(result) for result in results} == {DatabaseUnavailable}
    assert await database.run(revision) == HEAD


@pytest.mark.parametrize("is_connected", [True, False])
async def test_operation_reported_as_failed_does_not_run_after_the_database_server_resumes(
    database: Database, line: SeverableProxy, monkeypatch: pytest.MonkeyPatch, *, is_connected: bool
) -> None:
    monkeypatch.setattr(postgresql_database, "TRUSTED_SECONDS", 0)
    if is_connected:
        await database.run(revision)
    operation = Mock()

    line.hang()
    with pytest.raises(DatabaseUnavailable, match=NO_ANSWER):
        await database.run(operation)
    line.resume()
    await until_awaited(lambda: is_ready(database))
    database.close()  # waits for all threads

    assert not operation.called


async def is_ready(database: Database) -> bool:
    return await find_unready_reason(database) is None


async def test_server_is_not_ready_while_the_database_server_does_not_respond(
    database: Database, line: SeverableProxy
) -> None:
    line.hang()

    reasons = [await find_unready_reason(database) for _ in range(2)]

    assert all(reason is not None and NO_ANSWER in reason for reason in reasons)


async def test_cancelled_database_operation_is_not_reported_as_unavailable(
    database: Database, line: SeverableProxy
) -> None:
    line.hang()
    running = asyncio.create_task(database.run(revision))
    await asyncio.sleep(0)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_hanging_operation_is_detected_after_its_caller_is_cancelled(
    database: Database, line: SeverableProxy
) -> None:
    """A health check that gives up must not hide that its operation never ends."""
    line.hang()
    running = asyncio.create_task(database.run(revision))
    await asyncio.sleep(0)
    running.cancel()

    await until(lambda: database.outage.reason is not None)

    assert NO_ANSWER in str(database.outage.reason)


async def test_server_that_refuses_connections_is_not_reported_as_unresponsive(
    database: Database, line: SeverableProxy
) -> None:
    line.hang()
    with pytest.raises(DatabaseUnavailable, match=NO_ANSWER):
        await database.run(revision)

    line.cut()

    async def is_refused() -> bool:
        try:
            await database.run(revision)
        except DatabaseUnavailable as error:
            return NO_ANSWER not in str(error)
        return False

    await until_awaited(is_refused)


async def test_operations_fail_while_the_server_hangs_and_cannot_be_reached(
    database: Database, line: SeverableProxy
) -> None:
    await database.run(revision)  # so that there is a connection, which hangs
    line.hang()
    line.refuse()

    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(DatabaseUnavailable, match="refused"):
            await database.run(revision)

    line.restore()
    line.resume()
    await until_awaited(lambda: is_ready(database))


async def test_connection_attempt_of_the_watchdog_does_not_delay_the_exit(
    database: Database, line: SeverableProxy
) -> None:
    line.hang()
    with pytest.raises(DatabaseUnavailable, match=NO_ANSWER):
        await database.run(revision)

    database.close()

    attempts = [thread for thread in threading.enumerate() if "watchdog" in thread.name]
    assert all(thread.daemon for thread in attempts)


@contextmanager
def refusing_server(severity: str) -> Iterator[int]:
    """Yield the port of a server that refuses a connection with an error in another language than English."""
    fields = f"S{severity}\0VFATAL\0C53300\0Mtoo many connections\0\0".encode()

    def refuse(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1_024)
            connection.sendall(b"E" + (len(fields) + 4).to_bytes(4) + fields)

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        pool.submit(refuse, listener)
        yield listener.getsockname()[1]


@pytest.mark.parametrize("severity", ["FATAL", "ВАЖНО", "致命错误", "ÖLÜMCÜL (FATAL)"])
async def test_refusal_by_a_server_is_recognized_in_any_language(severity: str) -> None:
    with (
        refusing_server(severity) as port,
        pytest.raises(psycopg.OperationalError) as refused,
    ):
        psycopg.connect(f"host=127.0.0.1 port={port} sslmode=disable gssencmode=disable")

    assert is_from_server(refused.value)


async def test_unreachable_server_is_not_mistaken_for_a_refusal(line: SeverableProxy) -> None:
    line.refuse()

    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(f"host=127.0.0.1 port={line.port}")

    assert not is_from_server(refused.value)


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("postgresql+psycopg://host/name", 2),
        ("postgresql+psycopg://host/name?connect_timeout=7", 7),
        ("postgresql+psycopg://host/name?connect_timeout=0", 2),
        ("postgresql+psycopg:///name?host=one:5432&host=two:5432", 4),
        ("postgresql+psycopg:///name?host=/run/postgresql", 2),
    ],
)
async def test_connection_attempts_take_at_most_the_timeout_for_each_host(url: str, seconds: float) -> None:
    assert connect_seconds(make_url(url)) == seconds

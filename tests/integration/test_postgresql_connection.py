"""Connections to PostgreSQL: URLs, encodings, poolers, notifications, and errors while ringback runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.engine import URL
from structlog.testing import capture_logs

from ringback.operations.accounts import ensure_account, find_account
from ringback.storage import postgresql_database as postgresql
from ringback.storage.database import Database
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.postgresql_connection import configure
from ringback.storage.postgresql_database import PostgresqlDatabase
from ringback.storage.schema import find_unready_reason, migrate, revision
from ringback.storage.tables import HEAD
from ringback.storage.unit_of_work import UnitOfWork
from support.databases.pgbouncer import PgBouncer, pgbouncer_before
from support.databases.postgresql import administration, new_database, postgresql_server
from support.databases.roles import DOCUMENTED_GRANTS, role_with
from support.databases.severable_proxy import SeverableProxy
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN, T0
from support.in_process.simulation import execute
from support.polling import until, until_awaited
from support.servers.command import Command

TERMINATE_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
"""Terminates all other connections to this database."""

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.xdist_group("pgbouncer")]


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio."""
    return "asyncio"


@pytest.fixture(scope="module")
def server() -> URL:
    return postgresql_server()


@pytest.fixture
def url(server: URL) -> Iterator[URL]:
    with new_database(server) as made:
        yield made


@pytest.fixture
def migrated_url(url: URL) -> URL:
    with closing(open_database(text(url))) as database:
        migrate(database)
    return url


@pytest.fixture
def database(migrated_url: URL) -> Iterator[Database]:
    with closing(open_database(text(migrated_url))) as opened:
        yield opened


def text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
@pytest.mark.parametrize(
    "arguments", [("migrate",), ("serve", "--port", "0"), ("serve", "--port", "0", "--workers", "2")]
)
def test_database_with_another_encoding_is_refused(
    server: URL, command: Command, encoding: str, arguments: tuple[str, ...]
) -> None:
    with new_database(server, encoding) as url:
        refused = command(*arguments, "--database-url", text(url))

    assert refused.status == 1
    [line] = refused.complaints
    assert f"has the encoding {encoding}, but ringback needs UTF8" in line
    assert "CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0" in line


@pytest.mark.parametrize("client_encoding", ["LATIN1", "SQL_ASCII"])
def test_texts_are_stored_as_unicode_with_every_client_encoding(
    migrated_url: URL, monkeypatch: pytest.MonkeyPatch, client_encoding: str
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", client_encoding)

    with closing(open_database(text(migrated_url))) as database:
        ensure_account(database.unit_of_work, ACCOUNT_SID, "tökén-☎", T0)
        found = find_account(database.unit_of_work, ACCOUNT_SID)

    assert found is not None
    assert found.auth_token == "tökén-☎"


@pytest.mark.parametrize(
    "parameters",
    [
        {"prepare_threshold": "0"},
        {"prepare_threshold": "none"},
        {"prepare_threshold": ""},
        {"connect_timeout": "7"},
        {"application_name": "mine"},
        {"keepalives": "0"},
        {"client_encoding": "latin1"},
        {"options": "-c statement_timeout=7s"},
        {"sslmode": "disable"},
    ],
)
async def test_url_parameters_of_libpq_and_psycopg_work(migrated_url: URL, parameters: dict[str, str]) -> None:
    with closing(open_database(text(migrated_url.update_query_dict(parameters)))) as database:
        for _ in range(10):
            assert await database.run(revision) == HEAD


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("prepare_threshold=often", "the URL's parameter 'prepare_threshold' must be an integer or none"),
        ("prepare_threshold=-1", "the URL's parameter 'prepare_threshold' must be an integer or none"),
        ("autocommit=true", "the URL's parameter 'autocommit' is not a PostgreSQL connection parameter"),
        ("row_factory=x", "the URL's parameter 'row_factory' is not a PostgreSQL connection parameter"),
        ("plugin=x", "the URL's parameter 'plugin' is not a PostgreSQL connection parameter"),
        ("application_name=a&application_name=b", "the URL's parameter 'application_name' is given twice"),
        ("sslmode=sometimes", "sslmode"),
        ("connect_timeout=soon", "connect_timeout"),
        ("port=here", "here"),
    ],
)
@pytest.mark.parametrize("arguments", [("migrate",), ("serve", "--port", "0")])
def test_invalid_url_parameter_is_reported_in_one_line(
    command: Command, url: URL, query: str, complaint: str, arguments: tuple[str, ...]
) -> None:
    joined = f"{text(url)}{'&' if url.query else '?'}{query}"

    refused = command(*arguments, "--database-url", joined)

    assert refused.status == 1
    [line] = refused.complaints
    assert complaint in line


@pytest.mark.parametrize(
    "address", ["user:s3c/ret@host/name", "user:s3cret@host:port/name", "us@er:s3cret@ho:st:1/name"]
)
@pytest.mark.parametrize("arguments", [("migrate",), ("serve", "--port", "0")])
def test_url_that_cannot_be_parsed_is_reported_in_one_line_without_the_password(
    command: Command, address: str, arguments: tuple[str, ...]
) -> None:
    refused = command(*arguments, "--database-url", f"postgresql+psycopg://{address}")

    assert refused.status in (1, 2)
    [line] = refused.complaints
    assert "s3c" not in line


@pytest.mark.parametrize(
    ("database_url", "listen_url"),
    [
        ("sqlite://", "postgresql+psycopg://u:s3cret@127.0.0.1/x"),
        ("postgresql+psycopg://127.0.0.1/x", "sqlite:///x.db"),
        ("postgresql+psycopg://127.0.0.1/x", "mysql://u:s3cret@127.0.0.1/x"),
    ],
)
def test_invalid_listen_url_is_reported_in_one_line_without_the_password(
    command: Command, database_url: str, listen_url: str
) -> None:
    refused = command("serve", "--port", "0", "--database-url", database_url, "--database-listen-url", listen_url)

    assert refused.status == 2
    [line] = refused.complaints
    assert line.startswith("ringback: database_listen_url")
    assert "s3cret" not in line


@pytest.fixture
def pooler(migrated_url: URL) -> Iterator[PgBouncer]:
    with pgbouncer_before(migrated_url) as running:
        yield running


def started(database: PostgresqlDatabase, on_change: Callable[[], None]) -> list[asyncio.Future[None]]:
    """Start the database's background tasks."""
    return [asyncio.ensure_future(task.work()) for task in database.background_tasks(on_change)]


@pytest.fixture
async def exchange(pooler: PgBouncer, migrated_url: URL) -> AsyncIterator[PostgresqlDatabase]:
    """Open a database through a pooler, with a listener that bypasses it. The database is polled only once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgresql, "POLL_SECONDS", 3_600.0)
        database = open_database(text(pooler.url), text(migrated_url))
    assert isinstance(database, PostgresqlDatabase)
    changes: list[int] = []
    tasks = started(database, lambda: changes.append(1))
    await until(lambda: len(changes) >= 2)  # after the first poll and the connection of the listener
    yield database
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    database.close()


async def test_notifications_arrive_through_the_listen_url(exchange: PostgresqlDatabase, migrated_url: URL) -> None:
    with (
        exchange.process_state.change_notifier.subscribe(ACCOUNT_SID) as event,
        closing(open_database(text(migrated_url))) as other,
    ):
        assert isinstance(other, PostgresqlDatabase)
        other.committed({ACCOUNT_SID}, set())
        tasks = started(other, lambda: None)
        await until(event.is_set)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert event.is_set()


async def listener_log(database: PostgresqlDatabase, wanted: str) -> list[str]:
    """Run the background tasks until a line that contains `wanted` is logged, and return all lines as text."""
    with capture_logs() as lines:
        tasks = started(database, lambda: None)
        await until(lambda: any(wanted in str(line) for line in lines))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [str(line) for line in lines]


async def test_listen_url_of_another_database_is_detected(server: URL, migrated_url: URL) -> None:
    with new_database(server) as another:
        with closing(open_database(text(another))) as made:
            migrate(made)
        with closing(open_database(text(migrated_url), text(another))) as database:
            assert isinstance(database, PostgresqlDatabase)
            lines = await listener_log(database, "different database")

    assert any("database_listen_url names a different database or schema than database_url" in line for line in lines)


async def test_listen_url_through_a_pooler_is_reported_in_the_log(pooler: PgBouncer) -> None:
    with closing(open_database(text(pooler.url), text(pooler.url))) as database:
        assert isinstance(database, PostgresqlDatabase)
        lines = await listener_log(database, "connection pooler")

    assert any("set database_listen_url to the URL of a direct connection to PostgreSQL" in line for line in lines)


def add_account(unit_of_work: UnitOfWork) -> None:
    ensure_account(unit_of_work, ACCOUNT_SID, AUTH_TOKEN, T0)


async def refused(database: Database) -> str:
    with pytest.raises(DatabaseUnavailable) as refusal:
        await database.run(add_account)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("change", "undo", "reason"),
    [
        ("REVOKE INSERT ON accounts FROM {role}", "GRANT INSERT ON accounts TO {role}", "permission denied"),
        (
            "ALTER TABLE accounts RENAME TO lost",
            "ALTER TABLE lost RENAME TO accounts",
            'relation "accounts" does not exist',
        ),
        ("ALTER TABLE accounts RENAME policy TO lost", "ALTER TABLE accounts RENAME lost TO policy", "does not exist"),
    ],
)
async def test_database_with_a_changed_schema_is_unavailable_until_it_is_changed_back(
    database: Database, change: str, undo: str, reason: str
) -> None:
    with role_with(DOCUMENTED_GRANTS, database.url) as url, closing(open_database(text(url))) as as_role:
        await as_role.run(revision)
        execute(database, change.format(role=url.username))
        said = await refused(as_role)
        not_ready = [await find_unready_reason(as_role) for _ in range(3)]
        execute(database, undo.format(role=url.username))
        ready = await find_unready_reason(as_role)
        await as_role.run(add_account)

    assert reason in said
    assert all(line is not None and reason in line for line in not_ready)
    assert ready is None


async def test_read_only_database_is_not_ready_until_it_can_be_written(migrated_url: URL) -> None:
    name = migrated_url.database
    with administration(migrated_url) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        with closing(open_database(text(migrated_url))) as database:
            said = await refused(database)
            not_ready = await find_unready_reason(database)
            connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            connection.execute(TERMINATE_OTHERS)
            await until_ready(database)

    assert "read-only transaction" in said
    assert not_ready is not None
    assert "read-only transaction" in not_ready


async def until_ready(database: Database) -> None:
    async def is_ready() -> bool:
        return await find_unready_reason(database) is None

    await until_awaited(is_ready)


async def test_column_added_while_ringback_runs_does_not_disturb_operations(database: Database) -> None:
    for _ in range(3 * postgresql.THREADS * 6):  # so that every thread has prepared the statement
        await database.run(find_account, ACCOUNT_SID)
    await asyncio.gather(*(database.run(find_account, ACCOUNT_SID) for _ in range(200)))

    execute(database, "ALTER TABLE accounts ALTER COLUMN has_faults TYPE BIGINT")
    found = await asyncio.gather(*(database.run(find_account, ACCOUNT_SID) for _ in range(200)))

    assert set(found) == {None}


@pytest.mark.parametrize("error", [errors.DataCorrupted, errors.IndexCorrupted])
async def test_server_with_damaged_data_is_not_ready_until_a_restart(
    database: Database, error: type[psycopg.Error]
) -> None:
    def read_damaged(_: UnitOfWork) -> None:
        raise error("invalid page in block 7 of relation base/1/2")

    with pytest.raises(DatabaseUnavailable, match="invalid page in block 7"):
        await database.run(read_damaged)

    reasons = [await find_unready_reason(database) for _ in range(2)]
    assert all(reason is not None and "restart ringback" in reason for reason in reasons)


@pytest.mark.parametrize("error", [errors.DiskFull, errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege])
async def test_temporary_failure_is_an_outage_and_the_server_is_ready_afterwards(
    database: Database, error: type[psycopg.Error]
) -> None:
    def fail(_: UnitOfWork) -> None:
        raise error("no luck")

    with pytest.raises(DatabaseUnavailable, match="no luck"):
        await database.run(fail)

    assert await find_unready_reason(database) is None


async def test_defect_of_ringback_is_not_an_outage(database: Database) -> None:
    def fail(_: UnitOfWork) -> None:
        raise errors.SyntaxError("syntax error")

    with pytest.raises(errors.SyntaxError):
        await database.run(fail)

    assert database.outage.reason is None


async def test_operation_after_close_raises_database_unavailable(migrated_url: URL) -> None:
    database = open_database(text(migrated_url))
    database.close()

    with pytest.raises(DatabaseUnavailable, match="the server is stopping"):
        await database.run(revision)


async def test_close_ends_a_connection_whose_first_query_hangs(
    migrated_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SeverableProxy(migrated_url) as line:
        database = open_database(line.url)

        def hang(driver: psycopg.Connection, threshold: int | None) -> bool:
            line.hang()
            return configure(driver, threshold)

        monkeypatch.setattr(postgresql, "configure", hang)
        running = asyncio.create_task(database.run(revision))
        await until(lambda: len(database._sessions) == 2)  # type: ignore[attr-defined]  # noqa: SLF001

        await asyncio.to_thread(database.close)

        with pytest.raises((DatabaseUnavailable, asyncio.CancelledError)):
            await running

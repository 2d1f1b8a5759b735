"""Notifications of commits between processes that share a PostgreSQL database: NOTIFY after the commit, and LISTEN.

NOTIFY within the transaction would make PostgreSQL serialize all commits. A notification after the commit is lost if
the process ends before sending it, so every process also polls.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any, NamedTuple

import orjson
import psycopg
import structlog
from psycopg import sql
from sqlalchemy import text

from ringback.domain.sids import ACCOUNT, AccountSid, is_sid
from ringback.storage.change_notifier import ChangeNotifier
from ringback.storage.outages import RETRY_SECONDS, OutageLog, run_on_database
from ringback.storage.statements import Statement
from ringback.storage.unit_of_work import UnitOfWork
from ringback.supervision import BackgroundTask, run_forever

NOTIFICATION_PUBLISHER, NOTIFICATION_LISTENER, NOTIFICATION_POLL = (
    "notification_publisher",
    "notification_listener",
    "notification_poll",
)
MESSAGE_VERSION = 1
"""Part of the channel name. Processes with a different message version use another channel, and rely on polling."""
CHANNEL = f"(SELECT 'ringback_{MESSAGE_VERSION}_' || relnamespace FROM pg_class WHERE oid = 'accounts'::regclass)"  # noqa: S608 - constants
"""SQL expression for the channel name. It contains the schema, because all schemas of a database share channels."""
PARTS = ("from", "touched", "overturned")
"""Keys of a message: the sender, the changed accounts and the invalidated accounts. ringback 0.1.0 uses the same
keys."""
ACCOUNTS_AT_ONCE = 100
"""Maximum number of accounts in a message. PostgreSQL requires messages to be shorter than 8,000 bytes."""
PUBLISH_PAUSE_SECONDS = 0.005
"""Pause after each message, so that several changes are sent in one message."""
POLL_SECONDS = 5.0
"""Pause between polls for changes whose notifications were lost."""

log = structlog.get_logger()

DATABASE = "current_database() || '.' || CAST('accounts'::regclass AS oid)"
"""SQL expression that identifies the database and schema."""

READ_DATABASE = Statement(text(f"SELECT {DATABASE}"))
SEND = Statement(text(f"SELECT pg_notify({CHANNEL}, :message)"))


class PostgresNotifier:
    """Publishes the accounts that this process changed or invalidated, and receives those that other processes publish.

    `connect` holds the parameters of a connection that can LISTEN. If it is None, the notifier only polls.
    `read_database` identifies the database of the other connections. The listener must be connected to the same
    database.
    """

    def __init__(
        self,
        connect: Mapping[str, Any] | None,
        change_notifier: ChangeNotifier,
        send: Callable[[list[str]], Awaitable[None]],
        *,
        outage_log: OutageLog,
        read_database: Callable[[], Awaitable[str]] | None = None,
        retry_seconds: float = RETRY_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._connect = connect
        self._change_notifier = change_notifier
        self._send = send
        self._read_database = read_database
        self._retry_seconds = retry_seconds
        self._poll_seconds = poll_seconds
        self._own_id = uuid.uuid4().hex
        self._changed: set[AccountSid] = set()
        self._invalidated: set[AccountSid] = set()
        self._has_unsent = asyncio.Event()
        self._is_pooler_logged = False
        self._outage_log = outage_log
        self._listener_outages = OutageLog()

    def publish(self, changed: Collection[AccountSid], invalidated: Collection[AccountSid]) -> None:
        """Schedule a notification about these accounts. Call this on the event loop, or before it runs."""
        self._changed.update(changed)
        self._invalidated.update(invalidated)
        self._has_unsent.set()

    def background_tasks(self, on_change: Callable[[], None]) -> list[BackgroundTask]:
        """Return the tasks that send notifications to other processes and receive notifications from them."""

        async def publish() -> None:
            pause, retry = PUBLISH_PAUSE_SECONDS, self._retry_seconds
            await run_on_database(NOTIFICATION_PUBLISHER, self._publish, pause, self._outage_log, retry)

        async def listen() -> None:
            work, retry, reports = partial(self._listen, on_change), self._retry_seconds, self._listener_outages
            outages = (psycopg.Error, OSError)
            await run_forever(NOTIFICATION_LISTENER, work, 0.0, outage=outages, retry_seconds=retry, reports=reports)

        async def poll() -> None:
            poll_once = partial(self._poll_once, on_change)
            await run_on_database(NOTIFICATION_POLL, poll_once, self._poll_seconds, self._outage_log)

        listener = BackgroundTask(NOTIFICATION_LISTENER, listen, trouble=self._listener_trouble)
        return [
            BackgroundTask(NOTIFICATION_PUBLISHER, publish),
            *([] if self._connect is None else [listener]),
            BackgroundTask(NOTIFICATION_POLL, poll),
        ]

    def _listener_trouble(self) -> str | None:
        return "it is not connected to the database" if self._listener_outages.is_out else None

    async def _publish(self) -> None:
        await self._has_unsent.wait()
        self._has_unsent.clear()
        changed, self._changed = self._changed, set()
        invalidated, self._invalidated = self._invalidated, set()
        try:
            await self._send(self._messages(changed, invalidated))
        except BaseException:
            self.publish(changed, invalidated)
            raise

    def _messages(self, changed: set[AccountSid], invalidated: set[AccountSid]) -> list[str]:
        accounts = sorted(changed | invalidated)
        parts = [accounts[start : start + ACCOUNTS_AT_ONCE] for start in range(0, len(accounts), ACCOUNTS_AT_ONCE)]
        return [self._message(part, [sid for sid in part if sid in invalidated]) for part in parts]

    def _message(self, changed: list[AccountSid], invalidated: list[AccountSid]) -> str:
        return orjson.dumps(dict(zip(PARTS, (self._own_id, changed, invalidated), strict=True))).decode()

    async def _listen(self, on_change: Callable[[], None]) -> None:
        """Receive notifications until the connection breaks. Raises psycopg.Error or OSError."""
        connection = await psycopg.AsyncConnection.connect(**(self._connect or {}), autocommit=True)
        async with connection:
            cursor = await connection.execute(f"SELECT {CHANNEL}, {DATABASE}, pg_backend_pid()")
            channel, database, server_pid = await cursor.fetchone() or ("", "", 0)
            await self._check_listener(database, is_pooled=server_pid != connection.info.backend_pid)
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self._listener_outages.recovered(NOTIFICATION_LISTENER)
            self._poll(on_change)  # for changes whose notifications were sent before LISTEN
            async for notify in connection.notifies():
                self._receive(notify.payload, on_change)
        raise ConnectionResetError("the connection ended")

    async def _check_listener(self, database: str, *, is_pooled: bool) -> None:
        """Raise psycopg.OperationalError if the listener and the other connections use different databases."""
        if self._read_database and database != await self._read_database():
            raise psycopg.OperationalError("database_listen_url names a different database or schema than database_url")
        if is_pooled and not self._is_pooler_logged:
            self._is_pooler_logged = True
            log.warning(
                "notifications are received through a connection pooler",
                hint="a pooler in transaction mode does not deliver notifications: set database_listen_url to the URL "
                "of a direct connection to PostgreSQL",
            )

    def _receive(self, message: str, on_change: Callable[[], None]) -> None:
        try:
            parsed = _parse(message)
        except (ValueError, TypeError, KeyError, RecursionError):
            self._poll(on_change)  # the message is from another program or version
            return
        if parsed.sender != self._own_id:
            self._change_notifier.publish(parsed.changed, parsed.invalidated)
            on_change()

    async def _poll_once(self, on_change: Callable[[], None]) -> None:
        self._poll(on_change)

    def _poll(self, on_change: Callable[[], None]) -> None:
        self._change_notifier.wake_all()
        on_change()


class _Message(NamedTuple):
    sender: str
    changed: list[AccountSid]
    invalidated: list[AccountSid]


def _parse(message: str) -> _Message:
    """Parse a message. Raises ValueError, TypeError or KeyError if the message is not in this version's format."""
    document = orjson.loads(message)
    if not isinstance(document, dict):
        raise TypeError
    sender, *lists = (document[part] for part in PARTS)
    if not isinstance(sender, str) or not all(isinstance(sids, list) for sids in lists):
        raise TypeError
    if not all(isinstance(sid, str) and is_sid(ACCOUNT, sid) for sids in lists for sid in sids):
        raise ValueError
    return _Message(sender, *lists)


def read_database(unit_of_work: UnitOfWork) -> str:
    """Return a string that identifies the database and schema."""
    row = unit_of_work.first(READ_DATABASE)
    return str(row[0]) if row else ""


def send(unit_of_work: UnitOfWork, messages: list[str]) -> None:
    """Send messages to all listeners, including the one in this process."""
    for message in messages:
        unit_of_work.all(SEND, message=message)

"""How the processes that share a PostgreSQL learn of each other's commits: NOTIFY, after the commit, and LISTEN.

Not within the transaction, where PostgreSQL would let one transaction commit at a time. So news may be lost, with the
process that has it: everybody looks for himself every now and then.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import orjson
import psycopg
import structlog
from sqlalchemy import text

from ringback.domain.sids import AccountSid
from ringback.storage.notifications import Notifications
from ringback.storage.statements import Statement
from ringback.storage.unit_of_work import UnitOfWork

CHANNEL = "ringback"
PARTS = ("from", "touched", "overturned")
ACCOUNTS_AT_ONCE = 100
"""How many accounts one message names; it may have 8,000 bytes."""
TELL_EVERY_SECONDS = 0.005
"""How long news wait for others that are told with them."""
LOOK_EVERY_SECONDS = 5.0
"""How often to look for what nobody has told."""
RECOVERY_SECONDS = 1.0

SEND = Statement(text("SELECT pg_notify(:channel, :message)"))

log = structlog.get_logger()


class NewsExchange:
    """Tells other processes in which accounts something was committed, and which were overturned; hears of theirs."""

    def __init__(
        self, connect: Mapping[str, Any], notifications: Notifications, send: Callable[[list[str]], Awaitable[None]]
    ) -> None:
        self._connect = connect
        self._notifications = notifications
        self._send = send
        self._own_id = uuid.uuid4().hex
        self._touched: set[AccountSid] = set()
        self._overturned: set[AccountSid] = set()
        self._untold = asyncio.Event()

    def tell(self, touched: Collection[AccountSid], overturned: Collection[AccountSid]) -> None:
        """Tell the others soon; on the event loop, or before it runs."""
        self._touched.update(touched)
        self._overturned.update(overturned)
        self._untold.set()

    async def run(self, on_news: Callable[[], None]) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell_again_and_again())
            tasks.create_task(self._listen_again_and_again(on_news))
            tasks.create_task(self._look_again_and_again(on_news))

    async def _tell_again_and_again(self) -> None:
        while True:
            await self._untold.wait()
            self._untold.clear()
            touched, self._touched = self._touched, set()
            overturned, self._overturned = self._overturned, set()
            try:
                await self._send(self._messages(touched, overturned))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others look for themselves meanwhile
                self.tell(touched, overturned)
                log.warning("other processes cannot be told the news; trying again", reason=str(error))
                await asyncio.sleep(RECOVERY_SECONDS)
            await asyncio.sleep(TELL_EVERY_SECONDS)

    def _messages(self, touched: set[AccountSid], overturned: set[AccountSid]) -> list[str]:
        accounts = sorted(touched | overturned)
        parts = [accounts[start : start + ACCOUNTS_AT_ONCE] for start in range(0, len(accounts), ACCOUNTS_AT_ONCE)]
        return [self._message(part, [sid for sid in part if sid in overturned]) for part in parts]

    def _message(self, touched: list[AccountSid], overturned: list[AccountSid]) -> str:
        return orjson.dumps(dict(zip(PARTS, (self._own_id, touched, overturned), strict=True))).decode()

    async def _listen_again_and_again(self, on_news: Callable[[], None]) -> None:
        while True:
            with suppress(psycopg.Error, OSError):
                await self._listen(on_news)
            log.warning("the database does not tell the news any more; trying again", seconds=RECOVERY_SECONDS)
            await asyncio.sleep(RECOVERY_SECONDS)

    async def _listen(self, on_news: Callable[[], None]) -> None:
        connection = await psycopg.AsyncConnection.connect(**self._connect, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._look(on_news)  # for what was told before
            async for notify in connection.notifies():
                self._hear(notify.payload, on_news)

    def _hear(self, message: str, on_news: Callable[[], None]) -> None:
        try:
            news = orjson.loads(message)
            sender, touched, overturned = (news[part] for part in PARTS)
        except (ValueError, TypeError, KeyError):
            self._look(on_news)  # somebody else's, or another version's
            return
        if sender != self._own_id:
            self._notifications.publish(touched, overturned)
            on_news()

    async def _look_again_and_again(self, on_news: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            self._look(on_news)

    def _look(self, on_news: Callable[[], None]) -> None:
        self._notifications.look_again()
        on_news()


def send(unit_of_work: UnitOfWork, messages: list[str]) -> None:
    """Send messages to all who listen, this process too."""
    for message in messages:
        unit_of_work.all(SEND, channel=CHANNEL, message=message)

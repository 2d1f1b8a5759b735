"""Advances an account's clock, and answers when all that fell due has settled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from ringback.domain.clocks import AccountClock, AccountTime
from ringback.domain.instants import Instant, after
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid
from ringback.operations.clocks import CLOCK_WAS_SET, AdvanceStopped, account_time, owes_callbacks, stride
from ringback.operations.identifiers import Identifiers
from ringback.simulator.clock import Clock
from ringback.simulator.runner import log_move
from ringback.storage.database import Database

LONGEST_QUEUE_SECONDS = 5.0
"""How long an advance waits for another one of the same clock: less than the receiver of a callback may take, who may
ask for one while the one under way waits for his answer."""
LONGEST_LOOK_SECONDS = 1.0
"""How long to wait, at most, before looking again whether the callbacks of an account have settled."""


class Advancer:
    """Makes the time of accounts pass, one advance of an account after the other."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        policy: CallPolicy,
        identifiers: Identifiers,
        *,
        on_call_ended: Callable[[], None],
        on_advanced: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._policy = policy
        self._identifiers = identifiers
        self._on_call_ended = on_call_ended
        self._on_advanced = on_advanced
        self._locks: WeakValueDictionary[AccountSid, asyncio.Lock] = WeakValueDictionary()

    async def advance(self, account_sid: AccountSid, seconds: float) -> AccountTime | None:
        """Let `seconds` of an account's time pass.

        Whatever falls due happens in order: calls move, and the callbacks they owe are delivered or given up before
        more than a moment of the account's time has passed. None where the account is gone. Raises AdvanceStopped
        where somebody sets the clock or resets the account meanwhile, or another advance does not come to an end.
        """
        async with self._turn(account_sid):
            notifications = self._database.notifications
            upheavals = notifications.upheavals(account_sid)  # of other processes' one hears too late to count them
            time = await self._database.run(account_time, account_sid, real=self._clock.now())
            if time is None:
                return None
            until = after(time.now, seconds)
            settled = stopped = False
            clock: AccountClock | None = time.clock
            while not (settled or stopped):
                clock, settled = await self._stride(account_sid, until, clock)
                stopped = not self._database.is_shared and notifications.upheavals(account_sid) != upheavals
            time = await self._database.run(account_time, account_sid, real=self._clock.now())
        if time and stopped:
            raise AdvanceStopped(CLOCK_WAS_SET)
        self._on_advanced()
        return time

    @asynccontextmanager
    async def _turn(self, account_sid: AccountSid) -> AsyncIterator[None]:
        lock = self._locks.setdefault(account_sid, asyncio.Lock())
        try:
            async with asyncio.timeout(LONGEST_QUEUE_SECONDS):
                await lock.acquire()
        except TimeoutError:
            raise AdvanceStopped("another advance of this clock is under way, and does not come to an end") from None
        try:
            yield
        finally:
            lock.release()

    async def _stride(
        self, account_sid: AccountSid, until: Instant, left_at: AccountClock | None
    ) -> tuple[AccountClock | None, bool]:
        """Make a stride and wait for the callbacks it owes; return the clock as it was left.

        And True when there was nothing to move or to wait for.
        """
        step = await self._database.run(
            stride,
            account_sid,
            until=until,
            left_at=left_at,
            real=self._clock.now(),
            policy=self._policy,
            identifiers=self._identifiers,
        )
        if step is None:
            return None, True
        for call in step.moved:
            log_move(call)
        if any(call.is_ended for call in step.moved):
            self._on_call_ended()
        return step.time.clock, await self._callbacks_settled(account_sid) and not step.moved

    async def _callbacks_settled(self, account_sid: AccountSid) -> bool:
        """Wait until the account owes no callback; True when there was nothing to wait for."""
        waited = False
        with self._database.notifications.listening(account_sid) as told:
            while not self._database.notifications.is_closed:
                told.clear()
                if not await self._database.run(owes_callbacks, account_sid):
                    break
                waited = True
                try:
                    async with asyncio.timeout(LONGEST_LOOK_SECONDS):
                        await told.wait()
                except TimeoutError:
                    continue
        return not waited

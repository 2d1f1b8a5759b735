"""Advances an account's clock, and answers when all that fell due has settled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from ringback.clock import Clock
from ringback.domain.account_clock import AccountTime
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import after
from ringback.operations.clocks import (
    CLOCK_WAS_SET,
    SERVER_STOPS,
    AdvanceStep,
    AdvanceStopped,
    Batch,
    Course,
    account_time,
    advance_step,
    owes_callbacks,
)
from ringback.operations.id_generator import IdGenerator
from ringback.simulator.call_runner import log_advance
from ringback.storage.change_notifier import ChangeNotifier
from ringback.storage.database import Database
from ringback.storage.stepwise import STEP_SECONDS, is_over, yield_to_requests

LONGEST_QUEUE_SECONDS = 5.0
"""How long an advance waits for another one of the same clock: less than the receiver of a callback may take, who may
ask for one while the one under way waits for his answer."""
MOST_MOVED_AT_ONCE, MOST_MOVED_IN_THREAD = 20, 200
"""How many calls are moved in one transaction: on the event loop as many as a step has time for, or in a thread."""
LONGEST_LOOK_SECONDS = 1.0
"""How long to wait, at most, before looking again whether the callbacks of an account have settled."""


class ClockAdvancer:
    """Makes the time of accounts pass, one advance of an account after the other."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        policy: CallPolicy,
        id_generator: IdGenerator,
        *,
        change_notifier: ChangeNotifier,
        on_call_ended: Callable[[], None],
        on_advanced: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._policy = policy
        self._id_generator = id_generator
        self._change_notifier = change_notifier
        self._on_call_ended = on_call_ended
        self._on_advanced = on_advanced
        self._locks: WeakValueDictionary[AccountSid, asyncio.Lock] = WeakValueDictionary()

    async def advance(self, account_sid: AccountSid, seconds: float) -> AccountTime | None:
        """Let `seconds` of an account's time pass.

        Whatever falls due happens in order: calls move, and the callbacks they owe are delivered or given up before
        more than a moment of the account's time has passed. None where the account is gone. Raises AdvanceStopped
        where somebody sets the clock or resets the account meanwhile, where another advance does not come to an end,
        and where the server stops.
        """
        async with self._turn(account_sid):
            notifier = self._change_notifier
            invalidations = notifier.invalidations(account_sid)  # other processes tell theirs too late to be counted
            time = await self._database.run(account_time, account_sid, system_now=self._clock.now())
            if time is None:
                return None
            course = Course(after(time.account_now, seconds), time.clock)
            stopped = False
            while not stopped:
                if notifier.is_closed:
                    raise AdvanceStopped(SERVER_STOPS)
                step = await self._step(account_sid, course)
                if step is None:
                    break
                course = step.course
                if not step.moved:
                    if await self._callbacks_settled(account_sid) and step.is_last:
                        break
                    course = course._replace(pause_at=None)
                stopped = not self._database.is_shared and notifier.invalidations(account_sid) != invalidations
            time = await self._database.run(account_time, account_sid, system_now=self._clock.now())
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

    async def _step(self, account_sid: AccountSid, course: Course) -> AdvanceStep | None:
        """Move some calls, let requests be answered, and return what was done; None where the account is gone."""
        at_once = Batch(MOST_MOVED_AT_ONCE, is_over(STEP_SECONDS))
        step = await self._database.run_in_steps(
            advance_step.steps,
            account_sid,
            course=course,
            batch=Batch(MOST_MOVED_IN_THREAD, lambda: False) if self._database.is_shared else at_once,
            system_now=self._clock.now(),
            policy=self._policy,
            id_generator=self._id_generator,
        )
        if step:
            for call in step.moved:
                log_advance(call)
            if any(call.is_ended for call in step.moved):
                self._on_call_ended()
        await yield_to_requests()
        return step

    async def _callbacks_settled(self, account_sid: AccountSid) -> bool:
        """Wait until the account owes no callback; True when there was nothing to wait for."""
        waited = False
        with self._change_notifier.subscribe(account_sid) as told:
            while True:
                told.clear()
                if not await self._database.run(owes_callbacks, account_sid):
                    break
                if self._change_notifier.is_closed:
                    return False
                waited = True
                try:
                    async with asyncio.timeout(LONGEST_LOOK_SECONDS):
                        await told.wait()
                except TimeoutError:
                    continue
        return not waited

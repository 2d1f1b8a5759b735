"""The clock advancer: advances account clocks, and waits until all calls and callbacks that fell due have settled."""

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
    AdvanceState,
    AdvanceStep,
    AdvanceStopped,
    Batch,
    account_time,
    advance_step,
    has_pending_callbacks,
)
from ringback.operations.id_generator import IdGenerator
from ringback.simulator.call_runner import log_advance
from ringback.storage.change_notifier import ChangeNotifier
from ringback.storage.database import Database
from ringback.storage.stepwise import STEP_SECONDS, is_over, yield_to_requests

MAX_QUEUE_SECONDS = 5.0
"""Longest wait for another advance of the same clock. It is shorter than a callback's timeout: otherwise a receiver
that requests an advance while another advance waits for this receiver's response would cause a deadlock."""
MAX_BATCH_CALLS, MAX_THREAD_BATCH_CALLS = 20, 200
"""Maximum number of calls in one transaction: on the event loop, where time is limited too, or in a thread."""
POLL_SECONDS = 1.0
"""Longest time between two checks of whether an account's callbacks have settled."""


class ClockAdvancer:
    """Advances account clocks. Advances of the same clock run one after another."""

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
        """Advance an account's clock by `seconds` and return the account's time.

        Return None if the account does not exist. Everything that falls due happens in order: calls advance, and their
        callbacks settle before the clock continues. Raises AdvanceStopped if the clock is set or the account is reset
        during the advance, if another advance does not end, or if the server stops.
        """
        async with self._lock(account_sid):
            notifier = self._change_notifier
            invalidations = notifier.invalidations(account_sid)  # invalidations by other processes arrive too late
            time = await self._database.run(account_time, account_sid, system_now=self._clock.now())
            if time is None:
                return None
            state = AdvanceState(after(time.account_now, seconds), time.clock)
            is_invalidated = False
            while not is_invalidated:
                if notifier.is_closed:
                    raise AdvanceStopped(SERVER_STOPS)
                step = await self._step(account_sid, state)
                if step is None:
                    break
                state = step.state
                if not step.calls:
                    if await self._callbacks_settled(account_sid) and step.is_last:
                        break
                    state = state._replace(pause_at=None)
                is_invalidated = not self._database.is_shared and notifier.invalidations(account_sid) != invalidations
            time = await self._database.run(account_time, account_sid, system_now=self._clock.now())
        if time and is_invalidated:
            raise AdvanceStopped(CLOCK_WAS_SET)
        self._on_advanced()
        return time

    @asynccontextmanager
    async def _lock(self, account_sid: AccountSid) -> AsyncIterator[None]:
        lock = self._locks.setdefault(account_sid, asyncio.Lock())
        try:
            async with asyncio.timeout(MAX_QUEUE_SECONDS):
                await lock.acquire()
        except TimeoutError:
            raise AdvanceStopped(
                f"another advance of this clock has not ended after {MAX_QUEUE_SECONDS:g} seconds"
            ) from None
        try:
            yield
        finally:
            lock.release()

    async def _step(self, account_sid: AccountSid, state: AdvanceState) -> AdvanceStep | None:
        """Advance some calls, then let the event loop serve requests. Return None if the account does not exist."""
        if self._database.is_shared:
            batch = Batch(MAX_THREAD_BATCH_CALLS, lambda: False)
        else:
            batch = Batch(MAX_BATCH_CALLS, is_over(STEP_SECONDS))
        step = await self._database.run_in_steps(
            advance_step.steps,
            account_sid,
            state=state,
            batch=batch,
            system_now=self._clock.now(),
            policy=self._policy,
            id_generator=self._id_generator,
        )
        if step:
            for call in step.calls:
                log_advance(call)
            if any(call.is_ended for call in step.calls):
                self._on_call_ended()
        await yield_to_requests()
        return step

    async def _callbacks_settled(self, account_sid: AccountSid) -> bool:
        """Wait until all callbacks of an account have settled. Return True if all had already settled."""
        has_waited = False
        with self._change_notifier.subscribe(account_sid) as changed:
            while True:
                changed.clear()
                if not await self._database.run(has_pending_callbacks, account_sid):
                    break
                if self._change_notifier.is_closed:
                    return False
                has_waited = True
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await changed.wait()
                except TimeoutError:
                    continue
        return not has_waited

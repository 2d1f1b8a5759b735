"""The runner of validation calls: it claims due calls, advances them, and sleeps until the next one is due."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from ringback.clock import Clock
from ringback.domain.calls import ENDED, ValidationCall
from ringback.domain.policies import CallPolicy
from ringback.domain.timestamps import Timestamp, after, seconds_between
from ringback.monitoring.metrics import Metrics
from ringback.operations.calls import (
    advance_due_calls,
    due_call_sids,
    next_call_due,
    postpone_call,
)
from ringback.operations.id_generator import IdGenerator
from ringback.storage.database import Database
from ringback.storage.errors import DatabaseUnavailable
from ringback.storage.outages import RETRY_SECONDS, run_on_database
from ringback.storage.stepwise import is_over, yield_to_requests

CALL_RUNNER = "call_runner"
MIN_PAUSE_SECONDS = 0.010
"""Shortest time between two polls, however often the runner is woken: a burst of calls is advanced in batches."""
MAX_PAUSE_SECONDS = 30.0
"""Longest time between two polls, in case the machine's clock was set or the machine was suspended."""
POSTPONE_SECONDS = 60.0
"""Delay for a call that could not be advanced because of an internal error."""

log = structlog.get_logger()


class Timing(NamedTuple):
    """Time limits and pauses of a call runner.

    `batch_seconds` limits a batch in addition to DUE_CALLS_AT_ONCE, because ending a call takes twice as long as its
    other events. With an embedded database, requests wait for the batch and its commit. `retry_seconds` is the pause
    after an outage of the database.
    """

    batch_seconds: float = 0.000_3
    retry_seconds: float = RETRY_SECONDS


DEFAULT_TIMING = Timing()


class CallRunner:
    """Advances validation calls when their next event is due, in batches of one transaction each."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        policy: CallPolicy,
        id_generator: IdGenerator,
        on_call_ended: Callable[[], None],
        *,
        metrics: Metrics,
        timing: Timing = DEFAULT_TIMING,
    ) -> None:
        self._database = database
        self._clock = clock
        self._policy = policy
        self._id_generator = id_generator
        self._on_call_ended = on_call_ended
        self._metrics = metrics
        self._timing = timing
        self._wake_event = asyncio.Event()

    def wake(self) -> None:
        """Poll the database soon."""
        self._wake_event.set()

    async def run(self) -> None:
        """Advance calls until cancelled."""
        await run_on_database(
            CALL_RUNNER,
            self.step,
            self._pause_seconds,
            self._database.outage_log,
            self._timing.retry_seconds,
            wake_event=self._wake_event,
        )

    async def step(self) -> int:
        """Advance all due calls, and return the number of their events.

        Calls that become due during this time are included, but only at intervals of MIN_PAUSE_SECONDS. Otherwise,
        every request would start a separate batch.
        """
        events = 0
        system_now = self._clock.now()
        while advanced := await self._step_batch(system_now):
            events += len(advanced)
            for call in advanced:
                log_advance(call)
            if any(call.is_ended for call in advanced):
                self._on_call_ended()
            if seconds_between(system_now, self._clock.now()) >= MIN_PAUSE_SECONDS:
                system_now = self._clock.now()
            await yield_to_requests()
        return events

    async def _step_batch(self, system_now: Timestamp) -> list[ValidationCall]:
        try:
            return await self._advance(system_now)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("batch of calls not advanced, retrying one by one")
            return await self._step_one_by_one(system_now)

    async def _step_one_by_one(self, system_now: Timestamp) -> list[ValidationCall]:
        advanced: list[ValidationCall] = []
        for sid in await self._database.run(due_call_sids, system_now=system_now):
            try:
                advanced += await self._advance(system_now, only=sid)
            except DatabaseUnavailable:
                raise
            except Exception:
                log.exception("call not advanced, postponed", call_sid=sid, seconds=POSTPONE_SECONDS)
                await self._database.run(postpone_call, sid, until=after(system_now, POSTPONE_SECONDS))
        return advanced

    async def _advance(self, system_now: Timestamp, only: str | None = None) -> list[ValidationCall]:
        advanced = await self._database.run(
            advance_due_calls,
            system_now=system_now,
            policy=self._policy,
            id_generator=self._id_generator,
            only=only,
            is_enough=_never if self._database.is_shared else is_over(self._timing.batch_seconds),
        )
        self._metrics.runner_polled()
        return advanced

    async def _pause_seconds(self) -> float:
        """Return the seconds until the next call is due, at most MAX_PAUSE_SECONDS."""
        await asyncio.sleep(MIN_PAUSE_SECONDS)
        due = await self._database.run(next_call_due)
        if due is None:
            return MAX_PAUSE_SECONDS
        return min(seconds_between(self._clock.now(), due), MAX_PAUSE_SECONDS)


def _never() -> bool:
    return False


def log_advance(call: ValidationCall) -> None:
    """Log a call's new status and the event that caused it."""
    events = [entry.event for entry in call.timeline if entry.event != ENDED]
    log.info("call", call_sid=call.sid, status=call.call_status.value, moved_by=events[-1])

"""Moves calls when their time has come: claim what is due, step, sleep till the next or until woken."""

import asyncio
from collections.abc import Callable

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
SHORTEST_PAUSE_SECONDS = 0.010
"""Between two looks at the database, however often the runner is woken: bursts are taken in batches."""
BATCH_SECONDS = 0.000_3
"""When a batch in an embedded database is long enough: a request that comes meanwhile waits for it, and for its commit.
Ends of calls take twice as long as what is before them, so that the number of calls alone is no measure."""
LONGEST_PAUSE_SECONDS = 30.0
"""So that a machine whose clock was set, or that slept, is caught up with."""
POSTPONED_SECONDS = 60.0
"""How long a call waits whose step failed for a reason of ours."""

log = structlog.get_logger()


class CallRunner:
    """Keeps every validation call moving. One step moves all that is due, in batches, each in one transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        policy: CallPolicy,
        id_generator: IdGenerator,
        on_call_ended: Callable[[], None],
        *,
        metrics: Metrics,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._policy = policy
        self._id_generator = id_generator
        self._on_call_ended = on_call_ended
        self._metrics = metrics
        self._wake_event = asyncio.Event()
        self._retry_seconds = retry_seconds

    def wake(self) -> None:
        """Look at the database soon: something new is pending."""
        self._wake_event.set()

    async def run(self) -> None:
        """Run until cancelled; raise what is not a matter of the database."""
        await run_on_database(
            CALL_RUNNER,
            self.step,
            self._pause_seconds,
            self._database.outage_log,
            self._retry_seconds,
            wake_event=self._wake_event,
        )

    async def step(self) -> int:
        """Move everything that is due now, and return how many moves that were.

        What comes meanwhile is taken along every SHORTEST_PAUSE_SECONDS: each request would be a batch of its own.
        """
        moves = 0
        system_now = self._clock.now()
        while moved := await self._step_batch(system_now):
            moves += len(moved)
            for call in moved:
                log_move(call)
            if any(call.is_ended for call in moved):
                self._on_call_ended()
            if seconds_between(system_now, self._clock.now()) >= SHORTEST_PAUSE_SECONDS:
                system_now = self._clock.now()
            await yield_to_requests()
        return moves

    async def _step_batch(self, system_now: Timestamp) -> list[ValidationCall]:
        try:
            return await self._advance(system_now)
        except DatabaseUnavailable:
            raise  # no call's fault
        except Exception:
            log.exception("a batch of calls could not be moved; trying them one by one")
            return await self._step_one_by_one(system_now)

    async def _step_one_by_one(self, system_now: Timestamp) -> list[ValidationCall]:
        moved: list[ValidationCall] = []
        for sid in await self._database.run(due_call_sids, system_now=system_now):
            try:
                moved += await self._advance(system_now, only=sid)
            except DatabaseUnavailable:
                raise
            except Exception:
                log.exception("a call could not be moved; it waits", call_sid=sid, seconds=POSTPONED_SECONDS)
                await self._database.run(postpone_call, sid, until=after(system_now, POSTPONED_SECONDS))
        return moved

    async def _advance(self, system_now: Timestamp, only: str | None = None) -> list[ValidationCall]:
        moved = await self._database.run(
            advance_due_calls,
            system_now=system_now,
            policy=self._policy,
            id_generator=self._id_generator,
            only=only,
            is_enough=_never if self._database.is_shared else is_over(BATCH_SECONDS),
        )
        self._metrics.runner_polled()
        return moved

    async def _pause_seconds(self) -> float:
        """Return the seconds until the next call is due, at most LONGEST_PAUSE_SECONDS."""
        await asyncio.sleep(SHORTEST_PAUSE_SECONDS)
        due = await self._database.run(next_call_due)
        return (
            LONGEST_PAUSE_SECONDS
            if due is None
            else min(seconds_between(self._clock.now(), due), LONGEST_PAUSE_SECONDS)
        )


def _never() -> bool:
    return False


def log_move(call: ValidationCall) -> None:
    """Log that a call was moved, and by what."""
    happened = [entry.event for entry in call.timeline if entry.event != ENDED]
    log.info("call", call_sid=call.sid, status=call.call_status.value, moved_by=happened[-1])

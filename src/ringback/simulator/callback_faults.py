"""Brings about the faults that a test asked for when StatusCallbacks are delivered."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import structlog

from ringback.domain.callbacks import StatusCallback
from ringback.domain.faults import BadSignature, Delay, Draw, Duplicate, FaultTarget, NotSent, described
from ringback.domain.instants import Instant, after
from ringback.operations.callbacks import hold_callback
from ringback.operations.faults import strike
from ringback.storage.database import Database

DROPPED = "a fault dropped it"
WRONG_ENDING = "?"
"""What makes another token, and so another signature, of an account's own."""

log = structlog.get_logger()


class Sending(NamedTuple):
    """A StatusCallback as it is to be sent, and how often in all: 0 for one that is not sent."""

    callback: StatusCallback
    times: int


class CallbackFaults:
    """Looks, once a delivery, whether a fault strikes it."""

    def __init__(self, database: Database, now: Callable[[], Instant], draw: Draw) -> None:
        self._database = database
        self._now = now
        self._draw = draw

    async def meet(self, callback: StatusCallback) -> Sending:
        """Return what is to be sent, after any delay that a fault makes."""
        if not callback.may_meet_fault:
            return Sending(callback, 1)
        effect = await self._database.run(strike, callback.account_sid, FaultTarget.STATUS_CALLBACK, draw=self._draw)
        if effect is None:
            return Sending(callback, 1)
        log.info("callback fault", call_sid=callback.call_sid, fault=described(effect))
        match effect:
            case Delay():
                return Sending(callback, int(await self._wait(callback, effect.seconds)))
            case Duplicate():
                return Sending(callback, effect.times)
            case BadSignature():
                return Sending(replace(callback, auth_token=callback.auth_token + WRONG_ENDING), 1)
            case NotSent():
                return Sending(callback, 0)
        raise AssertionError(effect)

    async def _wait(self, callback: StatusCallback, seconds: float) -> bool:
        """Wait so many real seconds; False where the call was forgotten meanwhile."""
        await self._database.run(hold_callback, callback, until=after(self._now(), seconds))
        await asyncio.sleep(seconds)
        return await self._database.run(hold_callback, callback, until=self._now())

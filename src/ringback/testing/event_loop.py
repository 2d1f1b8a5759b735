"""Warnings of synchronous calls that stop an event loop while the server waits for that loop."""

import asyncio
import warnings
from datetime import datetime
from typing import TYPE_CHECKING

from ringback.testing.errors import BlockedEventLoopWarning
from ringback.testing.requests import AccountRequests, Request
from ringback.testing.resource_requests import ClockRequests

if TYPE_CHECKING:
    from ringback.testing.control import Control
    from ringback.testing.records import CallbackAttempt

HINT = (
    "this thread's event loop stood still meanwhile; if the application or the StatusCallback's receiver runs in it, "
    "use ringback.testing.aio (docs/testing.md, Async tests)"
)
SHORTEST_TIMEOUT_MS = 100
"""The lowest time-out that a StatusCallback can have."""


def is_running() -> bool:
    """Return whether an event loop of asyncio runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def advance(control: "Control", account_sid: str, request: Request[datetime]) -> datetime:
    """Advance a clock, and warn if a callback of this time failed because its receiver was reached and did not answer.

    It is a warning, because the loop may serve other things than the receiver.
    """
    account = AccountRequests(account_sid)
    before = control.send(ClockRequests(account_sid).read()).now
    now = control.send(request)
    failed = control.send(account.events("callback.failed"))
    for call_sid in {event.call_sid for event in failed if event.call_sid and event.at >= before}:
        attempts = control.send(account.callbacks(call_sid))
        if any(map(_timed_out, attempts)):
            text = f"the StatusCallback of call {call_sid} timed out while clock.advance waited for it; {HINT}"
            warnings.warn(text, BlockedEventLoopWarning, stacklevel=3)
    return now


def _timed_out(attempt: "CallbackAttempt") -> bool:
    return attempt.answer is None and attempt.signature is not None and attempt.elapsed_ms >= SHORTEST_TIMEOUT_MS

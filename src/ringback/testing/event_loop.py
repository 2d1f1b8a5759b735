"""Warnings of synchronous calls that stop an event loop while the server waits for that loop."""

import asyncio
import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ringback.testing.errors import BlockedEventLoopWarning
from ringback.testing.requests import AccountRequests, Request

if TYPE_CHECKING:
    from ringback.testing.control import Control
    from ringback.testing.records import CallbackAttempt, Event

HINT = (
    "this thread's event loop stood still meanwhile; if the application or the StatusCallback's receiver runs in it, "
    "use ringback.testing.aio (docs/testing.md, Async tests)"
)
TIME_OUTS = ("no answer from ", "no answer within ", "did not complete the TLS handshake")
"""Parts of the errors of attempts whose receiver was reached and did not answer in time."""


def is_running() -> bool:
    """Return whether an event loop of asyncio runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def advance(control: "Control", account_sid: str, request: Request[datetime]) -> datetime:
    """Advance a clock, and warn of each callback that failed meanwhile because its receiver did not answer in time.

    It is a warning, because the loop may serve other things than the receiver.
    """
    account = AccountRequests(account_sid)
    last_id = max((event.id for event in _failures(control, account, 0)), default=0)
    now = control.send(request)
    for call_sid in {event.call_sid for event in _failures(control, account, last_id) if event.call_sid}:
        attempts = control.send(account.callbacks(call_sid))
        if any(map(is_time_out, attempts)):
            text = f"the StatusCallback of call {call_sid} timed out while clock.advance waited for it; {HINT}"
            warnings.warn(text, BlockedEventLoopWarning, stacklevel=3)
    return now


def _failures(control: "Control", account: AccountRequests, after: int) -> Iterator["Event"]:
    """Yield the events of failed callbacks after the one with the id `after`, page by page."""
    while page := control.send(account.events("callback.failed", after=after)):
        yield from page
        after = page[-1].id


def is_time_out(attempt: "CallbackAttempt") -> bool:
    """Tell whether a receiver was reached by an attempt and did not answer in time."""
    return any(text in (attempt.error or "") for text in TIME_OUTS)

"""Warnings about synchronous calls that block an event loop while the server waits for that loop."""

import asyncio
import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ringback.testing.errors import BlockedEventLoopWarning
from ringback.testing.requests import AccountRequests, Request

if TYPE_CHECKING:
    from ringback.testing.control import Control
    from ringback.testing.models import CallbackAttempt, Event

HINT = (
    "the call blocked the event loop of this thread; if the application or the receiver of the StatusCallback runs in "
    "that loop, use ringback.testing.aio (docs/testing.md, Async tests)"
)
TIMEOUT_ERRORS = ("no answer from ", "no answer within ", "did not complete the TLS handshake")
"""Parts of the error messages for receivers that were reached, but did not answer in time."""


def is_running() -> bool:
    """Return whether an asyncio event loop is running in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def advance(control: "Control", account_sid: str, request: Request[datetime]) -> datetime:
    """Advance a clock, and warn about each callback that failed because its receiver did not answer in time.

    This is a warning, not an error, because the receiver may run outside the blocked event loop.
    """
    account = AccountRequests(account_sid)
    last_id = max((event.id for event in _failures(control, account, 0)), default=0)
    now = control.send(request)
    for call_sid in {event.call_sid for event in _failures(control, account, last_id) if event.call_sid}:
        attempts = control.send(account.callbacks(call_sid))
        if any(map(is_timeout, attempts)):
            message = f"the StatusCallback of call {call_sid} timed out while clock.advance waited for it; {HINT}"
            warnings.warn(message, BlockedEventLoopWarning, stacklevel=3)
    return now


def _failures(control: "Control", account: AccountRequests, after: int) -> Iterator["Event"]:
    """Read page by page, and yield the events of failed callbacks after the one with the id `after`."""
    while page := control.send(account.events("callback.failed", after=after)):
        yield from page
        after = page[-1].id


def is_timeout(attempt: "CallbackAttempt") -> bool:
    """Return whether an attempt reached a receiver that did not answer in time."""
    return any(text in (attempt.error or "") for text in TIMEOUT_ERRORS)

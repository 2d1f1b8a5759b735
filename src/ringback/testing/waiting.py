"""Waiting for an event, and the reason why it did not come."""

from collections.abc import Generator
from typing import Any

from ringback.testing.event_loop import HINT
from ringback.testing.records import CallReading, Event
from ringback.testing.requests import AccountRequests, Request
from ringback.testing.resource_requests import ClockRequests

LONGEST_POLL_SECONDS = 60.0

Steps = Generator[Request[Any], Any, Event]
"""Yields requests, is sent their results, and returns an event: the same for both kinds of client."""


def wait_for(
    account_sid: str, kind: str, call_sid: str | None, after: int, timeout_seconds: float, *, blocks_loop: bool
) -> Steps:
    """Return the first event of a kind, of one call unless `call_sid` is None. Raises TimeoutError.

    The server does the waiting: this process's clock may be a fake one. `blocks_loop` says that an event loop stands
    still until then.
    """
    requests = AccountRequests(account_sid)
    left_seconds = max(0.0, timeout_seconds)
    while True:
        poll_seconds = min(left_seconds, LONGEST_POLL_SECONDS)
        found = yield requests.events(kind, call_sid=call_sid, after=after, wait_seconds=poll_seconds)
        if found:
            return Event.model_validate(found[0])
        left_seconds -= poll_seconds
        if left_seconds <= 0:
            break
    happened = yield requests.events(call_sid=call_sid, after=after)
    calls = yield requests.calls()
    clock = yield ClockRequests(account_sid).read()
    live = [call for call in map(CallReading.model_validate, calls) if _is_live(call, call_sid)]
    reason = _reason(happened, live, clock.mode)
    hint = f"; {HINT}" if blocks_loop else ""
    of_call = f" of call {call_sid}" if call_sid else ""
    since = f" after event {after}" if after else ""
    raise TimeoutError(f"no {kind}{of_call}{since} within {timeout_seconds:g} s; {reason}{hint}")


def _reason(happened: list[Event], live: list[CallReading], mode: str) -> str:
    parts = [
        f"what happened instead: {', '.join(map(_told, happened)) or 'nothing'}",
        *(f"call {call.sid} is {call.state}" for call in live),
        f"the account's clock is {mode}",
    ]
    return "; ".join(parts) + (" (clock.advance(seconds) makes happen what is due by then)" if live else "")


def _told(event: Event) -> str:
    """Return the event's type, with its error if there is one."""
    error = event.data.get("error")
    return f"{event.type} ({error})" if error else event.type


def _is_live(call: CallReading, call_sid: str | None) -> bool:
    return call.ended_at is None and call_sid in (None, call.sid)

"""Wait for an event, and describe why it did not happen."""

from collections.abc import Generator
from typing import Any

from ringback.testing.event_loop_warnings import HINT
from ringback.testing.models import CallData, Event
from ringback.testing.requests import AccountRequests, Request
from ringback.testing.resource_requests import ClockRequests

LONGEST_POLL_SECONDS = 60.0

Steps = Generator[Request[Any], Any, Event]
"""Generator that yields requests, receives their results, and returns an event. Both kinds of client drive it."""


def wait_for(
    account_sid: str, kind: str, call_sid: str | None, after: int, timeout_seconds: float, *, blocks_loop: bool
) -> Steps:
    """Return the first event of a type, for one call unless `call_sid` is None. Raises TimeoutError.

    The server measures the time, because the clock of this process may be fake. With `blocks_loop`, the TimeoutError
    also warns that the call blocks an event loop.
    """
    requests = AccountRequests(account_sid)
    remaining_seconds = max(0.0, timeout_seconds)
    while True:
        poll_seconds = min(remaining_seconds, LONGEST_POLL_SECONDS)
        events = yield requests.events(kind, call_sid=call_sid, after=after, wait_seconds=poll_seconds)
        if events:
            return Event.model_validate(events[0])
        remaining_seconds -= poll_seconds
        if remaining_seconds <= 0:
            break
    other_events = yield requests.events(call_sid=call_sid, after=after)
    calls = yield requests.calls()
    clock = yield ClockRequests(account_sid).read()
    live = [call for call in map(CallData.model_validate, calls) if _is_live(call, call_sid)]
    reason = _reason(other_events, live, clock.mode)
    hint = f"; {HINT}" if blocks_loop else ""
    of_call = f" of call {call_sid}" if call_sid else ""
    since = f" after event {after}" if after else ""
    raise TimeoutError(f"no {kind}{of_call}{since} within {timeout_seconds:g} s; {reason}{hint}")


def _reason(events: list[Event], live: list[CallData], mode: str) -> str:
    parts = [
        f"events instead: {', '.join(map(_describe_event, events)) or 'none'}",
        *(f"call {call.sid} is {call.state}" for call in live),
        f"the account's clock is {mode}",
    ]
    return "; ".join(parts) + (" (clock.advance(seconds) makes pending events happen)" if live else "")


def _describe_event(event: Event) -> str:
    """Return the type of an event, and its error if there is one."""
    error = event.data.get("error")
    return f"{event.type} ({error})" if error else event.type


def _is_live(call: CallData, call_sid: str | None) -> bool:
    return call.ended_at is None and call_sid in (None, call.sid)

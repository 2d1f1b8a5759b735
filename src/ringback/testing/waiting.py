"""Waiting for an event, and telling why it did not come."""

from typing import TYPE_CHECKING

from ringback.testing.records import Event

if TYPE_CHECKING:
    from ringback.testing.account import Account
    from ringback.testing.calls import Call

LONGEST_POLL_SECONDS = 60.0


def wait_for(account: "Account", kind: str, call_sid: str | None, after: int, timeout_seconds: float) -> Event:
    """Return the first event of a kind, of one call unless `call_sid` is None. Raises TimeoutError.

    The server does the waiting: this process's clock may be a fake one.
    """
    left_seconds = max(0.0, timeout_seconds)
    while True:
        poll_seconds = min(left_seconds, LONGEST_POLL_SECONDS)
        found = account.events(kind, call_sid=call_sid, after=after, wait_seconds=poll_seconds)
        if found:
            return found[0]
        left_seconds -= poll_seconds
        if left_seconds <= 0:
            raise TimeoutError(_reason(account, kind, call_sid, after, timeout_seconds))


def _reason(account: "Account", kind: str, call_sid: str | None, after: int, timeout_seconds: float) -> str:
    of_call = f" of call {call_sid}" if call_sid else ""
    since = f" after event {after}" if after else ""
    happened = map(_told, account.events(call_sid=call_sid, after=after))
    under_way = [f"call {call.sid} is {call.state}" for call in _calls_under_way(account, call_sid)]
    parts = [
        f"no {kind}{of_call}{since} within {timeout_seconds:g} s",
        f"what happened instead: {', '.join(happened) or 'nothing'}",
        *under_way,
        f"the account's clock is {account.clock.read().mode}",
    ]
    return "; ".join(parts) + (" (clock.advance(seconds) makes happen what is due by then)" if under_way else "")


def _told(event: Event) -> str:
    """Say what happened, and what went wrong if something did."""
    error = event.data.get("error")
    return f"{event.type} ({error})" if error else event.type


def _calls_under_way(account: "Account", call_sid: str | None) -> "list[Call]":
    calls = account.calls()
    return [call for call in calls if call.ended_at is None and call_sid in (None, call.sid)]

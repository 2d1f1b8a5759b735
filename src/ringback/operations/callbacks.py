"""StatusCallbacks: leasing those that are due to a sender, and recording what came of each try."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, StatusCallback
from ringback.domain.events import callback_settled
from ringback.domain.instants import Instant, after
from ringback.storage.unit_of_work import UnitOfWork

LEASE_SECONDS = 60.0
"""Longer than any delivery with all its retries may take (15 s), so that a lease runs out only behind the dead."""


RECEIVER_DELIVERIES = 8
"""How many deliveries to one receiver are under way at once."""


class Claim(NamedTuple):
    """Callbacks leased to a sender, each with its receiver; and when to look again (None: when something happens)."""

    callbacks: list[tuple[StatusCallback, str]]
    next_due: Instant | None


def claim_due_callbacks(unit_of_work: UnitOfWork, *, now: Instant, limit: int, under_way: Mapping[str, int]) -> Claim:
    """Lease at most `limit` callbacks that are due, the receivers that waited longest first.

    `under_way` counts the deliveries to each receiver that have not ended: one that is slow holds up no other.
    """
    ready = {
        receiver: due
        for receiver, due in unit_of_work.callbacks.receivers().items()
        if under_way.get(receiver, 0) < RECEIVER_DELIVERIES
    }
    later = [due for due in ready.values() if due > now]
    claimed: list[tuple[StatusCallback, str]] = []
    if len(ready) > len(later) and limit > 0:
        with unit_of_work:
            for receiver in sorted(ready, key=ready.__getitem__):
                room = min(RECEIVER_DELIVERIES - under_way.get(receiver, 0), limit - len(claimed))
                leased = unit_of_work.callbacks.claim_due(
                    receiver, now=now, limit=room, leased_until=after(now, LEASE_SECONDS)
                )
                claimed += [(callback, receiver) for callback in leased]
    return Claim(claimed, min(later, default=None))


def record_attempt(
    unit_of_work: UnitOfWork, callback: StatusCallback, attempt: CallbackAttempt, status: CallbackStatus
) -> None:
    """Journal one try, and settle the callback unless its `status` is still pending.

    `attempt.at` is the machine's time; the journal has the account's. Nothing is left to journal where the call was
    forgotten while its callback was under way.
    """
    due = after(attempt.at, LEASE_SECONDS) if status == CallbackStatus.PENDING else None
    with unit_of_work:
        account = unit_of_work.accounts.find(callback.account_sid)
        if account is None or not unit_of_work.callbacks.settle(
            callback, status, attempts_made=attempt.number, due=due
        ):
            return
        journaled = replace(attempt, at=account.clock.now(attempt.at))
        unit_of_work.callbacks.add_attempt(callback.call_sid, journaled)
        if status != CallbackStatus.PENDING:
            unit_of_work.events.add(callback_settled(callback, journaled, status))


def hold_callback(unit_of_work: UnitOfWork, callback: StatusCallback, *, until: Instant) -> bool:
    """Keep a leased callback, which will not have been tried by then; False where its call was forgotten."""
    with unit_of_work:
        return unit_of_work.callbacks.settle(
            callback, CallbackStatus.PENDING, attempts_made=callback.attempts, due=after(until, LEASE_SECONDS)
        )


def release_leases(unit_of_work: UnitOfWork, *, now: Instant) -> int:
    """Make every leased callback due again; for a process that is alone with its database and has just started."""
    with unit_of_work:
        return unit_of_work.callbacks.release_all(now)


class CallbackJournal(NamedTuple):
    """A call's StatusCallback and what stands with it, both None while the call owes none; every attempt so far."""

    callback: StatusCallback | None
    status: CallbackStatus | None
    attempts: list[CallbackAttempt]


class NotRedeliverable(Exception):
    """A StatusCallback that cannot be sent again now; the message says why, and nothing was changed."""


def callback_journal(unit_of_work: UnitOfWork, call_sid: str) -> CallbackJournal:
    """Return what was tried to deliver a call's StatusCallback, the oldest attempt first."""
    callback, status = unit_of_work.callbacks.find(call_sid) or (None, None)
    return CallbackJournal(callback, status, unit_of_work.callbacks.attempts(call_sid))


def redeliver_callback(unit_of_work: UnitOfWork, call_sid: str, *, real: Instant) -> CallbackJournal | None:
    """Owe a call's StatusCallback again, with the same idempotency token, due at once; None where the call is gone.

    Raises NotRedeliverable.
    """
    with unit_of_work:
        call = unit_of_work.calls.find(call_sid)
        if call is None:
            return None
        if call.status_callback is None:
            raise NotRedeliverable("asked for no StatusCallback")
        if not call.is_ended:
            raise NotRedeliverable(f"is {call.state}: its StatusCallback is sent when it has ended")
        if not unit_of_work.callbacks.redeliver(call_sid, real):
            raise NotRedeliverable("has a StatusCallback under way")
        return callback_journal(unit_of_work, call_sid)

"""StatusCallbacks: leasing those that are due to a sender, and recording what came of each try."""

from collections.abc import Collection

from ringback.domain.callbacks import CallbackAttempt, CallbackStatus, StatusCallback
from ringback.domain.instants import Instant, after
from ringback.storage.unit_of_work import UnitOfWork

LEASE_SECONDS = 60.0
"""Longer than any delivery with all its retries may take (15 s), so that a lease runs out only behind the dead."""


def claim_due_callbacks(
    unit_of_work: UnitOfWork, *, now: Instant, limit: int, passed_over: Collection[str]
) -> list[tuple[StatusCallback, str]]:
    """Lease at most `limit` callbacks that are due, each with its receiver; busy receivers are passed over."""
    with unit_of_work:
        return unit_of_work.callbacks.claim_due(now, limit, after(now, LEASE_SECONDS), passed_over)


def record_attempt(unit_of_work: UnitOfWork, call_sid: str, attempt: CallbackAttempt, status: CallbackStatus) -> None:
    """Journal one try, and settle the callback unless its `status` is still pending."""
    with unit_of_work:
        unit_of_work.callbacks.add_attempt(call_sid, attempt)
        if status == CallbackStatus.PENDING:
            unit_of_work.callbacks.keep_leased(call_sid, attempt.number, after(attempt.at, LEASE_SECONDS))
        else:
            unit_of_work.callbacks.settle(call_sid, status, attempt.number)


def release_leases(unit_of_work: UnitOfWork, *, now: Instant) -> int:
    """Make every leased callback due again; for a process that is alone with its database and has just started."""
    with unit_of_work:
        return unit_of_work.callbacks.release_all(now)


def next_callback_due(unit_of_work: UnitOfWork, *, passed_over: Collection[str]) -> Instant | None:
    """Return when the next callback to any other receiver is due, None when none is pending."""
    return unit_of_work.callbacks.next_due(passed_over)

"""Asking for a number to be verified."""

from ringback.domain.account_clock import AccountTime
from ringback.domain.call_schedule import next_event
from ringback.domain.caller_ids import ValidationAnswer, ValidationRequest
from ringback.domain.calls import CallEvent, CallState, TimelineEntry, ValidationCall
from ringback.domain.errors import (
    phone_number_already_verified,
    too_many_calls_to_number,
    trial_account_is_full,
)
from ringback.domain.events import call_queued
from ringback.domain.policies import TRIAL_VERIFIED_NUMBERS, WEEK_SECONDS, AccountType, CallPolicy
from ringback.domain.sids import CALL, AccountSid, CallSid
from ringback.domain.timestamps import Timestamp, after
from ringback.operations.accounts import present_and_policy
from ringback.operations.calls import advance_call
from ringback.operations.id_generator import IdGenerator
from ringback.storage.unit_of_work import UnitOfWork


def create_validation_request(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    request: ValidationRequest,
    *,
    system_now: Timestamp,
    policy: CallPolicy,
    id_generator: IdGenerator,
) -> ValidationAnswer:
    """Queue the call that will ask for a new code, and return that code.

    Calls to the same number that are still under way end as failed: their codes are void.
    `policy` is that of the settings; what the account has of its own goes before it. Raises TwilioError 21450 where the
    account has verified this number already, 20003 where the account is gone, and what `_check_limits` raises.
    """
    with unit_of_work:
        time, own = present_and_policy(unit_of_work, account_sid, system_now)
        policy = own.merged_with(policy)
        unit_of_work.locks.phone_number(account_sid, request.phone_number)
        superseded = unit_of_work.calls.lock_active(account_sid, request.phone_number)
        if unit_of_work.caller_ids.find_by_number(account_sid, request.phone_number):  # after them: one may have ended
            raise phone_number_already_verified()
        _check_limits(unit_of_work, account_sid, request.phone_number, time, policy)
        for older in superseded:
            advance_call(unit_of_work, older, CallEvent.SUPERSEDE, time=time, policy=policy, id_generator=id_generator)
        call = _queued(unit_of_work, account_sid, request, time, policy, id_generator)
        unit_of_work.events.add(call_queued(call))
        return ValidationAnswer(
            account_sid,
            call.phone_number,
            call.friendly_name,
            call.validation_code,
            call.sid,
            has_superseded=bool(superseded),
        )


def _check_limits(
    unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, time: AccountTime, policy: CallPolicy
) -> None:
    """Raise TwilioError 10002 where a trial account is full, 22100 where the number was called too often.

    What no limit asks for is not counted. Calls of later than now are: whoever waited for the lock of a number has an
    older present than those he waited for, and the clocks of two machines differ. Source: docs/fidelity.md, policy
    [assumed].
    """
    if policy.account_type == AccountType.TRIAL:
        unit_of_work.locks.verified_numbers(account_sid)
        if unit_of_work.caller_ids.count_taken(account_sid, number) >= TRIAL_VERIFIED_NUMBERS:
            raise trial_account_is_full(TRIAL_VERIFIED_NUMBERS)
    limit = policy.calls_per_number_and_week
    if limit is not None:
        since, until = after(time.account_now, -WEEK_SECONDS), after(time.account_now, WEEK_SECONDS)
        if unit_of_work.calls.count(account_sid, number, since=since, until=until) >= limit:
            raise too_many_calls_to_number(limit)


def _queued(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    request: ValidationRequest,
    time: AccountTime,
    policy: CallPolicy,
    id_generator: IdGenerator,
) -> ValidationCall:
    code, lifetime_seconds = id_generator.validation_code(), policy.code_lifetime_seconds
    while True:
        call = ValidationCall(
            sid=CallSid(id_generator.sid(CALL)),
            account_sid=account_sid,
            phone_number=request.phone_number,
            friendly_name=request.friendly_name,
            validation_code=code,
            extension=request.extension,
            call_delay_seconds=request.call_delay_seconds,
            status_callback=request.status_callback,
            status_callback_method=request.status_callback_method,
            state=CallState.QUEUED,
            attempts_allowed=policy.code_attempts,
            attempts_left=policy.code_attempts,
            date_created=time.account_now,
            code_expires_at=None if lifetime_seconds is None else after(time.account_now, lifetime_seconds),
            timeline=(
                TimelineEntry(time.account_now, "queued", f"to be dialled after {request.call_delay_seconds} s"),
            ),
        )
        if unit_of_work.calls.add(call, next_event(call, policy, time.account_now), time):
            return call

"""Create a validation request, which queues a validation call."""

from collections.abc import Callable

from ringback.domain.call_schedule import next_event
from ringback.domain.calls import (
    CallEvent,
    CallState,
    TimelineEntry,
    ValidationAnswer,
    ValidationCall,
    ValidationRequest,
)
from ringback.domain.errors import (
    phone_number_already_owned,
    phone_number_already_verified,
    too_many_calls_to_number,
    trial_account_cannot_call,
)
from ringback.domain.events import call_queued
from ringback.domain.policies import WEEK_SECONDS, AccountType, CallPolicy, SecondRequest
from ringback.domain.sids import CALL, AccountSid, CallSid
from ringback.domain.timestamps import Timestamp, after
from ringback.operations.accounts import lock_account_time_and_policy
from ringback.operations.calls import CallContext, advance_call
from ringback.operations.id_generator import IdGenerator
from ringback.storage.incoming_phone_number_repository import IncomingPhoneNumberRepository
from ringback.storage.unit_of_work import UnitOfWork


def create_validation_request(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    make_request: Callable[[CallPolicy], ValidationRequest],
    *,
    system_now: Timestamp,
    policy: CallPolicy,
    id_generator: IdGenerator,
) -> ValidationAnswer:
    """Queue the call that asks for a new code, and return that code.

    Calls in progress to the same number fail, which invalidates their codes, unless the policy's `second_request`
    specifies something else. `policy` has the values of the settings; the account's own values take precedence.
    `make_request` checks the parameters against the account's policy, which cannot change until the commit.

    Raises TwilioError 20003 if the account was deleted, 10002 for a trial account regardless of the parameters, 21449
    if the account owns the number, 21450 if the account has already verified the number or refuses a second request,
    and 22100 if the number has been called too often.
    """
    with unit_of_work:
        time, own_policy = lock_account_time_and_policy(unit_of_work, account_sid, system_now)
        context = CallContext(time, own_policy.merged_with(policy), id_generator)
        if context.policy.account_type == AccountType.TRIAL:
            raise trial_account_cannot_call()
        request = make_request(context.policy)
        superseded = _lock_number(unit_of_work, account_sid, request.phone_number, context)
        for call in superseded:
            advance_call(unit_of_work, call, CallEvent.SUPERSEDE, context=context)
        call = _queue_call(unit_of_work, account_sid, request, context)
        unit_of_work.events.add(call_queued(call))
        return ValidationAnswer(
            account_sid,
            call.phone_number,
            call.friendly_name,
            call.validation_code,
            call.sid,
            has_superseded=bool(superseded),
        )


def _lock_number(
    unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, context: CallContext
) -> list[ValidationCall]:
    """Lock a number, check that it may be called, and return the active calls that the new request supersedes.

    Raises TwilioError 21449, 21450 or 22100.
    """
    unit_of_work.locks.phone_number(account_sid, number)
    if IncomingPhoneNumberRepository(unit_of_work).find_by_number(account_sid, number):
        raise phone_number_already_owned()
    superseded = _supersedable_calls(unit_of_work, account_sid, number, context)
    # check this after locking the calls, because one of them may just have verified the number
    if unit_of_work.caller_ids.find_by_number(account_sid, number):
        raise phone_number_already_verified()
    _check_call_limit(unit_of_work, account_sid, number, context)
    return superseded


def _supersedable_calls(
    unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, context: CallContext
) -> list[ValidationCall]:
    """Lock and return the active calls to this number that the new request supersedes.

    Raises TwilioError 21450 if there are such calls and the policy refuses a second request. Source: docs/fidelity.md,
    policy [assumed].
    """
    second_request = context.policy.second_request
    if second_request == SecondRequest.BOTH:
        return []
    calls = unit_of_work.calls.lock_active(account_sid, number)
    if calls and second_request == SecondRequest.REFUSE:
        raise phone_number_already_verified(
            f"call {calls[0].sid} to this number is in progress, and second_request is refuse"
        )
    return calls


def _check_call_limit(unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, context: CallContext) -> None:
    """Raise TwilioError 22100 if the number has been called too often within a week.

    Calls are counted only if a limit applies. Calls dated up to a week in the future count too, because a request that
    waited for the lock has an earlier time than the call before it, and because the clocks of two machines differ.
    Source: docs/fidelity.md, policy [assumed].
    """
    policy, account_now = context.policy, context.time.account_now
    limit = policy.calls_per_number_and_week
    if limit is not None:
        since, until = after(account_now, -WEEK_SECONDS), after(account_now, WEEK_SECONDS)
        if unit_of_work.calls.count(account_sid, number, since=since, until=until) >= limit:
            raise too_many_calls_to_number(limit)


def _queue_call(
    unit_of_work: UnitOfWork, account_sid: AccountSid, request: ValidationRequest, context: CallContext
) -> ValidationCall:
    time, policy, id_generator = context
    account_now, lifetime_seconds = time.account_now, policy.code_lifetime_seconds
    code = id_generator.validation_code()
    while True:
        call = ValidationCall(
            sid=CallSid(id_generator.sid(CALL)),
            account_sid=account_sid,
            validation_code=code,
            state=CallState.QUEUED,
            attempts_allowed=policy.code_attempts,
            attempts_left=policy.code_attempts,
            date_created=account_now,
            code_expires_at=None if lifetime_seconds is None else after(account_now, lifetime_seconds),
            timeline=(TimelineEntry(account_now, "queued", f"to be dialed after {request.call_delay_seconds} s"),),
            **request._asdict(),
        )
        if unit_of_work.calls.add(call, next_event(call, policy, account_now), time):
            return call

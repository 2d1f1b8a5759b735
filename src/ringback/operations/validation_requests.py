"""Asking for a number to be verified."""

from ringback.domain.call_plan import CallPolicy, next_event
from ringback.domain.caller_ids import ValidationAnswer, ValidationRequest
from ringback.domain.calls import CallEvent, CallState, TimelineEntry, ValidationCall
from ringback.domain.clocks import AccountTime
from ringback.domain.errors import phone_number_already_verified
from ringback.domain.events import call_queued
from ringback.domain.instants import Instant
from ringback.domain.sids import CALL, AccountSid, CallSid
from ringback.operations.accounts import present
from ringback.operations.calls import advance_call
from ringback.operations.identifiers import Identifiers
from ringback.storage.unit_of_work import UnitOfWork


def create_validation_request(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    request: ValidationRequest,
    *,
    real: Instant,
    policy: CallPolicy,
    identifiers: Identifiers,
) -> ValidationAnswer:
    """Queue the call that will ask for a new code, and return that code.

    Calls to the same number that are still under way end as failed: their codes are void.
    Raises TwilioError 21450 where the account has verified this number already, 20003 where the account is gone.
    """
    with unit_of_work:
        time = present(unit_of_work, account_sid, real)
        unit_of_work.locks.number(account_sid, request.phone_number)
        superseded = unit_of_work.calls.under_way(account_sid, request.phone_number)
        if unit_of_work.caller_ids.find_by_number(account_sid, request.phone_number):  # after them: one may have ended
            raise phone_number_already_verified()
        for older in superseded:
            advance_call(unit_of_work, older, CallEvent.SUPERSEDE, time=time, policy=policy, identifiers=identifiers)
        call = _queued(unit_of_work, account_sid, request, time, policy, identifiers)
        unit_of_work.events.add(call_queued(call))
        return ValidationAnswer(
            account_sid,
            call.phone_number,
            call.friendly_name,
            call.validation_code,
            call.sid,
            has_superseded=bool(superseded),
        )


def _queued(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    request: ValidationRequest,
    time: AccountTime,
    policy: CallPolicy,
    identifiers: Identifiers,
) -> ValidationCall:
    code = identifiers.validation_code()
    while True:
        call = ValidationCall(
            sid=CallSid(identifiers.sid(CALL)),
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
            date_created=time.now,
            timeline=(TimelineEntry(time.now, "queued", f"to be dialled after {request.call_delay_seconds} s"),),
        )
        if unit_of_work.calls.add(call, next_event(call, policy, time.now), time):
            return call

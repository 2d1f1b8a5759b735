"""Validation calls with their timelines, and being the person who is called."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ringback.control_api.dependencies import AccountOfPath, CallOfPath, Services, no_such_call
from ringback.control_api.errors import CONFLICTS, conflict, unprocessable
from ringback.control_api.large_responses import list_answer
from ringback.control_api.schemas import Body, Time, View, shown
from ringback.domain.callbacks import CallbackStatus, CallbackSummary
from ringback.domain.calls import CallEvent, CallStatus, IllegalCallEvent, ValidationCall, VerificationStatus
from ringback.domain.faults import described
from ringback.domain.phone_numbers import to_e164
from ringback.domain.phones import PhoneBehavior
from ringback.domain.timestamps import rfc_3339
from ringback.operations.callbacks import callback_summary
from ringback.operations.calls import PersonNotReached, apply_callee_action, newest_calls

DEFAULT_LIMIT, MAX_LIMIT = 100, 1_000

router = APIRouter(tags=["Calls"])


class Keys(Body):
    """What is keyed in."""

    digits: str = Field(pattern=r"^[0-9*#]{1,32}$", examples=["123456"], description="As many keys as are pressed.")


class TimelineEntryView(View):
    """One thing that happened to a call."""

    at: Time
    event: str
    detail: str


class PhoneView(View):
    """The phone that a call met."""

    behavior: PhoneBehavior
    ring_seconds: float
    key_seconds: float
    extension: str | None


class CallbackSummaryView(View):
    """The state of a call's StatusCallback at a glance; GET …/callbacks shows every attempt."""

    status: CallbackStatus | None = Field(description="Null until the call has ended.")
    attempts: int = Field(description="How many were made, redeliveries included.")
    status_code: int | None = Field(description="What the last attempt was answered with. Null without an answer.")
    error: str | None = Field(description="Why the last attempt failed.")
    fault: str | None = Field(description="The fault that the last delivery met.", examples=["signature bad"])
    is_signature_valid: bool | None = Field(
        description="Whether the last attempt was signed with the account's auth token. Null where nothing was sent."
    )
    redirects: int = Field(description="How many redirects the last attempt followed.")


class CallView(View):
    """A validation call; `phone` is null until the number was dialled."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str | None
    validation_code: str
    status: CallStatus
    state: str = Field(description="Finer than the status while the call is in progress.")
    verification_status: VerificationStatus | None
    outgoing_caller_id_sid: str | None
    attempts_left: int
    extension: str | None
    call_delay_seconds: int
    status_callback: str | None
    status_callback_method: str
    callback: CallbackSummaryView | None = Field(description="Null where no StatusCallback was asked for.")
    phone: PhoneView | None
    date_created: Time
    code_expires_at: Time | None = Field(description="Null for a code that is right as long as the call lasts.")
    ringing_at: Time | None
    answered_at: Time | None
    ended_at: Time | None
    timeline: list[TimelineEntryView]


class CallList(View):
    """Calls, newest first."""

    calls: list[CallView]


def call_view(call: ValidationCall, summary: CallbackSummary | None) -> CallView:
    """Show a call, with the summary of its StatusCallback."""
    phone = call.phone
    return CallView(
        sid=call.sid,
        account_sid=call.account_sid,
        phone_number=call.phone_number,
        friendly_name=call.friendly_name,
        validation_code=call.validation_code,
        status=call.call_status,
        state=call.state,
        verification_status=call.verification_status,
        outgoing_caller_id_sid=call.outgoing_caller_id_sid,
        attempts_left=call.attempts_left,
        extension=call.extension,
        call_delay_seconds=call.call_delay_seconds,
        status_callback=call.status_callback,
        status_callback_method=call.status_callback_method,
        callback=_callback(summary) if call.status_callback is not None else None,
        phone=PhoneView.model_validate(phone, from_attributes=True) if phone else None,
        date_created=rfc_3339(call.date_created),
        code_expires_at=shown(call.code_expires_at),
        ringing_at=shown(call.ringing_at),
        answered_at=shown(call.answered_at),
        ended_at=shown(call.ended_at),
        timeline=[
            TimelineEntryView(at=rfc_3339(entry.at), event=entry.event, detail=entry.detail) for entry in call.timeline
        ],
    )


def _callback(summary: CallbackSummary | None) -> CallbackSummaryView:
    return CallbackSummaryView(
        status=summary.status if summary else None,
        attempts=summary.attempts if summary else 0,
        status_code=summary.status_code if summary else None,
        error=summary.error if summary else None,
        fault=described(summary.fault) if summary and summary.fault else None,
        is_signature_valid=summary.is_signature_valid if summary else None,
        redirects=summary.redirects if summary else 0,
    )


@router.get("/accounts/{account_sid}/calls", response_model=CallList, summary="List the account's calls")
async def list_calls(
    services: Services,
    account: AccountOfPath,
    phone_number: Annotated[str | None, Query(description="Only calls to this number.")] = None,
    status: Annotated[CallStatus | None, Query(description="Only calls of this status.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Response:
    """Show the account's calls, newest first, each with its code, its timeline and the state of its callback."""
    e164 = None if phone_number is None else to_e164(phone_number, None)
    if phone_number is not None and e164 is None:
        raise unprocessable("phone_number: no phone number", "write it as +14158675309, the + as %2B")
    calls = await services.database.run_in_steps(
        newest_calls.steps, account.sid, limit=limit, phone_number=e164, status=status
    )
    return await list_answer("calls", calls, lambda found: call_view(*found))


@router.get("/accounts/{account_sid}/calls/{call_sid}", summary="Fetch a call")
async def fetch_call(services: Services, call: CallOfPath) -> CallView:
    """Show a call."""
    return await _with_callback(services, call)


@router.post("/accounts/{account_sid}/calls/{call_sid}/answer", responses=CONFLICTS, summary="Pick the phone up")
async def answer(services: Services, call: CallOfPath) -> CallView:
    """Answer a ringing phone, whatever its behaviour is."""
    return await _act(services, call, CallEvent.ANSWER, "a phone can be answered while it rings")


@router.post("/accounts/{account_sid}/calls/{call_sid}/digits", responses=CONFLICTS, summary="Key digits in")
async def key_digits(services: Services, call: CallOfPath, keys: Keys) -> CallView:
    """Key digits in at the prompt: six are a code, fewer wait for the rest."""
    hint = "digits can be keyed in at the prompt, after the phone was answered and the extension dialled"
    return await _act(services, call, CallEvent.DIGITS, hint, keys.digits)


@router.post("/accounts/{account_sid}/calls/{call_sid}/hang-up", responses=CONFLICTS, summary="Hang up")
async def hang_up(services: Services, call: CallOfPath) -> CallView:
    """End a call that was answered."""
    return await _act(services, call, CallEvent.HANG_UP, "a call can be hung up once answered; before, reject it")


@router.post("/accounts/{account_sid}/calls/{call_sid}/reject", responses=CONFLICTS, summary="Reject the call")
async def reject(services: Services, call: CallOfPath) -> CallView:
    """Refuse a ringing call: its status is busy."""
    return await _act(services, call, CallEvent.REJECT, "a call can be rejected while it rings")


async def _act(services: Services, call: ValidationCall, event: CallEvent, hint: str, digits: str = "") -> CallView:
    try:
        moved = await services.database.run(
            apply_callee_action,
            call.sid,
            event,
            digits=digits,
            system_now=services.now(),
            policy=services.call_policy,
            identifiers=services.identifiers,
        )
    except IllegalCallEvent as error:
        raise conflict(f"call {error.call.sid} is {error.call.state}", hint) from error
    except PersonNotReached as error:
        raise conflict(
            f"a switchboard answered call {call.sid}, and nobody hears the prompt",
            "the Extension of the validation request, waits aside, must be the phone's extension",
        ) from error
    if moved is None:
        raise no_such_call(call.account_sid, call.sid)
    services.wake()
    return await _with_callback(services, moved)


async def _with_callback(services: Services, call: ValidationCall) -> CallView:
    if call.status_callback is None:
        return call_view(call, None)
    return call_view(call, await services.database.run(callback_summary, call.sid))

"""Validation calls: list them with their timelines, and act as the callee."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ringback.config.validators import KEYS_PATTERN
from ringback.control_api.dependencies import PathAccount, PathCall, Services, call_not_found
from ringback.control_api.errors import CONFLICT_RESPONSE, conflict, unprocessable
from ringback.control_api.large_responses import list_response
from ringback.control_api.schemas import DateTimeOut, RequestModel, ResponseModel, to_date_time
from ringback.domain.callbacks import CallbackStatus, CallbackSummary
from ringback.domain.calls import CallEvent, CallStatus, IllegalCallEvent, ValidationCall, VerificationStatus
from ringback.domain.fault_effects import describe_effect
from ringback.domain.phone_numbers import to_e164
from ringback.domain.phones import PhoneBehavior
from ringback.domain.timestamps import rfc_3339
from ringback.operations.callbacks import callback_summary
from ringback.operations.calls import PersonNotReached, apply_callee_action, newest_calls

DEFAULT_LIMIT, MAX_LIMIT = 100, 1_000

router = APIRouter(tags=["Calls"])


class DigitsRequest(RequestModel):
    """Keys that the callee presses."""

    digits: str = Field(
        pattern=KEYS_PATTERN,
        max_length=32,
        examples=["123456", "ww123w456"],
        description="The pressed keys; `w` is a pause of half a second on the account's clock.",
    )


class TimelineEntryResponse(ResponseModel):
    """One event in the timeline of a call."""

    at: DateTimeOut
    event: str
    detail: str


class CallPhoneResponse(ResponseModel):
    """The simulated phone that a call reached."""

    behavior: PhoneBehavior
    ring_seconds: float
    key_seconds: float
    extension: str | None


class CallbackSummaryResponse(ResponseModel):
    """Summary of a call's StatusCallback; GET …/callbacks returns every attempt."""

    status: CallbackStatus | None = Field(description="Null until the call has ended.")
    attempts: int = Field(description="Number of attempts, including redeliveries.")
    status_code: int | None = Field(description="Status of the response to the last attempt. Null if there was none.")
    error: str | None = Field(description="Why the last attempt failed.")
    fault: str | None = Field(description="The fault injected into the last delivery.", examples=["signature bad"])
    is_signature_valid: bool | None = Field(
        description="Whether the last attempt was signed with the account's auth token. Null if nothing was sent."
    )
    redirects: int = Field(description="Number of redirects that the last attempt followed.")


class CallResponse(ResponseModel):
    """A validation call. `phone` is null until the number is dialed."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str | None
    validation_code: str
    status: CallStatus
    state: str = Field(description="More detailed than the status while the call is in progress.")
    verification_status: VerificationStatus | None
    outgoing_caller_id_sid: str | None
    attempts_left: int
    extension: str | None
    call_delay_seconds: int
    status_callback: str | None
    status_callback_method: str
    callback: CallbackSummaryResponse | None = Field(description="Null if no StatusCallback was requested.")
    phone: CallPhoneResponse | None
    date_created: DateTimeOut
    code_expires_at: DateTimeOut | None = Field(description="Null if the code is valid until the call ends.")
    ringing_at: DateTimeOut | None
    answered_at: DateTimeOut | None
    ended_at: DateTimeOut | None
    timeline: list[TimelineEntryResponse]


class CallListResponse(ResponseModel):
    """Calls, newest first."""

    calls: list[CallResponse]


def call_response(call: ValidationCall, summary: CallbackSummary | None) -> CallResponse:
    """Convert a call and the summary of its StatusCallback to a response."""
    phone = call.phone
    return CallResponse(
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
        phone=CallPhoneResponse.model_validate(phone, from_attributes=True) if phone else None,
        date_created=rfc_3339(call.date_created),
        code_expires_at=to_date_time(call.code_expires_at),
        ringing_at=to_date_time(call.ringing_at),
        answered_at=to_date_time(call.answered_at),
        ended_at=to_date_time(call.ended_at),
        timeline=[
            TimelineEntryResponse(at=rfc_3339(entry.at), event=entry.event, detail=entry.detail)
            for entry in call.timeline
        ],
    )


def _callback(summary: CallbackSummary | None) -> CallbackSummaryResponse:
    return CallbackSummaryResponse(
        status=summary.status if summary else None,
        attempts=summary.attempts if summary else 0,
        status_code=summary.status_code if summary else None,
        error=summary.error if summary else None,
        fault=describe_effect(summary.fault) if summary and summary.fault else None,
        is_signature_valid=summary.is_signature_valid if summary else None,
        redirects=summary.redirects if summary else 0,
    )


@router.get("/accounts/{account_sid}/calls", response_model=CallListResponse, summary="List the account's calls")
async def list_calls(
    services: Services,
    account: PathAccount,
    phone_number: Annotated[str | None, Query(description="Only calls to this number.")] = None,
    status: Annotated[CallStatus | None, Query(description="Only calls with this status.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Response:
    """Return the account's calls, newest first, each with its code, its timeline and the state of its callback."""
    e164 = None if phone_number is None else to_e164(phone_number, None)
    if phone_number is not None and e164 is None:
        raise unprocessable(
            "phone_number: not a valid phone number", "use a format such as +14158675309, and encode the + as %2B"
        )
    calls = await services.database.run_in_steps(
        newest_calls.steps, account.sid, limit=limit, phone_number=e164, status=status
    )
    return await list_response("calls", calls, lambda row: call_response(*row))


@router.get("/accounts/{account_sid}/calls/{call_sid}", summary="Fetch a call")
async def fetch_call(services: Services, call: PathCall) -> CallResponse:
    """Return a call."""
    return await _with_callback(services, call)


@router.post("/accounts/{account_sid}/calls/{call_sid}/answer", responses=CONFLICT_RESPONSE, summary="Answer the call")
async def answer(services: Services, call: PathCall) -> CallResponse:
    """Answer a ringing phone, regardless of its behavior."""
    return await _act(services, call, CallEvent.ANSWER, "answer a call while its phone is ringing")


@router.post("/accounts/{account_sid}/calls/{call_sid}/digits", responses=CONFLICT_RESPONSE, summary="Enter digits")
async def enter_digits(services: Services, call: PathCall, body: DigitsRequest) -> CallResponse:
    """Enter digits at the prompt. Six digits make a code; after fewer digits, the prompt waits for the rest.

    If there are pauses, the response shows the call before the digits are entered. All digits are then entered together
    after the last pause, following pending digits of an earlier request, unless the prompt times out first. Digits
    without a pause, and other actions, replace pending digits.
    """
    hint = "enter digits at the prompt, after the phone is answered and the extension is dialed"
    return await _act(services, call, CallEvent.DIGITS, hint, body.digits)


@router.post("/accounts/{account_sid}/calls/{call_sid}/hang-up", responses=CONFLICT_RESPONSE, summary="Hang up")
async def hang_up(services: Services, call: PathCall) -> CallResponse:
    """End an answered call."""
    return await _act(services, call, CallEvent.HANG_UP, "hang up an answered call; reject a ringing one")


@router.post("/accounts/{account_sid}/calls/{call_sid}/reject", responses=CONFLICT_RESPONSE, summary="Reject the call")
async def reject(services: Services, call: PathCall) -> CallResponse:
    """Reject a ringing call: its status becomes busy."""
    return await _act(services, call, CallEvent.REJECT, "reject a call while its phone is ringing")


async def _act(services: Services, call: ValidationCall, event: CallEvent, hint: str, digits: str = "") -> CallResponse:
    try:
        updated_call = await services.database.run(
            apply_callee_action,
            call.sid,
            event,
            digits=digits,
            system_now=services.system_now(),
            policy=services.call_policy,
            id_generator=services.id_generator,
        )
    except IllegalCallEvent as error:
        raise conflict(f"call {error.call.sid} is {error.call.state}", hint) from error
    except PersonNotReached as error:
        raise conflict(
            f"a switchboard answered call {call.sid}; the phone was not reached",
            "the Extension of the validation request (without w) must equal the phone's extension",
        ) from error
    if updated_call is None:
        raise call_not_found(call.account_sid, call.sid)
    services.wake()
    return await _with_callback(services, updated_call)


async def _with_callback(services: Services, call: ValidationCall) -> CallResponse:
    if call.status_callback is None:
        return call_response(call, None)
    return call_response(call, await services.database.run(callback_summary, call.sid))

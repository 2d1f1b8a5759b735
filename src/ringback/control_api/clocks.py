"""Clocks: read, freeze, set and advance an account's clock."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.errors import CONFLICT_RESPONSE, conflict, unprocessable
from ringback.control_api.schemas import (
    LAST_YEAR,
    DateTimeIn,
    DateTimeOut,
    RequestModel,
    ResponseModel,
    StrictNumber,
    to_date_time,
    to_timestamp,
)
from ringback.domain.account_clock import AccountTime, ClockMode
from ringback.domain.accounts import Account
from ringback.domain.timestamps import after, from_datetime, rfc_3339
from ringback.operations.clocks import AdvanceStopped, next_event_time, set_clock

LONGEST_ADVANCE_SECONDS = 366 * 86_400
LATEST = from_datetime(datetime(LAST_YEAR, 12, 31, tzinfo=UTC))

router = APIRouter(tags=["Clock"])


class SetClockRequest(RequestModel):
    """New state of an account's clock."""

    mode: ClockMode = Field(description="Whether the clock runs or is frozen.")
    now: DateTimeIn | None = Field(None, description="The time to set. Default: the time that the clock shows.")


class AdvanceClockRequest(RequestModel):
    """Time by which to advance a clock."""

    seconds: Annotated[float, Field(ge=0, le=LONGEST_ADVANCE_SECONDS, allow_inf_nan=False), StrictNumber]


class ClockResponse(ResponseModel):
    """State of an account's clock."""

    mode: ClockMode
    now: DateTimeOut
    next_event_at: DateTimeOut | None = Field(
        description="When the next event of a call falls due, by this clock. Null if none is pending."
    )


async def _clock_response(services: Services, account: Account, time: AccountTime) -> ClockResponse:
    next_event_at = await services.database.run(next_event_time, account.sid)
    return ClockResponse(
        mode=time.clock.mode, now=rfc_3339(time.account_now), next_event_at=to_date_time(next_event_at)
    )


@router.get("/accounts/{account_sid}/clock", summary="Read the account's clock")
async def fetch_clock(services: Services, account: PathAccount) -> ClockResponse:
    """Return the state of the account's clock."""
    return await _clock_response(services, account, account.clock.at(services.system_now()))


@router.put("/accounts/{account_sid}/clock", summary="Freeze, set or run the account's clock")
async def set_account_clock(services: Services, account: PathAccount, body: SetClockRequest) -> ClockResponse:
    """Set the clock that determines all dates of the account.

    Events that are due by the new time happen immediately. To let these events happen in order, advance the clock
    instead.
    """
    time = await services.database.run_in_steps(
        set_clock.steps,
        account.sid,
        mode=body.mode,
        account_now=to_timestamp(body.now),
        system_now=services.system_now(),
    )
    if time is None:
        raise account_not_found(account.sid)
    services.wake()
    return await _clock_response(services, account, time)


@router.post(
    "/accounts/{account_sid}/clock/advance", responses=CONFLICT_RESPONSE, summary="Advance the account's clock"
)
async def advance_clock(services: Services, account: PathAccount, body: AdvanceClockRequest) -> ClockResponse:
    """Advance the clock, let all events that fall due happen in order, and respond when the account has settled.

    An account has settled when its calls have moved and their callbacks were delivered or have failed. With `0`, only
    events that are due now happen.
    """
    if after(account.clock.now(services.system_now()), body.seconds) > LATEST:
        raise unprocessable(
            f"seconds: a clock cannot be advanced beyond the year {LAST_YEAR}", "advance the clock by fewer seconds"
        )
    try:
        time = await services.advance(account.sid, body.seconds)
    except AdvanceStopped as error:
        raise conflict(str(error), "GET the clock to see the time that it shows") from error
    if time is None:
        raise account_not_found(account.sid)
    return await _clock_response(services, account, time)

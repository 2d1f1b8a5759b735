"""The account's own time: frozen, set, advanced."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from ringback.control_api.dependencies import AccountOfPath, Services, no_such_account
from ringback.control_api.errors import CONFLICTS, conflict, unprocessable
from ringback.control_api.schemas import LAST_YEAR, Body, Moment, StrictNumber, Time, View, instant_of, shown
from ringback.domain.account_clock import AccountTime, ClockMode
from ringback.domain.accounts import Account
from ringback.domain.timestamps import after, from_datetime, rfc_3339
from ringback.operations.clocks import AdvanceStopped, next_event_time, set_clock

LONGEST_ADVANCE_SECONDS = 366 * 86_400
LATEST = from_datetime(datetime(LAST_YEAR, 12, 31, tzinfo=UTC))

router = APIRouter(tags=["Clock"])


class ClockSetting(Body):
    """How an account's clock is to be."""

    mode: ClockMode = Field(description="Whether time passes by itself.")
    now: Moment | None = Field(None, description="What it is to show; what it shows already unless given.")


class Advance(Body):
    """How much time is to pass."""

    seconds: Annotated[float, Field(ge=0, le=LONGEST_ADVANCE_SECONDS, allow_inf_nan=False), StrictNumber]


class ClockView(View):
    """An account's clock."""

    mode: ClockMode
    now: Time
    next_event_at: Time | None = Field(
        description="When, by this clock, the next thing happens to a call by itself. Null where nothing is pending."
    )


async def _clock(services: Services, account: Account, time: AccountTime) -> ClockView:
    next_event_at = await services.database.run(next_event_time, account.sid)
    return ClockView(mode=time.clock.mode, now=rfc_3339(time.now), next_event_at=shown(next_event_at))


@router.get("/accounts/{account_sid}/clock", summary="Read the account's clock")
async def fetch_clock(services: Services, account: AccountOfPath) -> ClockView:
    """Show the account's time."""
    return await _clock(services, account, account.clock.at(services.now()))


@router.put("/accounts/{account_sid}/clock", summary="Freeze the account's clock, set it, let it run")
async def change_clock(services: Services, account: AccountOfPath, setting: ClockSetting) -> ClockView:
    """Set the clock that all dates of the account follow. What is overdue by the new time happens at once.

    To let things happen in order on the way to a later time, advance the clock.
    """
    time = await services.database.run_in_steps(
        set_clock.steps, account.sid, mode=setting.mode, now=instant_of(setting.now), system_now=services.now()
    )
    if time is None:
        raise no_such_account(account.sid)
    services.wake()
    return await _clock(services, account, time)


@router.post("/accounts/{account_sid}/clock/advance", responses=CONFLICTS, summary="Let the account's time pass")
async def advance_clock(services: Services, account: AccountOfPath, advance: Advance) -> ClockView:
    """Let everything happen, in order, that falls due within so many seconds, and answer when it has settled.

    Settled is: the calls are moved, and the callbacks they owe are delivered or given up. `0` settles what is due now.
    """
    if after(account.clock.now(services.now()), advance.seconds) > LATEST:
        raise unprocessable(f"seconds: clocks are not set later than the year {LAST_YEAR}", "advance it by less")
    try:
        time = await services.advance(account.sid, advance.seconds)
    except AdvanceStopped as error:
        raise conflict(str(error), "GET the clock to see what it shows") from error
    if time is None:
        raise no_such_account(account.sid)
    return await _clock(services, account, time)

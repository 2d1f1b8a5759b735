"""Pages of calls: their order, filters and tokens, and calls in every state."""

from collections.abc import Callable
from itertools import product

import pytest

from ringback.domain.call_filters import TimeRange, end_time, start_time
from ringback.domain.calls import FINAL_STATES, CallState, ValidationCall
from ringback.domain.paging import PageRequest
from ringback.domain.phones import Phone
from ringback.domain.sids import CallSid
from ringback.domain.timestamps import Timestamp, after, rfc_3339
from ringback.operations.calls import list_calls
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import ACCOUNT_SID, NUMBER, T0, a_call, a_phone
from support.in_process.control import ControlledAccount
from support.in_process.simulation import Simulation

OTHER_NUMBER = "+14158675310"
NUMBERS = [NUMBER, OTHER_NUMBER]
STATUSES = ["queued", "in-progress", "completed", "failed"]
ENDED_AT, MOMENTS = 2, (None, 1, 2, 3)


@pytest.fixture
def calls(simulation: Simulation) -> list[ValidationCall]:
    """Add a call of each kind, and return the calls, newest first. Some of them were created at the same time."""
    kinds = product(NUMBERS, CallState, (None, a_phone()), MOMENTS)
    added = [call_at_position(place, *kind) for place, kind in enumerate(kinds)]
    for call in added:
        assert simulation.unit_of_work.calls.add(call, None, simulation.time())
    return newest_first(added)


def call_at_position(
    place: int, number: str, state: CallState, phone: Phone | None, ringing: int | None
) -> ValidationCall:
    return a_call(
        sid=CallSid(f"CA{place:032x}"),
        phone_number=number,
        state=state,
        date_created=after(T0, place % 7),
        phone=phone,
        ringing_at=None if ringing is None else after(T0, ringing),
        ended_at=after(T0, ENDED_AT) if state in FINAL_STATES else None,
    )


def newest_first(calls: list[ValidationCall]) -> list[ValidationCall]:
    return sorted(calls, key=lambda call: (call.date_created, call.sid), reverse=True)


def is_within(at: Timestamp | None, wanted: TimeRange) -> bool:
    if wanted == TimeRange():
        return True
    return at is not None and (wanted.start or 0) <= at < (wanted.before or 2**60)


def every_page(unit_of_work: UnitOfWork, asked: dict[str, str], size: int) -> list[str]:
    """Follow the page tokens from the first page to the last, and return the SIDs on all pages."""
    page = list_calls(unit_of_work, ACCOUNT_SID, PageRequest(0, size), asked)
    met = [call.sid for call in page.rows]
    while page.next_token:
        page = list_calls(unit_of_work, ACCOUNT_SID, PageRequest(1, size, page.next_token), asked)
        assert page.rows
        met += [call.sid for call in page.rows]
    return [str(sid) for sid in met]


def test_previous_page_token_of_calls_leads_back_to_the_same_page(
    unit_of_work: UnitOfWork, calls: list[ValidationCall]
) -> None:
    first = list_calls(unit_of_work, ACCOUNT_SID, PageRequest(0, 20), {})
    second = list_calls(unit_of_work, ACCOUNT_SID, PageRequest(1, 20, first.next_token), {})
    back = list_calls(unit_of_work, ACCOUNT_SID, PageRequest(0, 20, second.previous_token), {})

    shown = [[call.sid for call in page.rows] for page in (first, second, back)]
    assert shown == [[call.sid for call in calls[part]] for part in (slice(20), slice(20, 40), slice(20))]


@pytest.mark.parametrize("number", [None, *NUMBERS])
@pytest.mark.parametrize("status", [None, *STATUSES])
@pytest.mark.parametrize(("name", "shown"), [("StartTime", start_time), ("EndTime", end_time)])
def test_call_filters_match_the_displayed_values(
    unit_of_work: UnitOfWork,
    calls: list[ValidationCall],
    number: str | None,
    status: str | None,
    name: str,
    shown: Callable[[ValidationCall], Timestamp | None],
) -> None:
    asked = {key: value for key, value in (("To", number), ("Status", status)) if value}
    alike = [call for call in calls if number in (None, call.phone_number) and status in (None, call.call_status)]
    assert alike

    for start, before in product(MOMENTS, MOMENTS):
        wanted = TimeRange(*(None if seconds is None else after(T0, seconds) for seconds in (start, before)))
        bounds = {f"{name}>": wanted.start, f"{name}<": wanted.before}
        written = {key: rfc_3339(moment) for key, moment in bounds.items() if moment is not None}

        found = every_page(unit_of_work, asked | written, 7)

        assert found == [call.sid for call in alike if is_within(shown(call), wanted)]


def test_call_filters_can_be_combined(unit_of_work: UnitOfWork, calls: list[ValidationCall]) -> None:
    moment = rfc_3339(after(T0, 1))
    asked = {"To": NUMBER, "Status": "completed", "StartTime>": moment, "StartTime<": rfc_3339(after(T0, 2))}

    found = every_page(unit_of_work, asked | {"EndTime>": moment, "EndTime<": rfc_3339(after(T0, 3))}, 1)

    assert found == [
        call.sid
        for call in calls
        if (call.phone_number, call.state, call.ringing_at) == (NUMBER, CallState.COMPLETED, after(T0, 1))
    ]
    assert len(found) == 2


@pytest.mark.anyio
async def test_call_is_shown_in_each_state_on_a_frozen_clock(account: ControlledAccount) -> None:
    await account.control("PUT", "/clock", {"mode": "frozen"})
    sid = (await account.validate(CallDelay=3))["call_sid"]
    seen = []
    for seconds in (0, 3, 1, 1):
        if seconds:
            await account.advance(seconds)
        call = (await account.twilio("GET", f"/Calls/{sid}.json")).json()
        listed = (await account.twilio("GET", "/Calls.json")).json()["calls"]
        assert listed == [call]
        seen.append((call["status"], call["start_time"], call["end_time"], call["duration"]))

    dialed, completed = "Tue, 27 Jul 2010 20:21:14 +0000", "Tue, 27 Jul 2010 20:21:16 +0000"
    assert seen == [
        ("queued", None, None, None),
        ("ringing", dialed, None, None),
        ("in-progress", dialed, None, None),
        ("completed", dialed, completed, "1"),
    ]

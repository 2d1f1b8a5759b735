"""Pages of calls: the filters pick what the calls show, and a call is watched through its states."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.domain.call_lists import TimeRange, end_time, start_time
from ringback.domain.calls import CallState, ValidationCall
from ringback.domain.instants import Instant, after, rfc_3339
from ringback.domain.paging import PageRequest
from ringback.domain.sids import CallSid
from ringback.operations.call_lists import list_calls
from ringback.storage.database import Database
from ringback.storage.unit_of_work import UnitOfWork
from support.control import ControlledAccount
from support.domain_values import ACCOUNT_SID, NUMBER, T0, a_call, a_phone
from support.simulation import Simulation, a_simulation

pytest_plugins = ["support.simulation_fixtures", "support.control_fixtures"]

OTHER_NUMBER = "+14158675310"
SECONDS = st.integers(0, 4)
CALLS = st.lists(
    st.tuples(
        SECONDS,
        st.sampled_from([NUMBER, OTHER_NUMBER]),
        st.sampled_from(list(CallState)),
        st.booleans(),
        st.none() | SECONDS,
        SECONDS,
    ),
    max_size=10,
)


def add(simulation: Simulation, calls: list[tuple[int, str, CallState, bool, int | None, int]]) -> list[ValidationCall]:
    """Add a call of each kind, and return them, newest first."""
    added = []
    for place, (created, number, state, dialled, ringing, ended) in enumerate(calls):
        call = a_call(
            sid=CallSid(f"CA{place:032x}"),
            phone_number=number,
            state=state,
            date_created=after(T0, created),
            phone=a_phone() if dialled else None,
            ringing_at=None if ringing is None else after(T0, ringing),
            ended_at=after(T0, ended) if state in ENDED else None,
        )
        assert simulation.unit_of_work.calls.add(call, None, simulation.time())
        added.append(call)
    return sorted(added, key=lambda call: (call.date_created, call.sid), reverse=True)


ENDED = {CallState.COMPLETED, CallState.BUSY, CallState.NO_ANSWER, CallState.FAILED}


def is_within(at: Instant | None, wanted: TimeRange) -> bool:
    if wanted == TimeRange():
        return True
    return at is not None and (wanted.start or 0) <= at < (wanted.before or 2**60)


def every_page(unit_of_work: UnitOfWork, asked: dict[str, str], size: int) -> list[str]:
    """Return the SIDs of all pages, following the tokens."""
    page = list_calls(unit_of_work, ACCOUNT_SID, PageRequest(0, size), asked)
    met = [call.sid for call in page.rows]
    while page.next_token:
        page = list_calls(unit_of_work, ACCOUNT_SID, PageRequest(1, size, page.next_token), asked)
        assert page.rows
        met += [call.sid for call in page.rows]
    return [str(sid) for sid in met]


def test_a_list_of_calls_leads_back_the_way_it_came(simulation: Simulation) -> None:
    calls = add(simulation, [(created, NUMBER, CallState.QUEUED, False, None, 0) for created in range(5)])

    first = list_calls(simulation.unit_of_work, ACCOUNT_SID, PageRequest(0, 2), {})
    second = list_calls(simulation.unit_of_work, ACCOUNT_SID, PageRequest(1, 2, first.next_token), {})
    back = list_calls(simulation.unit_of_work, ACCOUNT_SID, PageRequest(0, 2, second.previous_token), {})

    assert [list(page.rows) for page in (first, second, back)] == [calls[:2], calls[2:4], calls[:2]]


@given(
    calls=CALLS,
    number=st.none() | st.sampled_from([NUMBER, OTHER_NUMBER]),
    status=st.none() | st.sampled_from(["queued", "in-progress", "completed", "failed"]),
    bounds=st.fixed_dictionaries({}, optional=dict.fromkeys(("start", "before", "from", "till"), SECONDS)),
    size=st.integers(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_filters_pick_what_the_calls_show(
    migrated: Database,
    calls: list[tuple[int, str, CallState, bool, int | None, int]],
    number: str | None,
    status: str | None,
    bounds: dict[str, int],
    size: int,
) -> None:
    simulation = a_simulation(migrated)
    added = add(simulation, calls)
    moments = {name: after(T0, seconds) for name, seconds in bounds.items()}
    names = {"start": "StartTime>", "before": "StartTime<", "from": "EndTime>", "till": "EndTime<"}
    asked = {names[name]: rfc_3339(moment) for name, moment in moments.items()}
    asked |= {"To": number} if number else {}
    asked |= {"Status": status} if status else {}

    found = every_page(simulation.unit_of_work, asked, size)

    started = TimeRange(moments.get("start"), moments.get("before"))
    ended = TimeRange(moments.get("from"), moments.get("till"))
    assert found == [
        call.sid
        for call in added
        if number in (None, call.phone_number)
        and status in (None, call.call_status)
        and is_within(start_time(call), started)
        and is_within(end_time(call), ended)
    ]
    simulation.database.close()


@pytest.mark.anyio
async def test_a_call_is_watched_from_queued_to_completed_on_a_frozen_clock(account: ControlledAccount) -> None:
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

    dialled, completed = "Tue, 27 Jul 2010 20:21:14 +0000", "Tue, 27 Jul 2010 20:21:16 +0000"
    assert seen == [
        ("queued", None, None, None),
        ("ringing", dialled, None, None),
        ("in-progress", dialled, None, None),
        ("completed", dialled, completed, "1"),
    ]

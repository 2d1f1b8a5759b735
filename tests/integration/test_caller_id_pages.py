"""Pages of caller IDs by page number and by page token, in both directions, while rows are added and deleted."""

from collections.abc import Callable
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.paging import Page, PageRequest, PageToken
from ringback.domain.sids import AccountSid, OutgoingCallerIdSid
from ringback.domain.timestamps import Timestamp, after
from ringback.operations.accounts import ensure_account
from ringback.operations.caller_ids import delete_outgoing_caller_id, list_outgoing_caller_ids
from ringback.storage.unit_of_work import UnitOfWork
from support.databases.templates import Template
from support.domain_values import ACCOUNT_SID, NUMBER, T0, a_caller_id
from support.in_process.simulation import a_simulation

CallerIdPage = Page[OutgoingCallerId]
OTHER_ACCOUNT = AccountSid("AC" + "9" * 32)


def add(unit_of_work: UnitOfWork, *ages: int) -> list[str]:
    """Add one caller ID for each age (in seconds), and return their SIDs."""
    return [_add(unit_of_work, age, age) for age in ages]


def _add(unit_of_work: UnitOfWork, number: int, age: int) -> str:
    sid = OutgoingCallerIdSid(f"PN{number:032x}")
    created: Timestamp = after(T0, -age)
    unit_of_work.caller_ids.add(a_caller_id(sid=sid, phone_number=f"+1415{number:07d}", date_created=created))
    return sid


def _number(sid: str) -> int:
    return int(sid.removeprefix("PN"), base=16)


def sids(page: CallerIdPage) -> list[str]:
    return [caller_id.sid for caller_id in page.rows]


def a_page(unit_of_work: UnitOfWork, page: int = 0, token: PageToken | None = None, size: int = 2) -> CallerIdPage:
    return list_outgoing_caller_ids(unit_of_work, ACCOUNT_SID, PageRequest(page, size, token))


def remaining_pages(
    unit_of_work: UnitOfWork, page: CallerIdPage, change: Callable[[], object] = lambda: None
) -> list[list[str]]:
    """Return the SIDs on each page after `page`. `change` is called before each page is read."""
    pages = []
    while page.next_token:
        change()
        page = a_page(unit_of_work, page.request.page + 1, page.next_token)
        pages.append(sids(page))
    return pages


def test_rows_are_sorted_newest_first_and_then_by_descending_sid(unit_of_work: UnitOfWork) -> None:
    for number, age in ((1, 5), (2, 0), (3, 5), (4, 9)):
        _add(unit_of_work, number, age)

    assert [_number(sid) for sid in sids(a_page(unit_of_work, size=50))] == [2, 3, 1, 4]


def test_pages_follow_one_another_and_the_last_has_no_next_page(unit_of_work: UnitOfWork) -> None:
    all_sids = add(unit_of_work, 1, 2, 3, 4, 5)

    first = a_page(unit_of_work)

    assert sids(first) == all_sids[:2]
    assert remaining_pages(unit_of_work, first) == [all_sids[2:4], all_sids[4:]]


def test_full_last_page_has_no_next_page(unit_of_work: UnitOfWork) -> None:
    add(unit_of_work, 1, 2, 3, 4)

    last = a_page(unit_of_work, 1)

    assert len(last.rows) == 2
    assert last.next_token is None


def test_previous_page_token_leads_back_to_the_same_page(unit_of_work: UnitOfWork) -> None:
    all_sids = add(unit_of_work, 1, 2, 3, 4, 5)

    last = a_page(unit_of_work, 2)
    middle = a_page(unit_of_work, 1, last.previous_token)
    first = a_page(unit_of_work, 0, middle.previous_token)
    before_first = a_page(unit_of_work, 0, first.previous_token)

    assert [sids(page) for page in (last, middle, first)] == [all_sids[4:], all_sids[2:4], all_sids[:2]]
    assert remaining_pages(unit_of_work, first) == [all_sids[2:4], all_sids[4:]]
    assert before_first.rows == []


def test_rows_added_between_pages_do_not_cause_repeated_rows(unit_of_work: UnitOfWork) -> None:
    all_sids = add(unit_of_work, 10, 20, 30, 40, 50)
    newer = iter(range(1, 10))

    pages = remaining_pages(unit_of_work, a_page(unit_of_work), lambda: add(unit_of_work, next(newer)))

    assert pages == [all_sids[2:4], all_sids[4:]]


def test_rows_deleted_between_pages_do_not_cause_skipped_rows(unit_of_work: UnitOfWork) -> None:
    all_sids = add(unit_of_work, 10, 20, 30, 40, 50)
    doomed = iter(all_sids)

    pages = remaining_pages(
        unit_of_work,
        a_page(unit_of_work),
        lambda: delete_outgoing_caller_id(unit_of_work, ACCOUNT_SID, next(doomed), system_now=T0),
    )

    assert pages == [all_sids[2:4], all_sids[4:]]


def test_page_token_remains_valid_after_its_row_is_deleted(unit_of_work: UnitOfWork) -> None:
    all_sids = add(unit_of_work, 10, 20, 30, 40)
    first = a_page(unit_of_work)

    delete_outgoing_caller_id(unit_of_work, ACCOUNT_SID, all_sids[1], system_now=T0)

    assert remaining_pages(unit_of_work, first) == [all_sids[2:]]


def test_page_past_the_end_is_empty(unit_of_work: UnitOfWork) -> None:
    add(unit_of_work, 1, 2)

    page = a_page(unit_of_work, 7)

    assert (page.rows, page.next_token, page.previous_token) == ([], None, None)


@pytest.mark.parametrize("page", [2**31 - 1])
def test_largest_page_number_is_beyond_every_list(page: int, unit_of_work: UnitOfWork) -> None:
    add(unit_of_work, 1)

    assert a_page(unit_of_work, page, size=1000).rows == []


def test_page_before_the_remaining_rows_is_empty_and_has_a_next_page(unit_of_work: UnitOfWork) -> None:
    all_sids = add(unit_of_work, 10, 20, 30, 40)
    last = a_page(unit_of_work, 1)
    for sid in all_sids[:2]:
        delete_outgoing_caller_id(unit_of_work, ACCOUNT_SID, sid, system_now=T0)

    emptied = a_page(unit_of_work, 0, last.previous_token)

    assert [*sids(emptied), *chain(*remaining_pages(unit_of_work, emptied))] == all_sids[2:]


def test_list_contains_only_rows_of_its_account(unit_of_work: UnitOfWork) -> None:
    ensure_account(unit_of_work, OTHER_ACCOUNT, "token", T0)
    add(unit_of_work, 1)

    assert list_outgoing_caller_ids(unit_of_work, OTHER_ACCOUNT, PageRequest()).rows == []


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({}, [1, 2, 3]),
        ({"friendly_name": "Home"}, [1, 3]),
        ({"friendly_name": "home"}, []),
        ({"friendly_name": "Hom"}, []),
        ({"friendly_name": "%"}, []),
        ({"friendly_name": ""}, []),
        ({"phone_number": "+14150000002"}, [2]),
        ({"phone_number": "(415) 000-0002"}, [2]),
        ({"phone_number": "415"}, []),
        ({"phone_number": "nonsense"}, []),
        ({"phone_number": ""}, []),
        ({"phone_number": "+14150000001", "friendly_name": "Home"}, [1]),
        ({"phone_number": "+14150000002", "friendly_name": "Home"}, []),
    ],
)
def test_filters_match_exactly(filters: dict[str, str], numbers: list[int], unit_of_work: UnitOfWork) -> None:
    for number, name in ((1, "Home"), (2, "Work"), (3, "Home")):
        sid, written = OutgoingCallerIdSid(f"PN{number:032x}"), f"+1415{number:07d}"
        created = after(T0, -number)
        unit_of_work.caller_ids.add(
            a_caller_id(sid=sid, friendly_name=name, phone_number=written, date_created=created)
        )

    page = list_outgoing_caller_ids(unit_of_work, ACCOUNT_SID, PageRequest(), **filters)

    assert [_number(sid) for sid in sids(page)] == numbers


def test_filtered_list_is_paged_in_both_directions(unit_of_work: UnitOfWork) -> None:
    all_sids = add(unit_of_work, 1, 2, 3)
    unit_of_work.caller_ids.add(a_caller_id(friendly_name="Other", phone_number=NUMBER, date_created=after(T0, -2)))
    name = "(415) 867-5309"

    first = list_outgoing_caller_ids(unit_of_work, ACCOUNT_SID, PageRequest(0, 2), friendly_name=name)
    second = list_outgoing_caller_ids(
        unit_of_work, ACCOUNT_SID, PageRequest(1, 2, first.next_token), friendly_name=name
    )
    back = list_outgoing_caller_ids(
        unit_of_work, ACCOUNT_SID, PageRequest(0, 2, second.previous_token), friendly_name=name
    )

    assert [sids(page) for page in (first, second, back)] == [all_sids[:2], all_sids[2:], all_sids[:2]]


@given(ages=st.lists(st.integers(0, 3), max_size=12), size=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_every_row_is_on_exactly_one_page_for_all_ages_and_page_sizes(
    migrated: Template, ages: list[int], size: int
) -> None:
    simulation = a_simulation(migrated)
    for number, age in enumerate(ages):
        _add(simulation.unit_of_work, number, age)

    page = a_page(simulation.unit_of_work, size=size)
    met = sids(page)
    while page.next_token:
        page = a_page(simulation.unit_of_work, page.request.page + 1, page.next_token, size)
        assert page.rows
        met += sids(page)

    newest_first = sorted(((age, -number) for number, age in enumerate(ages)))
    assert [_number(sid) for sid in met] == [-number for _, number in newest_first]
    simulation.database.close()

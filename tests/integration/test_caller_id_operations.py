"""Fetching, updating and deleting caller IDs."""

from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import after
from ringback.operations.accounts import ensure_account
from ringback.operations.caller_ids import (
    delete_outgoing_caller_id,
    fetch_outgoing_caller_id,
    update_outgoing_caller_id,
)
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import ACCOUNT_SID, CALLER_ID_SID, T0, a_caller_id
from support.in_process.simulation import Simulation

OTHER_ACCOUNT = AccountSid("AC" + "9" * 32)
LATER = after(T0, 60)


def test_fetched_caller_id_equals_the_added_one(unit_of_work: UnitOfWork) -> None:
    unit_of_work.caller_ids.add(a_caller_id(friendly_name="\u4e2d\u00e9"))

    assert fetch_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID) == a_caller_id(
        friendly_name="\u4e2d\u00e9"
    )


def test_caller_id_of_another_account_is_not_found(unit_of_work: UnitOfWork) -> None:
    ensure_account(unit_of_work, OTHER_ACCOUNT, "token", T0)
    unit_of_work.caller_ids.add(a_caller_id())

    assert fetch_outgoing_caller_id(unit_of_work, OTHER_ACCOUNT, CALLER_ID_SID) is None
    assert update_outgoing_caller_id(unit_of_work, OTHER_ACCOUNT, CALLER_ID_SID, "Mine", system_now=LATER) is None
    assert delete_outgoing_caller_id(unit_of_work, OTHER_ACCOUNT, CALLER_ID_SID, system_now=T0) is False
    assert fetch_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID) == a_caller_id()


def test_update_changes_the_name_and_date_updated(unit_of_work: UnitOfWork) -> None:
    unit_of_work.caller_ids.add(a_caller_id())

    updated = update_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID, "Home", system_now=LATER)

    assert updated == a_caller_id(friendly_name="Home", date_updated=LATER)
    assert fetch_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID) == updated


def test_update_to_the_same_name_changes_date_updated(unit_of_work: UnitOfWork) -> None:
    unit_of_work.caller_ids.add(a_caller_id())

    updated = update_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID, "(415) 867-5309", system_now=LATER)

    assert updated == a_caller_id(date_updated=LATER)


def test_update_without_a_name_changes_nothing(unit_of_work: UnitOfWork) -> None:
    unit_of_work.caller_ids.add(a_caller_id())

    updated = update_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID, None, system_now=LATER)

    assert updated == fetch_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID) == a_caller_id()


def test_date_updated_never_decreases(unit_of_work: UnitOfWork) -> None:
    unit_of_work.caller_ids.add(a_caller_id(date_updated=LATER))

    updated = update_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID, "Home", system_now=T0)

    assert updated is not None
    assert updated.date_updated == LATER


def test_deleted_caller_id_is_not_found(unit_of_work: UnitOfWork) -> None:
    unit_of_work.caller_ids.add(a_caller_id())

    deleted = delete_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID, system_now=T0)

    assert deleted is True
    assert fetch_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID) is None
    assert delete_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID, system_now=T0) is False
    assert update_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID, "Home", system_now=LATER) is None


def test_deleted_number_can_be_verified_again(simulation: Simulation) -> None:
    simulation.unit_of_work.caller_ids.add(a_caller_id())
    delete_outgoing_caller_id(simulation.unit_of_work, ACCOUNT_SID, CALLER_ID_SID, system_now=T0)

    simulation.validate()
    simulation.run()

    [again] = simulation.caller_ids()
    assert again.sid != CALLER_ID_SID


def test_caller_id_with_an_existing_sid_is_not_added(unit_of_work: UnitOfWork) -> None:
    unit_of_work.caller_ids.add(a_caller_id())

    assert unit_of_work.caller_ids.add(a_caller_id(phone_number="+12125551234")) is False
    assert fetch_outgoing_caller_id(unit_of_work, ACCOUNT_SID, CALLER_ID_SID) == a_caller_id()

"""Subaccounts: their dates, concurrent deletions, and the numbers of closed subaccounts."""

import pytest

from ringback.domain.accounts import Account, AccountStatus, AccountUpdate, default_subaccount_name
from ringback.domain.errors import TwilioError
from ringback.domain.paging import PageRequest
from ringback.domain.policies import AccountPolicy, AccountType
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import after
from ringback.operations.accounts import change_account_status, set_policy
from ringback.operations.id_generator import IdGenerator
from ringback.operations.incoming_phone_numbers import create_incoming_phone_number, list_incoming_phone_numbers
from ringback.operations.subaccounts import create_subaccount, list_subaccounts, update_account
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import ACCOUNT_SID, NUMBER, T0

LATER = after(T0, 60)
IDS = IdGenerator(seed=1)


@pytest.fixture
def parent(unit_of_work: UnitOfWork) -> Account:
    account = unit_of_work.accounts.find(ACCOUNT_SID)
    assert account is not None
    return account


@pytest.fixture
def subaccount(unit_of_work: UnitOfWork, parent: Account) -> Account:
    return create_subaccount(unit_of_work, parent, None, system_now=T0, id_generator=IDS)


def update(unit_of_work: UnitOfWork, sid: AccountSid, **changes: object) -> Account:
    changed = AccountUpdate(**changes)  # type: ignore[arg-type]
    return update_account(unit_of_work, sid, changed, holder_sid=ACCOUNT_SID, system_now=LATER)


def test_default_name_of_a_subaccount_has_a_24_hour_time_with_am_or_pm() -> None:
    assert default_subaccount_name(T0) == "SubAccount Created at 2010-07-27 20:21 PM"
    assert default_subaccount_name(after(T0, -12 * 3600)) == "SubAccount Created at 2010-07-27 08:21 AM"


def test_update_of_an_account_sets_date_updated(unit_of_work: UnitOfWork, subaccount: Account) -> None:
    unchanged = update(unit_of_work, subaccount.sid)
    active = update(unit_of_work, subaccount.sid, status=AccountStatus.ACTIVE)
    renamed = update(unit_of_work, subaccount.sid, friendly_name="Shop")

    assert unchanged == active == subaccount
    assert renamed == subaccount._replace(friendly_name="Shop", date_updated=LATER)
    assert unit_of_work.accounts.find(subaccount.sid) == renamed


def test_subaccount_keeps_its_type_when_its_parent_is_upgraded(unit_of_work: UnitOfWork, parent: Account) -> None:
    set_policy(unit_of_work, parent.sid, AccountPolicy(account_type=AccountType.TRIAL, code_attempts=1))
    created = create_subaccount(unit_of_work, parent, None, system_now=T0, id_generator=IDS)
    set_policy(unit_of_work, parent.sid, AccountPolicy(account_type=AccountType.FULL))

    assert unit_of_work.accounts.find(created.sid) == created
    assert created.policy == AccountPolicy(account_type=AccountType.TRIAL)


def test_subaccount_of_a_deleted_account_is_not_created(unit_of_work: UnitOfWork, parent: Account) -> None:
    deleted = parent._replace(sid=AccountSid("AC" + "9" * 32))

    with pytest.raises(TwilioError) as refused:
        create_subaccount(unit_of_work, deleted, None, system_now=T0, id_generator=IDS)

    assert (refused.value.code, refused.value.reason) == (
        20003,
        f"account {deleted.sid} was deleted while the request was processed",
    )


def test_deleted_account_is_not_updated(unit_of_work: UnitOfWork) -> None:
    with pytest.raises(TwilioError) as refused:
        update(unit_of_work, AccountSid("AC" + "9" * 32), friendly_name="Shop")

    assert refused.value.code == 20003


def test_closed_account_has_no_incoming_phone_numbers(unit_of_work: UnitOfWork, subaccount: Account) -> None:
    def numbers() -> int:
        return len(list_incoming_phone_numbers(unit_of_work, subaccount.sid, PageRequest()).rows)

    create_incoming_phone_number(
        unit_of_work, subaccount.sid, NUMBER, None, created=None, system_now=T0, id_generator=IDS
    )
    change_account_status(unit_of_work, subaccount.sid, AccountStatus.SUSPENDED, system_now=LATER)
    kept = numbers()

    update(unit_of_work, subaccount.sid, status=AccountStatus.CLOSED)

    assert (kept, numbers()) == (1, 0)


def test_unrelated_accounts_are_not_listed(unit_of_work: UnitOfWork, parent: Account, subaccount: Account) -> None:
    unit_of_work.accounts.save(parent._replace(sid=AccountSid("AC" + "9" * 32)))

    assert set(list_subaccounts(unit_of_work, ACCOUNT_SID, PageRequest()).rows) == {parent, subaccount}
    assert list(list_subaccounts(unit_of_work, subaccount.sid, PageRequest()).rows) == [subaccount]

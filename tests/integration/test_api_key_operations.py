"""Creation of API keys in a deleted account, and with a generated SID that already exists."""

from ringback.domain.permissions import FULL_ACCESS, STANDARD_ACCESS
from ringback.operations.accounts import delete_account
from ringback.operations.api_keys import create_api_key, list_api_keys
from ringback.operations.id_generator import IdGenerator
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import ACCOUNT_SID, T0


def test_key_of_a_deleted_account_is_not_created(unit_of_work: UnitOfWork) -> None:
    account = unit_of_work.accounts.find(ACCOUNT_SID)
    assert account is not None
    delete_account(unit_of_work, ACCOUNT_SID)

    key = create_api_key(unit_of_work, account, STANDARD_ACCESS, system_now=T0, id_generator=IdGenerator())

    assert key is None


def test_key_gets_another_sid_if_the_generated_one_is_taken(unit_of_work: UnitOfWork) -> None:
    account = unit_of_work.accounts.find(ACCOUNT_SID)
    assert account is not None

    for access in (STANDARD_ACCESS, FULL_ACCESS):
        create_api_key(unit_of_work, account, access, system_now=T0, id_generator=IdGenerator(7))

    keys = list_api_keys(unit_of_work, ACCOUNT_SID)
    assert {key.access for key in keys} == {STANDARD_ACCESS, FULL_ACCESS}
    assert len({key.sid for key in keys}) == 2

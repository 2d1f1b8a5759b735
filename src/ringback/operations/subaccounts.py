"""Create, list and update the accounts that the Twilio API shows to a client: its account and the subaccounts."""

from collections.abc import Mapping
from types import MappingProxyType

from ringback.domain.accounts import (
    Account,
    AccountStatus,
    AccountUpdate,
    default_subaccount_name,
    explain_deleted_account,
)
from ringback.domain.errors import closed_account_status, nested_subaccount, parent_account_status, wrong_credentials
from ringback.domain.paging import Page, PageRequest
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.accounts import InvalidParent, create_account, set_status
from ringback.operations.id_generator import IdGenerator
from ringback.storage.account_pages import ACCOUNT_PAGES
from ringback.storage.unit_of_work import UnitOfWork

NO_FILTERS: Mapping[str, str] = MappingProxyType({})


def list_subaccounts(
    unit_of_work: UnitOfWork, account_sid: AccountSid, request: PageRequest, filters: Mapping[str, str] = NO_FILTERS
) -> Page[Account]:
    """Return one page of an account and its subaccounts, newest first.

    `filters` may contain `friendly_name` and `status`; both must match exactly.
    """
    return ACCOUNT_PAGES.page(unit_of_work, account_sid, filters, request)


def create_subaccount(
    unit_of_work: UnitOfWork,
    parent: Account,
    friendly_name: str | None,
    *,
    system_now: Timestamp,
    id_generator: IdGenerator,
) -> Account:
    """Create a subaccount.

    Raises TwilioError 21101 if `parent` is a subaccount itself, or 20003 if `parent` was deleted.
    """
    if parent.parent_sid is not None:
        raise nested_subaccount()
    try:
        return create_account(
            unit_of_work,
            friendly_name=friendly_name or default_subaccount_name(system_now),
            owner_email=None,
            parent_sid=parent.sid,
            system_now=system_now,
            id_generator=id_generator,
        )
    except InvalidParent as error:
        raise wrong_credentials(explain_deleted_account(parent.sid)) from error


def update_account(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    update: AccountUpdate,
    *,
    holder_sid: AccountSid,
    system_now: Timestamp,
) -> Account:
    """Rename an account, or suspend, reactivate or close a subaccount, and return it.

    `holder_sid` is the SID of the account to which the client's credentials belong. Raises TwilioError 21477 for the
    status of an account that is not a subaccount, 21479 for the status of a closed subaccount, and 20003 if the account
    was deleted, or if a subaccount tries to change its own status. Source: docs/fidelity.md, Account.
    """
    with unit_of_work:
        account = unit_of_work.accounts.lock_exclusive(account_sid)
        if account is None:
            raise wrong_credentials(explain_deleted_account(account_sid))
        if update.status is not None:
            _check_status_update(account, holder_sid)
            account = set_status(unit_of_work, account, update.status, system_now=system_now)
        if update.friendly_name is not None:
            now = max(account.clock.now(system_now), account.date_updated)
            account = account._replace(friendly_name=update.friendly_name, date_updated=now)
            unit_of_work.accounts.save(account)
        return account


def _check_status_update(account: Account, holder_sid: AccountSid) -> None:
    if account.parent_sid is None:
        raise parent_account_status()
    if holder_sid != account.parent_sid:
        raise wrong_credentials("only the credentials of the parent account can change the status of a subaccount")
    if account.status is AccountStatus.CLOSED:
        raise closed_account_status()

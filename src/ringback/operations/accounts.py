"""Authenticate a client, and create, change, reset and delete accounts."""

from typing import NamedTuple

from ringback.domain.account_clock import AccountTime
from ringback.domain.accounts import (
    Account,
    AccountStatus,
    Principal,
    explain_deleted_account,
    explain_inactive_account,
    explain_key_in_path,
    explain_previous_token,
    explain_unknown_username,
    explain_wrong_secret,
)
from ringback.domain.errors import invalid_account_sid, invalid_username, wrong_credentials
from ringback.domain.permissions import FULL_ACCESS, Access
from ringback.domain.policies import NO_OVERRIDES, AccountPolicy
from ringback.domain.secrets import is_one_of, is_same_secret
from ringback.domain.sids import ACCOUNT, API_KEY, AccountSid, is_sid
from ringback.domain.timestamps import Timestamp
from ringback.domain.webhook_signing import WebhookSigning
from ringback.operations.id_generator import IdGenerator
from ringback.operations.requests import discard_all_requests, discard_requests
from ringback.storage.incoming_phone_number_repository import IncomingPhoneNumberRepository
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork

DEFAULT_ACCOUNT_NAME = "ringback"
DUMMY_SECRET = "0" * 32
"""Secret that is compared with the password if the user name is unknown, so that the response takes the same time."""


class Holder(NamedTuple):
    """The account that a user name belongs to, the secrets that authenticate it, and the access that they give."""

    account: Account
    secrets: tuple[str, ...]
    access: Access


class Credentials(NamedTuple):
    """A client's credentials: account SID and auth token, or API key and secret."""

    username: str
    password: str


def authenticate(
    unit_of_work: UnitOfWork, credentials: Credentials, account_sid: str | None, *, is_account_path: bool = False
) -> Principal:
    """Authenticate a client for the account in a path, and return the client.

    The credentials must belong to this account or its parent.

    If `account_sid` is None, the credentials determine the account. On the path of the account resource itself, a
    parent may also access suspended and closed subaccounts.

    Raises TwilioError 20003, always with status 401. The message differs only for an unknown user name, so that other
    clients cannot find out whether the account exists. The error contains a reason for the log, unless valid
    credentials do not give access to the account. Raises 90002 if the credentials are valid and the path contains the
    SID of an API key instead of an account SID. Source: docs/fidelity.md, authentication.
    """
    holder = _find_holder(unit_of_work, credentials.username)
    is_valid = is_one_of(holder.secrets if holder else (DUMMY_SECRET,), credentials.password)
    if holder is None:
        raise invalid_username(explain_unknown_username(credentials.username))
    if not is_valid:
        raise wrong_credentials(_explain_wrong_secret(holder.account, credentials))
    own = holder.account
    if not own.is_active:
        raise wrong_credentials(explain_inactive_account(own))
    if account_sid is None or account_sid == own.sid:
        return Principal(own, own.sid, holder.access)
    account = unit_of_work.accounts.find_subaccount(account_sid, own.sid)
    if account is None and is_sid(API_KEY, account_sid):
        raise invalid_account_sid(account_sid, explain_key_in_path())
    if account is None or not (own.may_manage(account) if is_account_path else own.may_act_for(account)):
        raise wrong_credentials()
    return Principal(account, own.sid, holder.access)


def _find_holder(unit_of_work: UnitOfWork, username: str) -> Holder | None:
    """Return the holder of a user name, or None if the user name is unknown."""
    if username.startswith(API_KEY):
        found = unit_of_work.api_keys.find_holder(username)
        return Holder(found[0], (found[1],), found[2]) if found else None
    account = unit_of_work.accounts.find(username)
    return Holder(account, account.auth_tokens, FULL_ACCESS) if account else None


def _explain_wrong_secret(holder: Account, credentials: Credentials) -> str:
    previous = holder.previous_auth_token
    if credentials.username == holder.sid and previous and is_same_secret(previous, credentials.password):
        return explain_previous_token(holder.sid)
    return explain_wrong_secret(credentials.username)


def lock_account_time(unit_of_work: UnitOfWork, account_sid: AccountSid, system_now: Timestamp) -> AccountTime:
    """Lock an account's clock for the rest of the transaction, and return the account's time.

    The clock may have been set since the request was authenticated. Raises TwilioError 20003 if the account was
    deleted.
    """
    return lock_account_time_and_policy(unit_of_work, account_sid, system_now)[0]


def lock_account_time_and_policy(
    unit_of_work: UnitOfWork, account_sid: AccountSid, system_now: Timestamp
) -> tuple[AccountTime, AccountPolicy]:
    """Lock an account's clock as `lock_account_time` does, and return the account's time and policy."""
    locked = unit_of_work.accounts.lock_clock_and_policy(account_sid)
    if locked is None:
        raise wrong_credentials(explain_deleted_account(account_sid))
    clock, policy = locked
    return clock.at(system_now), policy


def ensure_account(
    unit_of_work: UnitOfWork,
    account_sid: AccountSid,
    auth_token: str,
    system_now: Timestamp,
    *,
    keep_token: bool = False,
) -> Account:
    """Create the account that the settings name, or update its auth token unless `keep_token` is True.

    A secondary auth token that the settings make the primary one is no longer the secondary one.
    """
    with unit_of_work:
        known = unit_of_work.accounts.find(account_sid)
        if known is None:
            account = Account(
                account_sid, auth_token, DEFAULT_ACCOUNT_NAME, None, AccountStatus.ACTIVE, None, system_now, system_now
            )
        elif keep_token or known.auth_token == auth_token:
            return known
        else:
            secondary = known.secondary_auth_token if known.secondary_auth_token != auth_token else None
            account = known._replace(auth_token=auth_token, secondary_auth_token=secondary, date_updated=system_now)
        unit_of_work.accounts.save(account)
        return account


class InvalidParent(Exception):
    """A parent account does not exist, or is itself a subaccount."""


def find_account(unit_of_work: UnitOfWork, account_sid: AccountSid) -> Account | None:
    """Return an account, or None if it does not exist."""
    return unit_of_work.accounts.find(account_sid)


@in_steps
def list_accounts(unit_of_work: UnitOfWork) -> Steps[list[Account]]:
    """Return all accounts, oldest first."""
    accounts: list[Account] = []
    for account in unit_of_work.accounts.all():
        accounts.append(account)
        yield
    return accounts


def create_account(
    unit_of_work: UnitOfWork,
    *,
    friendly_name: str | None,
    owner_email: str | None,
    parent_sid: AccountSid | None,
    system_now: Timestamp,
    id_generator: IdGenerator,
) -> Account:
    """Create an account with a new SID and auth token. Raises InvalidParent.

    A subaccount has the type of its parent. Source: docs/fidelity.md, policy [assumed].
    """
    with unit_of_work:
        policy = NO_OVERRIDES
        if parent_sid is not None:
            parent = unit_of_work.accounts.lock_shared(parent_sid)
            if parent is None or parent.parent_sid is not None:
                raise InvalidParent(parent_sid)
            policy = AccountPolicy(account_type=parent.policy.account_type)
        name = friendly_name or DEFAULT_ACCOUNT_NAME
        while True:
            sid, token = AccountSid(id_generator.sid(ACCOUNT)), id_generator.secret()
            account = Account(
                *(sid, token, name, owner_email, AccountStatus.ACTIVE, parent_sid, system_now, system_now),
                policy=policy,
            )
            if unit_of_work.accounts.add(account):
                return account


def change_account_status(
    unit_of_work: UnitOfWork, account_sid: AccountSid, status: AccountStatus, *, system_now: Timestamp
) -> Account | None:
    """Suspend, close or reactivate an account and return it, or None if it does not exist."""
    with unit_of_work:
        known = unit_of_work.accounts.lock_exclusive(account_sid)
        return known and set_status(unit_of_work, known, status, system_now=system_now)


def set_status(unit_of_work: UnitOfWork, account: Account, status: AccountStatus, *, system_now: Timestamp) -> Account:
    """Set the status of a locked account, and return the account.

    A closed account loses the numbers that it owns at Twilio; its calls continue. Source: docs/fidelity.md, Account
    [documented].
    """
    if account.status == status:
        return account
    if status is AccountStatus.CLOSED:
        IncomingPhoneNumberRepository(unit_of_work).delete_all(account.sid)
    changed = account._replace(status=status, date_updated=account.clock.now(system_now))
    unit_of_work.accounts.save(changed)
    return changed


def set_policy(unit_of_work: UnitOfWork, account_sid: AccountSid, policy: AccountPolicy) -> bool:
    """Set the policy of an account, which applies to later requests. Return False if the account does not exist."""
    with unit_of_work:
        if unit_of_work.accounts.lock_exclusive(account_sid) is None:
            return False
        unit_of_work.accounts.set_policy(account_sid, policy)
        return True


def set_webhook_signing(unit_of_work: UnitOfWork, account_sid: AccountSid, signing: WebhookSigning | None) -> bool:
    """Set the shared key that signs an account's StatusCallbacks, including pending ones. None removes the key.

    Return False if the account does not exist.
    """
    with unit_of_work:
        if unit_of_work.accounts.lock_exclusive(account_sid) is None:
            return False
        unit_of_work.accounts.set_webhook_signing(account_sid, signing)
        return True


@in_steps
def delete_account(unit_of_work: UnitOfWork, account_sid: AccountSid) -> Steps[bool]:
    """Delete an account and its subaccounts with all their resources; return False if the account does not exist."""
    with unit_of_work:
        is_there = unit_of_work.accounts.lock_exclusive(account_sid) is not None
        subaccounts = unit_of_work.accounts.subaccounts(account_sid)
        yield
        for sid in (account_sid, *subaccounts):
            unit_of_work.accounts.lock_exclusive(sid)
            unit_of_work.invalidated.add(sid)
            discard_requests(unit_of_work, sid)
            yield
        for sid in subaccounts:
            yield from unit_of_work.accounts.delete_contents_of(sid)
            unit_of_work.accounts.delete(sid)
        yield from unit_of_work.accounts.delete_contents_of(account_sid)
        unit_of_work.accounts.delete(account_sid)
        yield from unit_of_work.commit_in_thread()
        return is_there


@in_steps
def reset_account(unit_of_work: UnitOfWork, account_sid: AccountSid) -> Steps[bool]:
    """Delete an account's resources, faults, phones, policy and shared key, and reset its clock.

    The account keeps its auth token, API keys and subaccounts. Return False if the account does not exist.
    """
    with unit_of_work:
        unit_of_work.accounts.lock_exclusive(account_sid)
        unit_of_work.invalidated.add(account_sid)
        discard_requests(unit_of_work, account_sid)
        yield from unit_of_work.accounts.delete_contents_of(account_sid)
        was_there = unit_of_work.accounts.reset_settings(account_sid)
        yield from unit_of_work.commit_in_thread()
        return was_there


@in_steps
def reset_everything(unit_of_work: UnitOfWork) -> Steps[None]:
    """Delete all accounts with all their resources."""
    with unit_of_work:
        unit_of_work.locks.everything()
        discard_all_requests(unit_of_work)
        for sids in unit_of_work.accounts.all_sids():
            unit_of_work.invalidated.update(sids)
            yield
        yield from unit_of_work.accounts.delete_all()

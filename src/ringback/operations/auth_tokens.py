"""Create, delete and promote the secondary auth token of an account."""

from ringback.domain.accounts import Account
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.id_generator import IdGenerator
from ringback.storage.unit_of_work import UnitOfWork


class NoSecondaryToken(Exception):
    """The account has no secondary auth token. The message is the account's SID."""


def create_secondary_token(
    unit_of_work: UnitOfWork, account_sid: AccountSid, *, system_now: Timestamp, id_generator: IdGenerator
) -> Account | None:
    """Create or replace the secondary auth token of an account; return None if the account does not exist."""
    with unit_of_work:
        account = unit_of_work.accounts.lock_exclusive(account_sid)
        if account is None:
            return None
        return _save(unit_of_work, account._replace(secondary_auth_token=id_generator.secret()), system_now)


def delete_secondary_token(
    unit_of_work: UnitOfWork, account_sid: AccountSid, *, system_now: Timestamp
) -> Account | None:
    """Delete the secondary auth token of an account; return None if the account does not exist.

    Raises NoSecondaryToken.
    """
    with unit_of_work:
        account = unit_of_work.accounts.lock_exclusive(account_sid)
        if account is None:
            return None
        _require_secondary_token(account)
        return _save(unit_of_work, account._replace(secondary_auth_token=None), system_now)


def promote_secondary_token(
    unit_of_work: UnitOfWork, account_sid: AccountSid, *, system_now: Timestamp
) -> Account | None:
    """Replace an account's primary auth token with its secondary one. Return None if the account does not exist.

    The old primary token is no longer valid. The new primary token signs pending StatusCallbacks whose delivery has not
    started. Raises NoSecondaryToken. Source: docs/fidelity.md, auth tokens [documented].
    """
    with unit_of_work:
        account = unit_of_work.accounts.lock_exclusive(account_sid)
        if account is None:
            return None
        promoted = account._replace(
            auth_token=_require_secondary_token(account),
            secondary_auth_token=None,
            previous_auth_token=account.auth_token,
        )
        return _save(unit_of_work, promoted, system_now)


def _require_secondary_token(account: Account) -> str:
    if account.secondary_auth_token is None:
        raise NoSecondaryToken(account.sid)
    return account.secondary_auth_token


def _save(unit_of_work: UnitOfWork, account: Account, system_now: Timestamp) -> Account:
    saved = account._replace(date_updated=account.clock.now(system_now))
    unit_of_work.accounts.save(saved)
    return saved

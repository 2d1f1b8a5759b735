"""Accounts: who is asking, and the account that exists from the start."""

import hmac
from dataclasses import replace
from typing import NamedTuple

from ringback.domain.accounts import Account, AccountStatus
from ringback.domain.errors import invalid_username, wrong_credentials
from ringback.domain.instants import Instant
from ringback.domain.sids import API_KEY, AccountSid
from ringback.storage.unit_of_work import UnitOfWork

DEFAULT_ACCOUNT_NAME = "ringback"


class Credentials(NamedTuple):
    """What a client authenticates with: account SID and auth token, or API key and secret."""

    username: str
    password: str


def authenticate(unit_of_work: UnitOfWork, credentials: Credentials, account_sid: str) -> Account:
    """Return the account of a path, if these credentials open it: its own, or its parent's.

    Raises TwilioError 20003, always with status 401; the message tells an unknown user name from everything else,
    and nothing tells a stranger whether the path's account exists. Source: docs/fidelity.md, authentication.
    """
    holder, secret = _holder(unit_of_work, credentials.username)
    if not hmac.compare_digest(secret.encode(), credentials.password.encode()):
        raise wrong_credentials()
    account = holder if account_sid == holder.sid else unit_of_work.accounts.find(account_sid)
    if account is None or not holder.may_act_for(account):
        raise wrong_credentials()
    return account


def _holder(unit_of_work: UnitOfWork, username: str) -> tuple[Account, str]:
    if username.startswith(API_KEY):
        found = unit_of_work.accounts.find_by_key(username)
        if found:
            return found
    else:
        account = unit_of_work.accounts.find(username)
        if account:
            return account, account.auth_token
    raise invalid_username()


def ensure_account(unit_of_work: UnitOfWork, account_sid: AccountSid, auth_token: str, now: Instant) -> Account:
    """Make the account that the settings name, or give it the token they name; the rest of it stays as it is."""
    with unit_of_work:
        known = unit_of_work.accounts.find(account_sid)
        if known is None:
            account = Account(account_sid, auth_token, DEFAULT_ACCOUNT_NAME, None, AccountStatus.ACTIVE, None, now, now)
        elif known.auth_token == auth_token:
            return known
        else:
            account = replace(known, auth_token=auth_token, date_updated=now)
        unit_of_work.accounts.save(account)
        return account

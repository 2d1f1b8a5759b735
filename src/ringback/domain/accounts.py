"""Accounts, subaccounts and API keys, and explanations of failed authentication.

The explanations are for the log. They do not contain secrets, or data from the client other than SIDs.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ringback.domain.account_clock import UNSET_CLOCK, AccountClock
from ringback.domain.permissions import STANDARD_ACCESS, Access
from ringback.domain.policies import NO_OVERRIDES, AccountPolicy
from ringback.domain.sids import ACCOUNT, API_KEY, AccountSid, ApiKeySid, is_sid
from ringback.domain.timestamps import Timestamp, to_datetime
from ringback.domain.webhook_signing import WebhookSigning

NOON_HOUR = 12


class AccountStatus(StrEnum):
    """The status of an account at Twilio. Only active accounts can be used."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Account(NamedTuple):
    """An account. `parent_sid` is None unless the account is a subaccount. `has_faults` tells whether it has faults.

    `auth_token` is the primary token, which signs callbacks. `previous_auth_token` was the primary token until the
    secondary one was promoted; it is used only in explanations. A named tuple is faster than a dataclass: every request
    reads one or two accounts.
    """

    sid: AccountSid
    auth_token: str
    friendly_name: str
    owner_email: str | None
    status: AccountStatus
    parent_sid: AccountSid | None
    date_created: Timestamp
    date_updated: Timestamp
    clock: AccountClock = UNSET_CLOCK
    has_faults: bool = False
    policy: AccountPolicy = NO_OVERRIDES
    secondary_auth_token: str | None = None
    previous_auth_token: str | None = None
    webhook_signing: WebhookSigning | None = None

    @property
    def is_active(self) -> bool:
        return self.status == AccountStatus.ACTIVE

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """The valid auth tokens, the primary one first. Source: docs/fidelity.md, auth tokens [documented]."""
        return (self.auth_token, self.secondary_auth_token) if self.secondary_auth_token else (self.auth_token,)

    def may_act_for(self, other: "Account") -> bool:
        """Return whether this account's credentials give access to `other`: itself or an active subaccount."""
        return other.is_active and self.may_manage(other)

    def may_manage(self, other: "Account") -> bool:
        """Return whether this account may access the resource of `other`, even if `other` is suspended or closed."""
        return self.is_active and self.sid in (other.sid, other.parent_sid)


class AccountUpdate(NamedTuple):
    """The changes that a client requests; None leaves a value unchanged."""

    friendly_name: str | None = None
    status: AccountStatus | None = None


class Principal(NamedTuple):
    """An authenticated client.

    `account` is the account in the path. `holder_sid` is the SID of the account to which the credentials belong, and
    `access` is the access that they give.
    """

    account: Account
    holder_sid: AccountSid
    access: Access


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key ``SK…``: its SID and secret authenticate a client for the operations that the key allows."""

    sid: ApiKeySid
    secret: str
    account_sid: AccountSid
    date_created: Timestamp
    access: Access = STANDARD_ACCESS


def default_subaccount_name(created: Timestamp) -> str:
    """Return the default name of a subaccount: ``SubAccount Created at 2019-07-03 07:46 AM``.

    The hour is in 24-hour format, despite AM and PM. Source: docs/fidelity.md, Account [oai, observed].
    """
    at = to_datetime(created)
    return f"SubAccount Created at {at:%Y-%m-%d %H:%M} {'AM' if at.hour < NOON_HOUR else 'PM'}"


def explain_unknown_username(username: str) -> str:
    """Explain a user name that is not an account or API key."""
    if is_sid(ACCOUNT, username):
        return f"unknown account {username}"
    if is_sid(API_KEY, username):
        return f"unknown API key {username}"
    return "the user name is not an account SID or API key SID"


def explain_wrong_secret(username: str) -> str:
    """Explain a wrong password for an existing user name."""
    return f"wrong secret for key {username}" if is_sid(API_KEY, username) else f"wrong auth token for {username}"


def explain_previous_token(username: str) -> str:
    """Explain the use of an auth token that was replaced when the secondary one was promoted."""
    return f"old auth token for {username}: the secondary token was promoted and has replaced it"


def explain_inactive_account(account: Account) -> str:
    """Explain why an inactive account cannot be used."""
    return f"account {account.sid} is {account.status}"


def explain_deleted_account(account_sid: str) -> str:
    """Explain the failure of a request whose account was deleted after authentication."""
    return f"account {account_sid} was deleted while the request was processed"


def explain_key_in_path() -> str:
    """Explain a path with an API key SID in place of the account SID: the client was not given the account SID."""
    return "the path names an API key where an account SID belongs; pass the account SID to the client too"


def explain_wrong_path(username: str, path_sid: str, account: Account | None) -> str:
    """Explain why valid credentials do not give access to a path. `account` is None if `path_sid` is unknown."""
    if not is_sid(ACCOUNT, path_sid):
        return "the path does not name an account SID"
    if account is None:
        return f"the path names the unknown account {path_sid}"
    if not account.is_active:
        return explain_inactive_account(account)
    if is_sid(API_KEY, username):
        return f"key {username} does not belong to account {path_sid}"
    return f"account {username} is neither {path_sid} nor its parent account"

"""Accounts, subaccounts and API keys: who may ask, and on whose paths."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ringback.domain.account_clock import REAL_TIME, AccountClock
from ringback.domain.policies import LEFT_TO_THE_SETTINGS, AccountPolicy
from ringback.domain.sids import AccountSid, ApiKeySid
from ringback.domain.timestamps import Timestamp


class AccountStatus(StrEnum):
    """Twilio's own words; only an active account is served."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Account(NamedTuple):
    """An account; `parent_sid` is None for one that is nobody's subaccount, `has_faults` when any may strike.

    A tuple: every request reads one or two.
    """

    sid: AccountSid
    auth_token: str
    friendly_name: str
    owner_email: str | None
    status: AccountStatus
    parent_sid: AccountSid | None
    date_created: Timestamp
    date_updated: Timestamp
    clock: AccountClock = REAL_TIME
    has_faults: bool = False
    policy: AccountPolicy = LEFT_TO_THE_SETTINGS

    @property
    def is_active(self) -> bool:
        return self.status == AccountStatus.ACTIVE

    def may_act_for(self, other: "Account") -> bool:
        """Tell whether this account's credentials open `other`'s paths: its own, and its subaccounts'."""
        return self.is_active and other.is_active and self.sid in (other.sid, other.parent_sid)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key ``SK…`` whose secret stands in for its account's auth token."""

    sid: ApiKeySid
    secret: str
    account_sid: AccountSid
    date_created: Timestamp

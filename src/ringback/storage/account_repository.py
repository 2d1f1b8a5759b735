"""Accounts with their clocks and policies."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Text, bindparam, delete, exists, select, text, update

from ringback.domain.account_clock import UNSET_CLOCK, AccountClock
from ringback.domain.accounts import Account, AccountStatus
from ringback.domain.policies import (
    NO_OVERRIDES,
    AccountPolicy,
    AccountType,
    LongFriendlyName,
    SecondRequest,
    SignedPort,
)
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.domain.webhook_signing import WebhookSigning
from ringback.storage.deletion import delete_contents, delete_everything
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns, insert_or_ignore, upsert
from ringback.storage.stepwise import Steps
from ringback.storage.tables import accounts, validation_calls
from ringback.storage.unreadable_rows import ERRORS, UnreadableRow, report
from ringback.storage.webhook_signing_column import (
    SET_WEBHOOK_SIGNING,
    readable_webhook_signing,
    webhook_signing_text,
)

SIDS_AT_ONCE = 500
"""Number of SIDs that are read in one batch."""
_STATUSES = {status.value: status for status in AccountStatus}
_POLICY_CHOICES: dict[str, type[StrEnum]] = {
    "account_type": AccountType,
    "long_friendly_name": LongFriendlyName,
    "second_request": SecondRequest,
    "callback_signed_port": SignedPort,
}
"""The fields of a policy that are enums."""


def policy_of(text: str) -> AccountPolicy:
    """Parse the text of a `policy` column. Raises TypeError or ValueError if the text is not a valid policy."""
    own = orjson.loads(text)
    for name, choice in _POLICY_CHOICES.items():
        if name in own:
            own[name] = choice(own[name])
    return AccountPolicy(**own)


def readable_policy(text: str | None, account_sid: str) -> AccountPolicy:
    """Return an account's policy. If the policy is unreadable, log this and return a policy without overrides."""
    if text is None:
        return NO_OVERRIDES
    try:
        return policy_of(text)
    except ERRORS as error:
        report("accounts", account_sid, error)
        return NO_OVERRIDES


def _policy_text(policy: AccountPolicy) -> str | None:
    return orjson.dumps(policy.overrides).decode() if policy.overrides else None


def _status(text: Any, account_sid: str) -> AccountStatus:
    """Return an account's status. If the status is unreadable, log this and treat the account as suspended."""
    status = _STATUSES.get(text)
    if status is None:
        report("accounts", account_sid, UnreadableRow(f"status is {text!r}"))
        return AccountStatus.SUSPENDED
    return status


def _clock(offset: Any, frozen_at: Any, account_sid: str) -> AccountClock:
    """Return an account's clock. If the clock is unreadable, log this and use the system clock."""
    if offset == 0 and frozen_at is None:
        return UNSET_CLOCK
    if isinstance(offset, int) and (frozen_at is None or isinstance(frozen_at, int)):
        return AccountClock(offset, None if frozen_at is None else Timestamp(frozen_at))
    report("accounts", account_sid, UnreadableRow(f"clock_offset is {offset!r}, clock_frozen_at is {frozen_at!r}"))
    return UNSET_CLOCK


_CLOCK = ("clock_offset", "clock_frozen_at")
ACCOUNTS = RowMapper(
    Account,
    tuple(accounts.c),
    status=Field(_status, ("status", "sid"), write=str),
    clock=Field(_clock, (*_CLOCK, "sid")),
    has_faults=Field(bool, write=int),
    policy=Field(readable_policy, ("policy", "sid"), write=_policy_text),
    webhook_signing=Field(
        readable_webhook_signing, ("webhook_signing", "sid"), write=webhook_signing_text, optional=True
    ),
)
CLOCKS = RowMapper(
    AccountClock,
    columns(accounts, *_CLOCK),
    offset=Field(columns=("clock_offset",)),
    frozen_at=Field(columns=("clock_frozen_at",)),
)
"""Row mapper for clocks. It does not validate the values."""
_values_but_clock = ACCOUNTS.writer(*(name for name in ACCOUNTS.names if name not in _CLOCK))


def _values(account: Account) -> dict[str, Any]:
    clock = {"clock_offset": account.clock.offset, "clock_frozen_at": account.clock.frozen_at}
    return {**_values_but_clock(account), **clock}


FIND_ACCOUNT = Statement(select(*ACCOUNTS.columns).where(accounts.c.sid == bindparam("sid")))
LOCK_ACCOUNTS = text("FOR KEY SHARE OF accounts SKIP LOCKED")
"""Suffix of a claiming query on PostgreSQL. It locks the accounts of the claimed rows, and skips rows whose account
is already locked."""
LOCK_SHARED = Statement(
    select(*ACCOUNTS.columns).where(accounts.c.sid == bindparam("sid")).with_for_update(read=True, key_share=True)
)
LOCK_EXCLUSIVE = Statement(select(*ACCOUNTS.columns).where(accounts.c.sid == bindparam("sid")).with_for_update())
FIND_SUBACCOUNT = Statement(
    select(*ACCOUNTS.columns).where(accounts.c.sid == bindparam("sid"), accounts.c.parent_sid == bindparam("parent"))
)
_CLOCK_AND_POLICY = RowMapper(
    lambda clock, policy: (clock, policy),
    columns(accounts, "sid", *_CLOCK, "policy"),
    clock=Field(_clock, (*_CLOCK, "sid")),
    policy=Field(readable_policy, ("policy", "sid")),
)
LOCK_CLOCK = Statement(
    select(*_CLOCK_AND_POLICY.columns)
    .where(accounts.c.sid == bindparam("sid"))
    .with_for_update(read=True, key_share=True)
)
ADD_ACCOUNT = insert_or_ignore(accounts, "sid")
SAVE_ACCOUNT = upsert(
    accounts,
    ["sid"],
    *("auth_token", "secondary_auth_token", "previous_auth_token"),
    *("friendly_name", "owner_email", "status", "parent_sid", "date_updated"),
)
SET_CLOCK = Statement(
    update(accounts)
    .where(accounts.c.sid == bindparam("account_sid"))
    .values(clock_offset=bindparam("offset"), clock_frozen_at=bindparam("frozen_at"))
)
SET_CLOCKS = Statement(
    select(accounts.c.sid)
    .where(
        accounts.c.sid > bindparam("after_sid"),
        (accounts.c.clock_offset != 0) | accounts.c.clock_frozen_at.is_not(None),
        exists().where(validation_calls.c.account_sid == accounts.c.sid, validation_calls.c.due_at.is_not(None)),
    )
    .order_by(accounts.c.sid)
    .limit(bindparam("row_limit"))
)
SET_HAS_FAULTS = Statement(
    update(accounts).where(accounts.c.sid == bindparam("account_sid")).values(has_faults=bindparam("has_any"))
)
SET_POLICY = Statement(
    update(accounts).where(accounts.c.sid == bindparam("account_sid")).values(policy=bindparam("own", type_=Text))
)
RESET_SETTINGS = Statement(
    update(accounts)
    .where(accounts.c.sid == bindparam("account_sid"))
    .values(clock_offset=0, clock_frozen_at=None, has_faults=0, policy=None, webhook_signing=None)
)
ALL_ACCOUNTS = Statement(select(*ACCOUNTS.columns).order_by(accounts.c.date_created, accounts.c.sid))
FIRST_ACCOUNTS = Statement(select(*ACCOUNTS.columns).order_by(accounts.c.sid).limit(bindparam("row_limit")))
SUBACCOUNTS = Statement(select(accounts.c.sid).where(accounts.c.parent_sid == bindparam("account_sid")))
DELETE_ACCOUNT = Statement(delete(accounts).where(accounts.c.sid == bindparam("account_sid")))
ALL_SIDS = Statement(select(accounts.c.sid))


class AccountRepository:
    """The accounts.

    Every operation that writes to an account locks it first, before taking any other lock.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, sid: str) -> Account | None:
        """Return an account, or None."""
        row = self._session.first(FIND_ACCOUNT, sid=sid)
        return ACCOUNTS.read(row) if row else None

    def lock_shared(self, sid: str) -> Account | None:
        """Return an account, or None, and hold a shared lock on it until the transaction ends."""
        row = self._session.first(LOCK_SHARED, sid=sid)
        return ACCOUNTS.read(row) if row else None

    def lock_exclusive(self, sid: str) -> Account | None:
        """Return an account, or None, and hold an exclusive lock on it until the transaction ends."""
        row = self._session.first(LOCK_EXCLUSIVE, sid=sid)
        return ACCOUNTS.read(row) if row else None

    def lock_clock_and_policy(self, sid: AccountSid) -> tuple[AccountClock, AccountPolicy] | None:
        """Lock an account as `lock_shared` does. Return its clock and policy, or None if it does not exist."""
        row = self._session.first(LOCK_CLOCK, sid=sid)
        return _CLOCK_AND_POLICY.read(row) if row else None

    def find_subaccount(self, sid: str, parent_sid: AccountSid) -> Account | None:
        """Return an account if it is a subaccount of this parent, otherwise None. Both cases take the same time."""
        row = self._session.first(FIND_SUBACCOUNT, sid=sid, parent=parent_sid)
        return ACCOUNTS.read(row) if row else None

    def save(self, account: Account) -> None:
        """Add an account.

        If its SID exists, update that account, but keep its creation date, clock, faults, policy and shared key.
        """
        self._session.change(SAVE_ACCOUNT, **_values(account))

    def add(self, account: Account) -> bool:
        """Add an account. Return False, changing nothing, if its SID is taken."""
        return self._session.change(ADD_ACCOUNT, **_values(account)) > 0

    def all(self) -> Iterator[Account]:
        """Return all accounts, oldest first."""
        return map(ACCOUNTS.read, self._session.rows(ALL_ACCOUNTS))

    def with_set_clocks(self, after_sid: str, limit: int) -> list[AccountSid]:
        """Return the SIDs, in order, of accounts that have pending calls and a clock that was set.

        At most `limit` SIDs are returned, all of them greater than `after_sid`.
        """
        return [sid for (sid,) in self._session.all(SET_CLOCKS, after_sid=after_sid, row_limit=limit)]

    def first(self, limit: int) -> list[Account]:
        """Return the `limit` accounts with the lowest SIDs."""
        return [ACCOUNTS.read(row) for row in self._session.all(FIRST_ACCOUNTS, row_limit=limit)]

    def subaccounts(self, account_sid: AccountSid) -> list[AccountSid]:
        """Return the SIDs of an account's subaccounts."""
        return [sid for (sid,) in self._session.all(SUBACCOUNTS, account_sid=account_sid)]

    def set_clock(self, account_sid: AccountSid, clock: AccountClock) -> None:
        """Store an account's clock."""
        self._session.change(SET_CLOCK, account_sid=account_sid, offset=clock.offset, frozen_at=clock.frozen_at)

    def set_has_faults(self, account_sid: AccountSid, *, has_any: bool) -> None:
        """Store whether an account has faults."""
        self._session.change(SET_HAS_FAULTS, account_sid=account_sid, has_any=int(has_any))

    def set_policy(self, account_sid: AccountSid, policy: AccountPolicy) -> None:
        """Store the policy of an account."""
        self._session.change(SET_POLICY, account_sid=account_sid, own=_policy_text(policy))

    def set_webhook_signing(self, account_sid: AccountSid, signing: WebhookSigning | None) -> None:
        """Store the shared key of an account. With None, the auth token signs instead."""
        shared_key = webhook_signing_text(signing) if signing else None
        self._session.change(SET_WEBHOOK_SIGNING, account_sid=account_sid, shared_key=shared_key)

    def all_sids(self) -> Iterator[list[AccountSid]]:
        """Yield the SIDs of all accounts in batches."""
        for rows in self._session.batches(ALL_SIDS, SIDS_AT_ONCE):
            yield [sid for (sid,) in rows]

    def delete_contents_of(self, account_sid: AccountSid) -> Steps[None]:
        """Delete everything that belongs to an account, except keys and subaccounts."""
        return delete_contents(self._session, account_sid)

    def reset_settings(self, account_sid: AccountSid) -> bool:
        """Reset an account's clock, `has_faults`, policy and shared key. Return False if the account does not exist."""
        return self._session.change(RESET_SETTINGS, account_sid=account_sid) > 0

    def delete(self, account_sid: AccountSid) -> bool:
        """Delete an account, its subaccounts and their rows. Return False if the account does not exist.

        Call `delete_contents_of` first, which deletes most rows in steps.
        """
        return self._session.change(DELETE_ACCOUNT, account_sid=account_sid) > 0

    def delete_all(self) -> Steps[None]:
        """Delete all rows of all accounts."""
        return delete_everything(self._session)

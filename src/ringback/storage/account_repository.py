"""Accounts with their clocks, and their API keys."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Text, bindparam, delete, exists, select, text, update

from ringback.domain.account_clock import UNSET_CLOCK, AccountClock
from ringback.domain.accounts import Account, AccountStatus, ApiKey
from ringback.domain.policies import LEFT_TO_THE_SETTINGS, AccountPolicy, AccountType
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.deletion import delete_contents, delete_everything
from ringback.storage.session import Session
from ringback.storage.statements import Statement, insert_or_ignore, upsert
from ringback.storage.stepwise import Steps
from ringback.storage.tables import accounts, api_keys, validation_calls
from ringback.storage.unreadable_rows import ERRORS, UnreadableRow, report

SIDS_AT_ONCE = 500
"""How many SIDs of accounts are read in one go."""

FIND_ACCOUNT = Statement(select(accounts).where(accounts.c.sid == bindparam("sid")))
LOCK_ACCOUNTS = text("FOR KEY SHARE OF accounts SKIP LOCKED")
"""What a claim of rows of many accounts adds on PostgreSQL, so as to hold these accounts, and to wait for none."""
LOCK_SHARED = Statement(
    select(accounts).where(accounts.c.sid == bindparam("sid")).with_for_update(read=True, key_share=True)
)
LOCK_EXCLUSIVE = Statement(select(accounts).where(accounts.c.sid == bindparam("sid")).with_for_update())
FIND_SUBACCOUNT = Statement(
    select(accounts).where(accounts.c.sid == bindparam("sid"), accounts.c.parent_sid == bindparam("parent"))
)
LOCK_CLOCK = Statement(
    select(accounts.c.clock_offset, accounts.c.clock_frozen_at, accounts.c.policy)
    .where(accounts.c.sid == bindparam("sid"))
    .with_for_update(read=True, key_share=True)
)
FIND_ACCOUNT_OF_KEY = Statement(
    select(accounts, api_keys.c.secret).join(api_keys).where(api_keys.c.sid == bindparam("key_sid"))
)
ADD_ACCOUNT = insert_or_ignore(accounts, "sid")
ADD_KEY = insert_or_ignore(api_keys, "sid")
SAVE_ACCOUNT = upsert(
    accounts, ["sid"], "auth_token", "friendly_name", "owner_email", "status", "parent_sid", "date_updated"
)
SAVE_KEY = upsert(api_keys, ["sid"], "account_sid", "secret")
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
    .values(clock_offset=0, clock_frozen_at=None, has_faults=0, policy=None)
)
ALL_ACCOUNTS = Statement(select(accounts).order_by(accounts.c.date_created, accounts.c.sid))
SOME_ACCOUNTS = Statement(select(accounts).order_by(accounts.c.sid).limit(bindparam("row_limit")))
SUBACCOUNTS = Statement(select(accounts.c.sid).where(accounts.c.parent_sid == bindparam("account_sid")))
DELETE_ACCOUNT = Statement(delete(accounts).where(accounts.c.sid == bindparam("account_sid")))
ALL_SIDS = Statement(select(accounts.c.sid))


class AccountRepository:
    """Who may ask, and what time it is for them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, sid: str) -> Account | None:
        row = self._session.first(FIND_ACCOUNT, sid=sid)
        return _account(row) if row else None

    def lock_shared(self, sid: str) -> Account | None:
        """Return an account and lock its row: others may write in the account, none may invalidate it.

        Whoever writes in an account holds it, before anything else.
        """
        row = self._session.first(LOCK_SHARED, sid=sid)
        return _account(row) if row else None

    def lock_exclusive(self, sid: str) -> Account | None:
        """Return an account in which nobody else writes till the unit of work ends."""
        row = self._session.first(LOCK_EXCLUSIVE, sid=sid)
        return _account(row) if row else None

    def find_subaccount(self, sid: str, parent_sid: AccountSid) -> Account | None:
        """Return an account if it is this parent's; one that is not costs no more than one that is not there."""
        row = self._session.first(FIND_SUBACCOUNT, sid=sid, parent=parent_sid)
        return _account(row) if row else None

    def lock_clock_and_policy(self, sid: AccountSid) -> tuple[AccountClock, AccountPolicy] | None:
        """Hold an account, and return its clock and policy alone; None where there is no account."""
        row = self._session.first(LOCK_CLOCK, sid=sid)
        return (_clock(row[0], row[1], sid), _policy(row[2], sid)) if row else None

    def find_by_key(self, key_sid: str) -> tuple[Account, str] | None:
        """Return the account of an API key, and the key's secret."""
        row = self._session.first(FIND_ACCOUNT_OF_KEY, key_sid=key_sid)
        return (_account(row), row[-1]) if row else None

    def save(self, account: Account) -> None:
        """Add an account, or bring the one with this SID up to date; the date it was created stays."""
        self._session.change(SAVE_ACCOUNT, **_values(account))

    def add(self, account: Account) -> bool:
        """Add an account; False, and nothing changed, when its SID is taken."""
        return self._session.change(ADD_ACCOUNT, **_values(account)) > 0

    def save_key(self, key: ApiKey) -> None:
        self._session.change(SAVE_KEY, **asdict(key))

    def add_key(self, key: ApiKey) -> bool:
        """Add an API key; False, and nothing changed, when its SID is taken."""
        return self._session.change(ADD_KEY, **asdict(key)) > 0

    def all(self) -> Iterator[Account]:
        """Return all accounts, the oldest first."""
        return map(_account, self._session.rows(ALL_ACCOUNTS))

    def with_set_clocks(self, after_sid: str, limit: int) -> list[AccountSid]:
        """Return accounts with pending calls whose clocks do not show the machine's time, the lowest SIDs first."""
        return [sid for (sid,) in self._session.all(SET_CLOCKS, after_sid=after_sid, row_limit=limit)]

    def first(self, limit: int) -> list[Account]:
        """Return at most so many accounts, the lowest SIDs first."""
        return [_account(row) for row in self._session.all(SOME_ACCOUNTS, row_limit=limit)]

    def subaccounts(self, account_sid: AccountSid) -> list[AccountSid]:
        return [sid for (sid,) in self._session.all(SUBACCOUNTS, account_sid=account_sid)]

    def set_clock(self, account_sid: AccountSid, clock: AccountClock) -> None:
        self._session.change(SET_CLOCK, account_sid=account_sid, offset=clock.offset, frozen_at=clock.frozen_at)

    def set_has_faults(self, account_sid: AccountSid, *, has_any: bool) -> None:
        self._session.change(SET_HAS_FAULTS, account_sid=account_sid, has_any=int(has_any))

    def set_policy(self, account_sid: AccountSid, policy: AccountPolicy) -> None:
        self._session.change(SET_POLICY, account_sid=account_sid, own=_policy_text(policy))

    def all_sids(self) -> Iterator[list[AccountSid]]:
        """Return the SIDs of all accounts, some at a time."""
        for rows in self._session.batches(ALL_SIDS, SIDS_AT_ONCE):
            yield [sid for (sid,) in rows]

    def delete_contents_of(self, account_sid: AccountSid) -> Steps[None]:
        """Delete all that an account holds but keys and subaccounts."""
        return delete_contents(self._session, account_sid)

    def reset_settings(self, account_sid: AccountSid) -> bool:
        """Remove an account's own clock, faults and policy. Return False if the account does not exist."""
        return self._session.change(RESET_SETTINGS, account_sid=account_sid) > 0

    def delete(self, account_sid: AccountSid) -> bool:
        """Delete an account, its subaccounts and their rows. Return False if the account does not exist.

        Most rows must have been deleted in steps before, by `delete_contents_of`.
        """
        return self._session.change(DELETE_ACCOUNT, account_sid=account_sid) > 0

    def delete_all(self) -> Steps[None]:
        """Delete all accounts and all that is theirs, which is all there is."""
        return delete_everything(self._session)


def _values(account: Account) -> dict[str, Any]:
    return {
        "sid": account.sid,
        "auth_token": account.auth_token,
        "friendly_name": account.friendly_name,
        "owner_email": account.owner_email,
        "status": account.status.value,
        "parent_sid": account.parent_sid,
        "date_created": account.date_created,
        "date_updated": account.date_updated,
        "clock_offset": account.clock.offset,
        "clock_frozen_at": account.clock.frozen_at,
        "has_faults": int(account.has_faults),
        "policy": _policy_text(account.policy),
    }


def _account(row: tuple[Any, ...]) -> Account:
    sid, auth_token, friendly_name, owner_email, status, parent_sid, created, updated = row[:8]
    offset, frozen_at, has_faults, policy = row[8:12]
    return Account(
        sid,
        auth_token,
        friendly_name,
        owner_email,
        _status(status, sid),
        parent_sid,
        created,
        updated,
        _clock(offset, frozen_at, sid),
        bool(has_faults),
        _policy(policy, sid),
    )


def _clock(offset: Any, frozen_at: Any, account_sid: str) -> AccountClock:
    """Return an account's clock; one that cannot be read is logged, and shows the machine's time."""
    if isinstance(offset, int) and (frozen_at is None or isinstance(frozen_at, int)):
        return AccountClock(offset, None if frozen_at is None else Timestamp(frozen_at))
    report("accounts", account_sid, UnreadableRow(f"clock_offset is {offset!r}, clock_frozen_at is {frozen_at!r}"))
    return UNSET_CLOCK


def _policy(text: str | None, account_sid: str = "") -> AccountPolicy:
    """Return an account's policy; one that cannot be read is logged, and the settings hold."""
    try:
        return policy_of(text)
    except ERRORS as error:
        report("accounts", account_sid, error)
        return LEFT_TO_THE_SETTINGS


def policy_of(text: str | None) -> AccountPolicy:
    """Return the policy of a column. Raises TypeError or ValueError if it is not a policy."""
    if text is None:
        return LEFT_TO_THE_SETTINGS
    own = orjson.loads(text)
    if "account_type" in own:
        own["account_type"] = AccountType(own["account_type"])
    return AccountPolicy(**own)


def _status(text: str, account_sid: str) -> AccountStatus:
    """Return an account's status; one that cannot be read is logged, and the account is suspended."""
    try:
        return AccountStatus(text)
    except ValueError as error:
        report("accounts", account_sid, error)
        return AccountStatus.SUSPENDED


def _policy_text(policy: AccountPolicy) -> str | None:
    return orjson.dumps(policy.overrides).decode() if policy.overrides else None

"""Accounts, their API keys and the rules of their phones."""

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert

from ringback.domain.accounts import Account, AccountStatus, ApiKey
from ringback.domain.phones import PhoneBehavior, PhoneRule
from ringback.domain.sids import AccountSid
from ringback.storage.statements import Statement, column_parameters
from ringback.storage.tables import accounts, api_keys, phone_rules

if TYPE_CHECKING:
    from ringback.storage.unit_of_work import UnitOfWork

DEFAULT_RULE = "default"
"""Stands where a phone rule's number would, for all the account's phones without a rule of their own."""

FIND_ACCOUNT = Statement(select(accounts).where(accounts.c.sid == bindparam("sid")))
FIND_ACCOUNT_OF_KEY = Statement(
    select(accounts, api_keys.c.secret).join(api_keys).where(api_keys.c.sid == bindparam("key_sid"))
)
_upsert_account = insert(accounts).values(column_parameters(accounts))
SAVE_ACCOUNT = Statement(
    _upsert_account.on_conflict_do_update(
        index_elements=["sid"],
        set_={
            name: _upsert_account.excluded[name]
            for name in ("auth_token", "friendly_name", "owner_email", "status", "parent_sid", "date_updated")
        },
    )
)
_upsert_key = insert(api_keys).values(column_parameters(api_keys))
SAVE_KEY = Statement(
    _upsert_key.on_conflict_do_update(
        index_elements=["sid"], set_={name: _upsert_key.excluded[name] for name in ("account_sid", "secret")}
    )
)
_upsert_rule = insert(phone_rules).values(column_parameters(phone_rules))
SAVE_RULE = Statement(
    _upsert_rule.on_conflict_do_update(
        index_elements=["account_sid", "phone_number"],
        set_={name: _upsert_rule.excluded[name] for name in ("behavior", "ring_seconds", "key_seconds", "extension")},
    )
)
FIND_RULES = Statement(
    select(
        phone_rules.c.phone_number,
        phone_rules.c.behavior,
        phone_rules.c.ring_seconds,
        phone_rules.c.key_seconds,
        phone_rules.c.extension,
    ).where(
        phone_rules.c.account_sid == bindparam("account_sid"),
        (phone_rules.c.phone_number == bindparam("phone_number")) | (phone_rules.c.phone_number == DEFAULT_RULE),
    )
)


class AccountRepository:
    """Who may ask, and how the phones of an account behave."""

    def __init__(self, unit_of_work: "UnitOfWork") -> None:
        self._unit_of_work = unit_of_work

    def find(self, sid: str) -> Account | None:
        row = self._unit_of_work.first(FIND_ACCOUNT, sid=sid)
        return Account(row[0], row[1], row[2], row[3], AccountStatus(row[4]), *row[5:]) if row else None

    def find_by_key(self, key_sid: str) -> tuple[Account, str] | None:
        """Return the account of an API key, and the key's secret."""
        row = self._unit_of_work.first(FIND_ACCOUNT_OF_KEY, key_sid=key_sid)
        return (Account(row[0], row[1], row[2], row[3], AccountStatus(row[4]), *row[5:-1]), row[-1]) if row else None

    def save(self, account: Account) -> None:
        """Add an account, or bring the one with this SID up to date; the date it was created stays."""
        self._unit_of_work.change(
            SAVE_ACCOUNT,
            sid=account.sid,
            auth_token=account.auth_token,
            friendly_name=account.friendly_name,
            owner_email=account.owner_email,
            status=account.status.value,
            parent_sid=account.parent_sid,
            date_created=account.date_created,
            date_updated=account.date_updated,
        )

    def save_key(self, key: ApiKey) -> None:
        self._unit_of_work.change(
            SAVE_KEY, sid=key.sid, account_sid=key.account_sid, secret=key.secret, date_created=key.date_created
        )

    def save_phone_rule(self, account_sid: AccountSid, phone_number: str, rule: PhoneRule) -> None:
        """Set the rule of the phone at an E.164 number, or of `DEFAULT_RULE`."""
        self._unit_of_work.change(
            SAVE_RULE,
            account_sid=account_sid,
            phone_number=phone_number,
            behavior=rule.behavior.value,
            ring_seconds=rule.ring_seconds,
            key_seconds=rule.key_seconds,
            extension=rule.extension,
        )

    def phone_rules(self, account_sid: AccountSid, phone_number: str) -> tuple[PhoneRule | None, PhoneRule | None]:
        """Return the rule of the phone at this number, and the account's rule for the others."""
        rows = self._unit_of_work.all(FIND_RULES, account_sid=account_sid, phone_number=phone_number)
        rules = {row[0]: PhoneRule(PhoneBehavior(row[1]), *row[2:]) for row in rows}
        return rules.get(phone_number), rules.get(DEFAULT_RULE)

"""The simulated phones of each account: their rules, the scripts for their next calls, and counts of ringing phones."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, delete, func, insert, literal, select

from ringback.domain.calls import IN_PROGRESS_STATES, CallState
from ringback.domain.phones import MAX_PHONE_SECONDS, PhoneBehavior, PhoneRule, PhoneRules
from ringback.domain.sids import AccountSid
from ringback.storage.row_mapper import Field, RowMapper
from ringback.storage.session import Row, Session
from ringback.storage.statements import Statement, columns, parameters, upsert
from ringback.storage.tables import accounts, validation_calls
from ringback.storage.tables import phone_rules as rules
from ringback.storage.tables import phone_scripts as scripts
from ringback.storage.unreadable_rows import readable, require

DEFAULT_RULE = "default"
"""Stored instead of a phone number in an account's rule for all phones that do not have their own rule."""
_RULE_COLUMNS = PhoneRule.__dataclass_fields__


def is_phone_duration(seconds: object) -> bool:
    """Return whether a value is a valid duration of a phone's action, in seconds."""
    return isinstance(seconds, int | float) and 0 <= seconds <= MAX_PHONE_SECONDS


def _seconds_of(column: str) -> Callable[[Any], float]:
    def seconds_of(seconds: Any) -> float:
        require(is_phone_duration(seconds), column, seconds)
        return seconds  # type: ignore[no-any-return]

    return seconds_of


def _extension(extension: Any) -> str:
    require(isinstance(extension, str), "extension", extension)
    return str(extension)


def _rules_in(table: Table) -> RowMapper[PhoneRule]:
    return RowMapper(
        PhoneRule,
        columns(table, *_RULE_COLUMNS),
        behavior=Field(PhoneBehavior, write=str),
        ring_seconds=Field(_seconds_of("ring_seconds"), optional=True),
        key_seconds=Field(_seconds_of("key_seconds"), optional=True),
        extension=Field(_extension, optional=True),
    )


RULES, SCRIPT_ENTRIES = _rules_in(rules), _rules_in(scripts)
_rule_values = RULES.writer(*RULES.names)
_NAMED_RULE = (rules.c.phone_number, *RULES.columns)
_NUMBERED_ENTRY = (scripts.c.id, *SCRIPT_ENTRIES.columns)
_read_rule, _read_entry = RULES.reader(_NAMED_RULE), SCRIPT_ENTRIES.reader(_NUMBERED_ENTRY)

_OF_ACCOUNT = rules.c.account_sid == bindparam("account_sid")
_THIS_RULE = _OF_ACCOUNT & (rules.c.phone_number == bindparam("phone_number"))
_THIS_SCRIPT = (scripts.c.account_sid == bindparam("account_sid")) & (
    scripts.c.phone_number == bindparam("phone_number")
)

SAVE_RULE = upsert(rules, ["account_sid", "phone_number"], *_RULE_COLUMNS)
FIND_RULES = Statement(
    select(*_NAMED_RULE).where(
        _OF_ACCOUNT,
        (rules.c.phone_number == bindparam("phone_number")) | (rules.c.phone_number == DEFAULT_RULE),
    )
)
ALL_RULES = Statement(select(*_NAMED_RULE).where(_OF_ACCOUNT).order_by(rules.c.phone_number))
DELETE_RULE = Statement(delete(rules).where(_THIS_RULE))
ADD_ENTRY = Statement(insert(scripts).values(parameters(scripts, "account_sid", "phone_number", *_RULE_COLUMNS)))
SCRIPT = Statement(select(*_NUMBERED_ENTRY).where(_THIS_SCRIPT).order_by(scripts.c.id))
SCRIPT_LENGTHS = Statement(
    select(*columns(scripts, "phone_number"), func.count())
    .where(scripts.c.account_sid == bindparam("account_sid"))
    .group_by(scripts.c.phone_number)
    .order_by(scripts.c.phone_number)
)
DELETE_ENTRY = Statement(delete(scripts).where(scripts.c.id == bindparam("entry_id")))
DELETE_SCRIPT = Statement(delete(scripts).where(_THIS_SCRIPT))


class PhoneRepository:
    """The rules and scripts of each account's phones; numbers are E.164 or `DEFAULT_RULE`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def save_rule(self, account_sid: AccountSid, phone_number: str, rule: PhoneRule) -> None:
        """Add or replace the rule of a phone."""
        self._session.change(SAVE_RULE, account_sid=account_sid, phone_number=phone_number, **_rule_values(rule))

    def all_rules(self, account_sid: AccountSid) -> dict[str, PhoneRule]:
        """Return the rules of an account by phone number. Unreadable rows are skipped and logged."""
        return dict(readable("phone_rules", self._session.all(ALL_RULES, account_sid=account_sid), _named_rule))

    def delete_rule(self, account_sid: AccountSid, phone_number: str) -> bool:
        """Delete the rule of a phone. Return False if the phone has none."""
        return self._session.change(DELETE_RULE, account_sid=account_sid, phone_number=phone_number) > 0

    def append_to_script(self, account_sid: AccountSid, phone_number: str, entries: Sequence[PhoneRule]) -> None:
        """Append entries to the script of a number, one for each of its next calls."""
        for entry in entries:
            self._session.change(ADD_ENTRY, account_sid=account_sid, phone_number=phone_number, **_rule_values(entry))

    def script(self, account_sid: AccountSid, phone_number: str) -> list[PhoneRule]:
        """Return the script of a number."""
        rows = self._session.all(SCRIPT, account_sid=account_sid, phone_number=phone_number)
        return list(readable("phone_scripts", rows, _read_entry))

    def script_lengths(self, account_sid: AccountSid) -> dict[str, int]:
        """Return the lengths of an account's scripts, by phone number."""
        return {row[0]: row[1] for row in self._session.all(SCRIPT_LENGTHS, account_sid=account_sid)}

    def delete_script(self, account_sid: AccountSid, phone_number: str) -> bool:
        """Delete the script of a number. Return False if the number has none."""
        return self._session.change(DELETE_SCRIPT, account_sid=account_sid, phone_number=phone_number) > 0

    def rules_at(self, account_sid: AccountSid, phone_number: str) -> PhoneRules:
        """Return the rules that apply to the phone at this number."""
        return self._rules_at(account_sid, phone_number)[0]

    def pop_rules_at(self, account_sid: AccountSid, phone_number: str) -> PhoneRules:
        """Return the rules that apply to the next call to this number, and remove the call's entry from the script."""
        phone_rules, entry_ids = self._rules_at(account_sid, phone_number)
        for entry_id in entry_ids:
            self._session.change(DELETE_ENTRY, entry_id=entry_id)
        return phone_rules

    def _rules_at(self, account_sid: AccountSid, phone_number: str) -> tuple[PhoneRules, list[int]]:
        """Return the rules for a number, and the ids of the script entries that its next call uses up.

        These are the next readable entry and any unreadable entries before it.
        """
        phone = {"account_sid": account_sid, "phone_number": phone_number}
        stored = dict(readable("phone_rules", self._session.all(FIND_RULES, **phone), _named_rule))
        own, default = stored.get(phone_number), stored.get(DEFAULT_RULE)
        used_ids: list[int] = []
        for row in self._session.all(SCRIPT, **phone):
            used_ids.append(row[0])
            for entry in readable("phone_scripts", [row], _read_entry):
                return PhoneRules(entry, own, default), used_ids
        return PhoneRules(None, own, default), used_ids


def _named_rule(row: Row) -> tuple[str, PhoneRule]:
    return row[0], _read_rule(row)


class RingingAccount(NamedTuple):
    """An account, and the number of its phones that are ringing or in a call."""

    account_sid: AccountSid
    friendly_name: str
    phones: int


_RINGING_STATES = sorted({CallState.RINGING, *IN_PROGRESS_STATES})
_ringing = (
    select(literal(1).label("phone"))
    .where(
        validation_calls.c.account_sid == accounts.c.sid,
        validation_calls.c.ended_at.is_(None),
        validation_calls.c.state.in_([literal(state.value) for state in _RINGING_STATES]),
    )
    .limit(bindparam("most"))
    .correlate(accounts)
    .subquery()
)
_count = select(func.count()).select_from(_ringing).scalar_subquery()
_counts = select(accounts.c.sid.label("account_sid"), accounts.c.friendly_name, _count.label("phones")).subquery()
RINGING_ACCOUNTS = RowMapper(RingingAccount, tuple(_counts.c))
RINGING = Statement(select(_counts).where(_counts.c.phones > 0).order_by(_counts.c.account_sid))


class RingingPhones:
    """Counts, by account, the phones that are ringing or in a call."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def accounts(self, *, most: int) -> list[RingingAccount]:
        """Return the accounts in which phones are ringing or in a call. At most `most` phones are counted in each."""
        return [RINGING_ACCOUNTS.read(row) for row in self._session.all(RINGING, most=most)]

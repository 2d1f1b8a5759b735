"""How the phones of an account behave: their rules, and the scripts of what their next calls meet."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select

from ringback.domain.phones import MOST_PHONE_SECONDS, PhoneBehavior, PhoneRule, PhoneRules
from ringback.domain.sids import AccountSid
from ringback.storage.session import Session
from ringback.storage.statements import Statement, columns, upsert
from ringback.storage.tables import phone_rules as rules
from ringback.storage.tables import phone_scripts as scripts
from ringback.storage.unreadable_rows import readable, require

DEFAULT_RULE = "default"
"""Stands where a phone rule's number would, for all the account's phones without a rule of their own."""

_SAID = ("behavior", "ring_seconds", "key_seconds", "extension")
_RULE_OF_ACCOUNT = rules.c.account_sid == bindparam("account_sid")
_THIS_RULE = _RULE_OF_ACCOUNT & (rules.c.phone_number == bindparam("phone_number"))
_THIS_SCRIPT = (scripts.c.account_sid == bindparam("account_sid")) & (
    scripts.c.phone_number == bindparam("phone_number")
)
_SCRIPT_COLUMNS = ("account_sid", "phone_number", *_SAID)

SAVE_RULE = upsert(rules, ["account_sid", "phone_number"], *_SAID)
FIND_RULES = Statement(
    select(*columns(rules, "phone_number", *_SAID)).where(
        _RULE_OF_ACCOUNT,
        (rules.c.phone_number == bindparam("phone_number")) | (rules.c.phone_number == DEFAULT_RULE),
    )
)
ALL_RULES = Statement(
    select(*columns(rules, "phone_number", *_SAID)).where(_RULE_OF_ACCOUNT).order_by(rules.c.phone_number)
)
DELETE_RULE = Statement(delete(rules).where(_THIS_RULE))
QUEUE = Statement(
    insert(scripts).values({name: bindparam(name, type_=scripts.c[name].type) for name in _SCRIPT_COLUMNS})
)
SCRIPT = Statement(select(*columns(scripts, "id", *_SAID)).where(_THIS_SCRIPT).order_by(scripts.c.id))
SCRIPT_LENGTHS = Statement(
    select(*columns(scripts, "phone_number"), func.count())
    .where(scripts.c.account_sid == bindparam("account_sid"))
    .group_by(scripts.c.phone_number)
    .order_by(scripts.c.phone_number)
)
DELETE_ENTRY = Statement(delete(scripts).where(scripts.c.id == bindparam("entry_id")))
DELETE_SCRIPT = Statement(delete(scripts).where(_THIS_SCRIPT))


class PhoneRepository:
    """The rules and scripts of each account's phones; numbers are E.164, or `DEFAULT_RULE`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def save_rule(self, account_sid: AccountSid, phone_number: str, rule: PhoneRule) -> None:
        self._session.change(SAVE_RULE, account_sid=account_sid, phone_number=phone_number, **_said(rule))

    def all_rules(self, account_sid: AccountSid) -> dict[str, PhoneRule]:
        """Return the rules of an account by number; one that cannot be read is left out, and logged."""
        return dict(readable("phone_rules", self._session.all(ALL_RULES, account_sid=account_sid), _named_rule))

    def delete_rule(self, account_sid: AccountSid, phone_number: str) -> bool:
        """Delete the rule of a phone; False where there is none."""
        return self._session.change(DELETE_RULE, account_sid=account_sid, phone_number=phone_number) > 0

    def append_to_script(self, account_sid: AccountSid, phone_number: str, entries: Sequence[PhoneRule]) -> None:
        """Add to what the next calls to a number will meet, one each."""
        for entry in entries:
            self._session.change(QUEUE, account_sid=account_sid, phone_number=phone_number, **_said(entry))

    def script(self, account_sid: AccountSid, phone_number: str) -> list[PhoneRule]:
        """Return what the next calls to a number will meet."""
        rows = self._session.all(SCRIPT, account_sid=account_sid, phone_number=phone_number)
        return [rule for _, rule in readable("phone_scripts", rows, _named_rule)]

    def script_lengths(self, account_sid: AccountSid) -> dict[str, int]:
        """Return how many entries the script of each number has; numbers without a script are left out."""
        return {row[0]: row[1] for row in self._session.all(SCRIPT_LENGTHS, account_sid=account_sid)}

    def delete_script(self, account_sid: AccountSid, phone_number: str) -> bool:
        """Forget what the next calls to a number were to meet; False where that was nothing."""
        return self._session.change(DELETE_SCRIPT, account_sid=account_sid, phone_number=phone_number) > 0

    def rules_at(self, account_sid: AccountSid, phone_number: str) -> PhoneRules:
        """Return what is said of the phone at this number."""
        return self._rules_at(account_sid, phone_number)[0]

    def pop_rules_at(self, account_sid: AccountSid, phone_number: str) -> PhoneRules:
        """Return what is said of the phone that a call meets; its entry of the script is used up."""
        taken, entry_ids = self._rules_at(account_sid, phone_number)
        for entry_id in entry_ids:
            self._session.change(DELETE_ENTRY, entry_id=entry_id)
        return taken

    def _rules_at(self, account_sid: AccountSid, phone_number: str) -> tuple[PhoneRules, list[int]]:
        """Return the rules at a number, and the ids of the script's entries that they use up.

        Those are one entry, and the ones before it that cannot be read.
        """
        named = {"account_sid": account_sid, "phone_number": phone_number}
        found = dict(readable("phone_rules", self._session.all(FIND_RULES, **named), _named_rule))
        own, default = found.get(phone_number), found.get(DEFAULT_RULE)
        used_up: list[int] = []
        for row in self._session.all(SCRIPT, **named):
            used_up.append(row[0])
            for _, entry in readable("phone_scripts", [row], _named_rule):
                return PhoneRules(entry, own, default), used_up
        return PhoneRules(None, own, default), used_up


def _said(rule: PhoneRule) -> dict[str, Any]:
    return {**{name: getattr(rule, name) for name in _SAID}, "behavior": rule.behavior.value}


def is_phone_duration(seconds: object) -> bool:
    """Tell whether a value is a number of seconds that a phone may take."""
    return isinstance(seconds, int | float) and 0 <= seconds <= MOST_PHONE_SECONDS


def rule_of(row: tuple[Any, ...]) -> PhoneRule:
    """Return the rule of a row: behavior, seconds, extension. Raises ValueError if it cannot be read."""
    behavior, ring_seconds, key_seconds, extension = row
    for name, seconds in (("ring_seconds", ring_seconds), ("key_seconds", key_seconds)):
        require(seconds is None or is_phone_duration(seconds), name, seconds)
    require(extension is None or isinstance(extension, str), "extension", extension)
    return PhoneRule(PhoneBehavior(behavior), ring_seconds, key_seconds, extension)


def _named_rule(row: tuple[Any, ...]) -> tuple[Any, PhoneRule]:
    return row[0], rule_of(row[1:])

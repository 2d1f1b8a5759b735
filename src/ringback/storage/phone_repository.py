"""How the phones of an account behave: their rules, and the scripts of what their next calls meet."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, select

from ringback.domain.phones import PhoneBehavior, PhoneRule, PhoneRules
from ringback.domain.sids import AccountSid
from ringback.storage.statements import Statement, columns, upsert
from ringback.storage.tables import phone_rules as rules
from ringback.storage.tables import phone_scripts as scripts

if TYPE_CHECKING:
    from ringback.storage.unit_of_work import UnitOfWork

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

    def __init__(self, unit_of_work: "UnitOfWork") -> None:
        self._unit_of_work = unit_of_work

    def save_rule(self, account_sid: AccountSid, phone_number: str, rule: PhoneRule) -> None:
        self._unit_of_work.change(SAVE_RULE, account_sid=account_sid, phone_number=phone_number, **_said(rule))

    def all_rules(self, account_sid: AccountSid) -> dict[str, PhoneRule]:
        return {row[0]: _rule(row[1:]) for row in self._unit_of_work.all(ALL_RULES, account_sid=account_sid)}

    def delete_rule(self, account_sid: AccountSid, phone_number: str) -> bool:
        """Delete the rule of a phone; False where there is none."""
        return self._unit_of_work.change(DELETE_RULE, account_sid=account_sid, phone_number=phone_number) > 0

    def queue(self, account_sid: AccountSid, phone_number: str, entries: Sequence[PhoneRule]) -> None:
        """Add to what the next calls to a number will meet, one each."""
        for entry in entries:
            self._unit_of_work.change(QUEUE, account_sid=account_sid, phone_number=phone_number, **_said(entry))

    def script(self, account_sid: AccountSid, phone_number: str) -> list[PhoneRule]:
        """Return what the next calls to a number will meet."""
        rows = self._unit_of_work.all(SCRIPT, account_sid=account_sid, phone_number=phone_number)
        return [_rule(row[1:]) for row in rows]

    def script_lengths(self, account_sid: AccountSid) -> dict[str, int]:
        """Return how many entries the script of each number has; numbers without a script are left out."""
        return {row[0]: row[1] for row in self._unit_of_work.all(SCRIPT_LENGTHS, account_sid=account_sid)}

    def delete_script(self, account_sid: AccountSid, phone_number: str) -> bool:
        """Forget what the next calls to a number were to meet; False where that was nothing."""
        return self._unit_of_work.change(DELETE_SCRIPT, account_sid=account_sid, phone_number=phone_number) > 0

    def rules_at(self, account_sid: AccountSid, phone_number: str) -> PhoneRules:
        """Return what is said of the phone at this number."""
        return self._rules_at(account_sid, phone_number)[0]

    def take_rules_at(self, account_sid: AccountSid, phone_number: str) -> PhoneRules:
        """Return what is said of the phone that a call meets; its entry of the script is used up."""
        taken, entry_id = self._rules_at(account_sid, phone_number)
        if entry_id is not None:
            self._unit_of_work.change(DELETE_ENTRY, entry_id=entry_id)
        return taken

    def _rules_at(self, account_sid: AccountSid, phone_number: str) -> tuple[PhoneRules, int | None]:
        named = {"account_sid": account_sid, "phone_number": phone_number}
        found = {row[0]: _rule(row[1:]) for row in self._unit_of_work.all(FIND_RULES, **named)}
        own, default = found.get(phone_number), found.get(DEFAULT_RULE)
        scripted = self._unit_of_work.first(SCRIPT, **named)
        if scripted is None:
            return PhoneRules(None, own, default), None
        return PhoneRules(_rule(scripted[1:]), own, default), scripted[0]


def _said(rule: PhoneRule) -> dict[str, Any]:
    return {**{name: getattr(rule, name) for name in _SAID}, "behavior": rule.behavior.value}


def _rule(row: tuple[Any, ...]) -> PhoneRule:
    return PhoneRule(PhoneBehavior(row[0]), *row[1:])

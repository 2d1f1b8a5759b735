"""Read and change the rules and scripts of simulated phones, and count the phones that are ringing."""

from collections.abc import Sequence
from typing import NamedTuple

from ringback.domain.phones import Phone, PhoneRule, PhoneRules, PhoneSource, phone_at
from ringback.domain.sids import AccountSid
from ringback.storage.phone_repository import DEFAULT_RULE, RingingAccount, RingingPhones
from ringback.storage.unit_of_work import UnitOfWork


class EffectivePhone(NamedTuple):
    """The phone that the next call will reach, the source of its behavior, and the script of its number."""

    number: str
    phone: Phone
    source: PhoneSource
    script: list[PhoneRule]


def find_phone(unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, *, default: Phone) -> EffectivePhone:
    """Return the phone at an E.164 number, whether or not the number has a rule.

    For `DEFAULT_RULE`, return the phone at numbers without a rule.
    """
    rules = unit_of_work.phones.rules_at(account_sid, number)
    if number == DEFAULT_RULE:
        rules = PhoneRules(account=rules.account)
    phone, source = phone_at(number, rules, default)
    return EffectivePhone(number, phone, source, unit_of_work.phones.script(account_sid, number))


def phone_rules(unit_of_work: UnitOfWork, account_sid: AccountSid) -> dict[str, PhoneRule]:
    """Return all rules of an account by number; the account's default rule is under `DEFAULT_RULE`."""
    return unit_of_work.phones.all_rules(account_sid)


def script_lengths(unit_of_work: UnitOfWork, account_sid: AccountSid) -> dict[str, int]:
    """Return the lengths of an account's scripts, by phone number."""
    return unit_of_work.phones.script_lengths(account_sid)


def save_phone_rule(
    unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, rule: PhoneRule, *, default: Phone
) -> EffectivePhone | None:
    """Set the rule of a phone and return the phone, or None if the account was deleted."""
    with unit_of_work:
        if unit_of_work.accounts.lock_shared(account_sid) is None:
            return None
        unit_of_work.phones.save_rule(account_sid, number, rule)
        return find_phone(unit_of_work, account_sid, number, default=default)


def delete_phone_rule(unit_of_work: UnitOfWork, account_sid: AccountSid, number: str) -> bool:
    """Delete the rule of a phone. Return False if the phone does not have one."""
    with unit_of_work:
        return unit_of_work.phones.delete_rule(account_sid, number)


def queue_script(
    unit_of_work: UnitOfWork, account_sid: AccountSid, number: str, entries: Sequence[PhoneRule]
) -> list[PhoneRule] | None:
    """Append entries to the script of a number and return the whole script, or None if the account was deleted."""
    with unit_of_work:
        if unit_of_work.accounts.lock_shared(account_sid) is None:
            return None
        unit_of_work.phones.append_to_script(account_sid, number, entries)
        return unit_of_work.phones.script(account_sid, number)


def phone_script(unit_of_work: UnitOfWork, account_sid: AccountSid, number: str) -> list[PhoneRule]:
    """Return the script of a number: one entry for each of its next calls."""
    return unit_of_work.phones.script(account_sid, number)


def delete_phone_script(unit_of_work: UnitOfWork, account_sid: AccountSid, number: str) -> None:
    """Delete the script of a number, so that its rule applies to the next calls."""
    with unit_of_work:
        unit_of_work.phones.delete_script(account_sid, number)


MAX_COUNTED_PHONES = 100
"""Maximum number of phones that are counted in one account, because counting all would delay other requests."""


def ringing_accounts(unit_of_work: UnitOfWork) -> list[RingingAccount]:
    """Return the accounts with phones that are ringing or in a call, and the number of these phones."""
    return RingingPhones(unit_of_work).accounts(most=MAX_COUNTED_PHONES)
